#pragma once

// Forward passes of the samples that are dealt to a rank, batch by batch, kept or made again.

#include "comm/communicator.hpp"
#include "gram/empirical_ntk.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace fathom {

/// Contiguous shares of the samples over the ranks. Local but for the names of the ranks.
class SamplePasses {
 public:
  /// Makes one sample's pass to learn its size. `batch` 0: 128 samples, or fewer where they are
  /// large.
  SamplePasses(const Communicator& comm, const EmpiricalNtk& ntk, std::int64_t batch);

  /// Doubles that the passes of this rank's samples take, about.
  double held_doubles() const;
  /// Makes all passes and keeps them.
  void hold();
  bool held() const { return held_; }

  /// Called for every batch of this rank, in order. The samples are global indices.
  using Action =
      std::function<void(std::span<const std::int64_t> samples, const ForwardPass<double>& pass)>;
  void for_each(const Action& action) const;

  std::int64_t batch() const { return batch_; }
  /// Numbers that signals of one choice of a sample have.
  std::int64_t row_doubles() const { return row_doubles_; }
  /// ε times this is a relative error of gradients, estimated as in signal_panel.hpp.
  double rounding() const { return rounding_; }

 private:
  struct Pass {
    Pass(const EmpiricalNtk& ntk, std::vector<std::int64_t> list);
    std::vector<std::int64_t> samples;
    InputBatch inputs;
    std::unique_ptr<ForwardPass<double>> pass;
  };
  std::vector<std::int64_t> list(std::int64_t first) const;

  const EmpiricalNtk& ntk_;
  std::int64_t first_ = 0, end_ = 0, batch_ = 1;
  std::int64_t sample_doubles_ = 0, row_doubles_ = 0;
  double rounding_ = 0;
  bool held_ = false;
  std::vector<std::unique_ptr<Pass>> passes_;
};

/// Place of a chosen output among the outputs of a sample.
std::int64_t output_number(const EmpiricalNtk& ntk, std::int64_t choice);

}  // namespace fathom
