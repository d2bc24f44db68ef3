#pragma once

// What gradients alone say of how deep a loss gradient lies in the spectrum of Θ = JJᵀ, for models
// whose kernel is never formed (THEORY.md 2).

#include "comm/communicator.hpp"
#include "gram/empirical_ntk.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace fathom {

/// gradient ← ∂L/∂outputs of these samples, L the loss of the whole data set; both outputs of the
/// network × samples. Local.
using OutputGradient =
    std::function<void(std::span<const std::int64_t> samples, MatrixView<const double> outputs,
                       MatrixView<double> gradient)>;

struct GradientStatisticsOptions {
  /// 0: tr Θ exactly, from the gradient of every chosen output; else Hutchinson's estimate from so
  /// many ±1 probes, 2 at least.
  std::int64_t probes = 0;
  std::uint64_t seed = 1;                                ///< of the probes
  std::int64_t workspace_bytes = std::int64_t{1} << 28;  ///< of a rank, for directions
  std::int64_t batch = 0;                                ///< samples of a pass; 0: 128, or fewer
};

struct GradientStatistics {
  double chi_loss = 0;       ///< ‖g‖² over the chosen outputs
  double loss_decrease = 0;  ///< δL = ‖Jᵀg‖² = gᵀΘg
  double chi_net = 0;        ///< tr Θ = ‖J‖_F²
  double chi_net_error = 0;  ///< standard error of chi_net; 0 where it is exact
  std::int64_t probes = 0;   ///< 0: exact
  /// δL/(χ_loss χ_net); 0 where g or J is. Its relative standard error is that of chi_net.
  double spectral_position() const;
};

/// Over the chosen outputs of all samples; the rest of g is not looked at. Hutchinson's mean of
/// ‖Jᵀs‖², s keyed by (seed, probe, row), has variance 2(‖Θ‖_F² − Σ Θ_ii²)/probes, estimated from
/// the probes themselves. Samples are dealt over the ranks. Error(numeric) where a result is not
/// finite. Collective. @pre ntk.kind == all_outputs, probes ≠ 1
GradientStatistics gradient_statistics(const Communicator& comm, const EmpiricalNtk& ntk,
                                       const OutputGradient& gradient,
                                       const GradientStatisticsOptions& options = {});

}  // namespace fathom
