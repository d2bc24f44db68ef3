#pragma once

// Samples as training sees them: inputs and targets by global index, made or read where they are
// needed. Local.

#include "networks/loss.hpp"
#include "networks/network.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// Inputs and targets of some samples, in memory of its own.
template <class T>
struct SampleBatch {
  std::int64_t samples = 0;
  std::int64_t dim = 0;              ///< of features; 0: tokens
  std::vector<T> features;           ///< dim × samples
  std::vector<std::int32_t> tokens;  ///< positions × samples
  std::int64_t outputs = 0;          ///< of values; 0: labels
  std::vector<T> values;             ///< outputs × samples
  std::vector<std::int32_t> labels;  ///< positions × samples

  Batch<T> inputs() const;
  LossTargets<T> targets() const;
};

/// Makes samples by their global index: the same ones on every rank, whatever else is asked for.
template <class T>
class SampleSource {
 public:
  SampleSource() = default;
  virtual ~SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;

  /// How many there are; −1: as many as are asked for.
  virtual std::int64_t samples() const = 0;
  /// All of `batch` ← the samples of these indices, in this order. May throw.
  virtual void fill(std::span<const std::int64_t> index, SampleBatch<T>& batch) const = 0;
};

/// Samples that stand in memory, whole on every rank.
template <class T>
class StoredSamples : public SampleSource<T> {
 public:
  /// @pre all.samples samples stand in it
  explicit StoredSamples(SampleBatch<T> all);
  std::int64_t samples() const override { return all_.samples; }
  void fill(std::span<const std::int64_t> index, SampleBatch<T>& batch) const override;

 private:
  SampleBatch<T> all_;
};

/// What a batch's loss is divided by: its samples, or under cross-entropy its labels ≥ 0.
template <class T>
std::int64_t counted(LossKind loss, const SampleBatch<T>& batch);

}  // namespace fathom
