#pragma once

// A training continued with its kernel frozen: plain gradient flow in function space on the exact
// linearisation, df/dt = −Θ ∇_f L, for the same training time (Σ learning rates).

#include "dist/dist_matrix.hpp"
#include "networks/loss.hpp"
#include "spectral/reach.hpp"
#include "studies/kernel_moment.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// The continuation from one moment, at the times of a run's snapshots; NaN, and no depth, before
/// its start.
struct FrozenCurve {
  std::int64_t start = 0;  ///< step
  std::vector<double> loss;
  std::vector<DepthSnapshot> depth;

  /// Leaves out what lies beyond so many snapshots: those of a run that ended early.
  void end_after(std::size_t snapshots) {
    loss.resize(std::min(snapshots, loss.size()));
    depth.resize(loss.size());
  }
};

/// Squared error: mode by mode, r_k(t) = r_k e^{−λ_k t/n}. Computed eigenvalues below 0 stand
/// still. Local and pure. @pre `at` rises; compute as many
FrozenCurve frozen_squared_error(const KernelMoment& from, std::span<const double> at,
                                 std::span<const double> compute, double share);

/// What a cross entropy is held against.
struct FrozenClassification {
  std::span<const double> outputs;       ///< at the start, outputs × samples
  std::span<const std::int32_t> labels;  ///< positions × samples
  std::int64_t classes = 1;
};

/// Cross entropy: Runge–Kutta of fourth order, steps below 2N/λ₁ (the stability limit is 5.6 N/λ₁,
/// as ∇²L ≤ 1/(2N)) and at least 16 between two times. Collective.
/// @pre vectors are all those of the moment's kernel
FrozenCurve frozen_cross_entropy(const KernelMoment& from, const DistMatrix& vectors,
                                 const FrozenClassification& task, std::span<const double> at,
                                 std::span<const double> compute, double share);

}  // namespace fathom
