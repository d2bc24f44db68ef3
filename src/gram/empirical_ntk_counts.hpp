#pragma once

// Memory and work of an empirical tangent kernel from counts alone, whatever its parameters and
// inputs are: what a plan asks before anything is made. Pure.

#include "gram/assembly.hpp"
#include "gram/empirical_ntk.hpp"
#include "gram/empirical_ntk_plan.hpp"
#include "gram/signal_panel.hpp"

#include <cstdint>

namespace fathom {

struct EntkCounts {
  NtkKind kind = NtkKind::all_outputs;
  std::int64_t samples = 0, dim = 0;  ///< features of a sample; 0: tokens
  std::int64_t outputs = 0, choices = 0, parameters = 0;
  double forward_flops = 0;  ///< a sample
  SignalSizes signals;
  /// Doubles of a sample: inputs and outputs of its layers, position by position, and what other
  /// gradients hold of one choice.
  std::int64_t layer_inputs = 0, layer_outputs = 0, direct = 0;

  EntkCounts() = default;
  /// Runs nothing more.
  EntkCounts(const EmpiricalNtk& ntk, const SignalLayout& layout);
  /// Runs one sample to see its signals.
  explicit EntkCounts(const EmpiricalNtk& ntk) : EntkCounts(ntk, SignalLayout(ntk)) {}

  std::int64_t order() const { return samples * signals.rows_a_sample; }
  std::int64_t factor_rows() const { return parameters * copies(); }
  /// Gradients of the parameters that one column of the factor holds.
  std::int64_t copies() const { return kind == NtkKind::trace_kernel ? choices : 1; }
  /// Doubles that the forward pass of a sample keeps: inputs of layers, what stands before
  /// activations, and as much again for what else there is. About.
  std::int64_t pass_doubles() const { return 2 * (layer_inputs + layer_outputs); }
  /// Doubles of the signals of one choice of a sample.
  std::int64_t row_doubles() const { return layer_outputs + direct; }
  /// Doubles that the network gives of a sample: all choices.
  std::int64_t made_doubles() const { return layer_inputs + row_doubles() * choices; }
  /// Doubles of the signals of a sample, as the factor keeps them.
  std::int64_t kept_doubles() const {
    return layer_inputs + row_doubles() * (kind == NtkKind::sum_of_outputs ? 1 : choices);
  }
  /// Samples at a time, of forward passes and of the making of signals.
  std::int64_t pass_batch() const;
  std::int64_t signal_batch() const;

  /// Flops of an assembly, each signal made once; all ranks.
  double assembly_flops() const;
  /// Bytes that an assembly holds besides the matrix, on the fullest rank: the signals of its
  /// strips and of the batch that they are made of.
  double assembly_bytes(const Distribution& distribution,
                        const AssemblyOptions& options = {}) const;
  /// Flops of making every row of the factor once, all ranks.
  double factor_flops() const;
  /// Bytes of signals that its making keeps on a rank with so many columns.
  double factor_bytes(std::int64_t local_cols, const EntkFactorOptions& options = {}) const;
  /// Flops of one column of a product, its forward passes made again; all ranks.
  double operator_flops() const;
  /// Bytes that the operator takes on the fullest rank in products with so many columns.
  double operator_bytes(int ranks, std::int64_t columns,
                        const EntkOperatorOptions& options = {}) const;
};

}  // namespace fathom
