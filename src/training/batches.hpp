#pragma once

// Which samples a training step sees: a pure function of (seed, step, place in the batch), the same
// on every rank and for any order of asking. Nothing is carried from step to step. Local.

#include <cstdint>
#include <span>
#include <string_view>

namespace fathom {

enum class BatchKind {
  full,         ///< all samples, in their order, every step
  permutation,  ///< epoch by epoch, each in an order of its own: every sample once an epoch
  replacement,  ///< every place drawn on its own, uniformly
  fresh,        ///< sample step·size + place: never the same one twice, for data made on demand
};
std::string_view name(BatchKind kind);

/// Batches of `size` samples out of `samples` (fresh: out of as many as are asked for). Permuted
/// epochs follow each other without a gap: place step·size + i of the run is place (step·size + i)
/// mod samples of its epoch, so that all batches are of one size and a batch may hold the end of an
/// epoch and the beginning of the next.
struct Batches {
  BatchKind kind = BatchKind::full;
  std::int64_t samples = 0;
  std::int64_t size = 0;  ///< full: not read
  std::uint64_t seed = 0;

  /// Samples a step.
  std::int64_t step_size() const { return kind == BatchKind::full ? samples : size; }
  /// out[i] ← the sample at place first + i of the step's batch.
  /// @pre 0 ≤ step, 0 ≤ first, first + out.size() ≤ step_size(); samples ≥ 1 but for fresh
  void fill(std::int64_t step, std::int64_t first, std::span<std::int64_t> out) const;
};

/// Where epoch's permutation of 0 … n − 1 takes `place`: an alternating Feistel network on a × b ≥
/// n with Philox rounds, walked until it is back below n (Black & Rogaway, CT-RSA 2002, method 3).
/// O(1) time and memory.
/// @pre 0 ≤ place < n < 2^62
std::int64_t permuted(std::uint64_t seed, std::int64_t epoch, std::int64_t n, std::int64_t place);

/// A contiguous part of a whole.
struct SampleRange {
  std::int64_t first = 0, count = 0;
};
/// Part `number` of `total` dealt out to `parts` as evenly as it goes, in order.
/// @pre 0 ≤ number < parts
SampleRange contiguous_share(std::int64_t total, int number, int parts);

}  // namespace fathom
