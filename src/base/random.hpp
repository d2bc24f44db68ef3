#pragma once

// Counter-based random numbers keyed by global indices: a value depends on (seed, stream, item,
// coordinate) alone, never on the process grid, the block size or the order in which values are
// made. Philox4x32-10 of Random123 (Salmon et al., SC 2011).

#include "base/view.hpp"

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
  test = 99,
};

struct RandomKey {
  std::uint64_t seed = 0;
  Stream stream = Stream::data;
};

/// Standard normals. out is count × items.size(): out(k, q) = z(items[q], first + k), 53-bit
/// uniforms, Box-Muller over the coordinate pairs (2m, 2m+1). Same value bit by bit whatever first,
/// count and items are. Local.
/// @pre first ≥ 0, out.cols == items.size()
void fill_normal(RandomKey key, std::span<const std::int64_t> items, std::int64_t first,
                 MatrixView<double> out);

/// Uniforms in the open interval (0, 1), same keying. Local.
void fill_uniform(RandomKey key, std::span<const std::int64_t> items, std::int64_t first,
                  MatrixView<double> out);

/// One value, for tests and small uses: equal to what the fills give. Local.
double normal(RandomKey key, std::int64_t item, std::int64_t coordinate);
double uniform(RandomKey key, std::int64_t item, std::int64_t coordinate);

}  // namespace fathom
