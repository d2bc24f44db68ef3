#pragma once

// Spectral reach: how deep into its kernel's tail a model learns over a stretch of training, as a
// level that it sustains and not a single deepest moment. Local and pure.
//
// At every snapshot the depth is the mode (index, and λ/λ₁) beyond which a stated share of the loss
// decrease still came: decrease_depth at 1 − share, trusted modes only. The reach is the depth that
// was reached or exceeded during a stated fraction of the training window: a weighted quantile, the
// median by default. One lucky batch, or the last snapshot before a run stalls, does not move it.
//
// Training is measured in the logarithm of compute: losses fall as powers of it, so each decade of
// compute counts alike, and snapshots are spaced that way. Measured in plain compute, half of a run
// is its last factor of two, in which little is learned, and what came before has no say.

#include "spectral/position.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace fathom {

/// How deep the loss was being brought down at one moment.
struct DepthSnapshot {
  double compute = 0.0;  ///< spent up to here, in any unit that the models compared share; ≥ 0
  DecreaseDepth depth;   ///< not found: nothing was learned on trusted modes
  double floor = 0.0;    ///< smallest trusted λ/λ₁
};

/// The share beyond the depth is 0.1 by default, so that `ninety` of a SpectralPosition serves too.
/// @param eigenvalue NaN where not trusted @param decrease as trusted_decrease gives it
/// @pre as decrease_depth's; 0 ≤ share < 1
DepthSnapshot depth_snapshot(double compute, std::span<const double> eigenvalue,
                             std::span<const double> error_bound, std::span<const double> decrease,
                             double share = 0.1);

/// Training from one compute to another; empty where last ≤ first.
struct ComputeWindow {
  double first = 0.0;
  double last = 0.0;
};

enum class TrainingMeasure { log_compute, compute };

struct ReachOptions {
  double sustained = 0.5;  ///< fraction of the window during which the depth is held
  TrainingMeasure measure = TrainingMeasure::log_compute;
};

struct Reach {
  std::int64_t mode = 0;  ///< 1-based; 0 where there is none, or the snapshots have no index
  double relative_eigenvalue = std::numeric_limits<double>::quiet_NaN();  ///< λ/λ₁; NaN: none
  /// Part of the window in which the depth was the last trusted mode: what lies deeper was hidden.
  double at_floor = 0.0;
  double covered = 0.0;        ///< part of the window for which there are snapshots
  std::int64_t snapshots = 0;  ///< that stand for a part of the window

  bool found() const { return relative_eigenvalue > 0.0; }
};

/// A snapshot stands for the training half-way to its neighbours, cut at the window; those at no
/// compute at all stand for nothing in the logarithm. Index and λ/λ₁ are quantiles each for itself.
/// @pre snapshots in rising compute; 0 < sustained ≤ 1; window.first > 0 for log_compute
Reach sustained_reach(std::span<const DepthSnapshot> snapshots, ComputeWindow window,
                      const ReachOptions& options = {});

/// The training that all runs have in common: from the largest first compute above 0 to the
/// smallest final one. Runs that stopped early cut all others: leave them out to do without.
ComputeWindow common_window(std::span<const std::vector<DepthSnapshot>> runs);

struct EqualComputeReach {
  ComputeWindow window;
  std::vector<Reach> reach;  ///< one a run
};
/// Every run over the window that all have in common.
EqualComputeReach reach_at_equal_compute(std::span<const std::vector<DepthSnapshot>> runs,
                                         const ReachOptions& options = {});

/// A measured quantity at a budget between two snapshots, linear in the logarithm of compute; NaN
/// outside them. @pre compute rises, > 0; as many values; budget > 0
double value_at_compute(std::span<const double> compute, std::span<const double> value,
                        double budget);

}  // namespace fathom
