#pragma once

// Counter-based random numbers keyed by global indices: a value depends on (seed, stream, item,
// coordinate) alone, never on the process grid, the block size or the order in which values are
// made. Philox4x32-10 of Random123 (Salmon et al., SC 2011): the counter is (item, coordinate / 2),
// 64 bits each, the key a mix of seed and stream. The bits of every number are the same on every
// IEEE machine, with and without vector instructions.

#include "base/view.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace fathom {

/// What a stream of numbers is for. Different streams of one seed are independent.
enum class Stream : std::uint32_t {
  data = 1,
  weights = 2,
  probes = 3,
  targets = 4,
  bootstrap = 5,
  parameters = 6,  ///< of networks
  batches = 7,     ///< which samples a training step sees
  noise = 8,       ///< of labels
  sequences = 9,   ///< of hidden Markov models
  test = 99,
};

struct RandomKey {
  std::uint64_t seed = 0;
  Stream stream = Stream::data;
};

/// Standard normals. out is count × items.size(): out(k, q) = z(items[q], first + k), Box-Muller
/// over the uniforms of the coordinate pairs (2m, 2m+1). Same value bit by bit whatever first,
/// count and items are. Local.
/// @pre first ≥ 0, out.cols == items.size()
void fill_normal(RandomKey key, std::span<const std::int64_t> items, std::int64_t first,
                 MatrixView<double> out);

/// Uniforms in the open interval (0, 1): odd multiples of 2^-53. Same keying, hence the same bits
/// as the normals of that key: give them another stream where both are needed. Local.
void fill_uniform(RandomKey key, std::span<const std::int64_t> items, std::int64_t first,
                  MatrixView<double> out);

/// One value, for tests and small uses: equal to what the fills give. Local.
double normal(RandomKey key, std::int64_t item, std::int64_t coordinate);
double uniform(RandomKey key, std::int64_t item, std::int64_t coordinate);

/// The key of Philox that a seed and a stream give: SplitMix64's finaliser of seed ^ (finaliser of
/// stream), so that small seeds and streams have unrelated keys. Local.
std::array<std::uint32_t, 2> philox_key(RandomKey key);

/// The block cipher itself, by the same code as the fills. Local.
std::array<std::uint32_t, 4> philox_block(std::array<std::uint32_t, 4> counter,
                                          std::array<std::uint32_t, 2> key);

}  // namespace fathom
