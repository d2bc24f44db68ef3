#include "spectral/reach.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace fathom {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double rounding = 1e-12;

/// A depth and the part of training it stands for.
using Weighted = std::pair<double, double>;

/// The largest depth such that as deep or deeper takes `fraction` of all weight.
double sustained_level(std::vector<Weighted> depth, double fraction) {
  std::sort(depth.begin(), depth.end(), std::greater<>());
  double all = 0.0;
  for (const Weighted& d : depth)
    all += d.second;
  double reached = 0.0;
  for (const Weighted& d : depth) {
    reached += d.second;
    if (reached >= fraction * all * (1.0 - rounding)) return d.first;
  }
  return nan;
}

/// How much of the window each snapshot stands for, in the measure asked for.
std::vector<double> window_weights(std::span<const DepthSnapshot> snapshots, ComputeWindow window,
                                   TrainingMeasure measure) {
  const auto coordinate = [&](double compute) {
    return measure == TrainingMeasure::log_compute ? std::log(compute) : compute;
  };
  const double first = coordinate(window.first), last = coordinate(window.last);
  std::vector<double> weight(snapshots.size(), 0.0), at;
  for (const DepthSnapshot& snapshot : snapshots)
    at.push_back(coordinate(snapshot.compute));
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (!std::isfinite(at[i])) continue;  // the logarithm of no compute
    const bool has_before = i > 0 && std::isfinite(at[i - 1]);
    const double low = has_before ? 0.5 * (at[i - 1] + at[i]) : at[i];
    const double high = i + 1 < at.size() ? 0.5 * (at[i] + at[i + 1]) : at[i];
    weight[i] = std::max(0.0, std::min(high, last) - std::max(low, first));
  }
  return weight;
}

}  // namespace

DepthSnapshot depth_snapshot(double compute, std::span<const double> eigenvalue,
                             std::span<const double> error_bound, std::span<const double> decrease,
                             double share) {
  FATHOM_ASSERT(share >= 0.0 && share < 1.0 && compute >= 0.0, "share = {}, compute = {}", share,
                compute);
  DepthSnapshot snapshot{compute, decrease_depth(eigenvalue, error_bound, decrease, 1.0 - share),
                         0.0};
  double top = 0.0;
  for (const double lambda : eigenvalue) {
    if (std::isnan(lambda)) continue;
    top = std::max(top, lambda);
    snapshot.floor = lambda / top;
  }
  return snapshot;
}

Reach sustained_reach(std::span<const DepthSnapshot> snapshots, ComputeWindow window,
                      const ReachOptions& options) {
  FATHOM_ASSERT(options.sustained > 0.0 && options.sustained <= 1.0, "sustained = {}",
                options.sustained);
  const bool logarithmic = options.measure == TrainingMeasure::log_compute;
  for (std::size_t i = 0; i < snapshots.size(); ++i)
    FATHOM_ASSERT(snapshots[i].compute >= (i == 0 ? 0.0 : snapshots[i - 1].compute),
                  "snapshot {} at compute {}", i, snapshots[i].compute);
  Reach reach;
  if (!(window.last > window.first)) return reach;
  FATHOM_ASSERT(window.first > 0.0 || (!logarithmic && window.first == 0.0),
                "the window begins at compute {}", window.first);
  const double width =
      logarithmic ? std::log(window.last / window.first) : window.last - window.first;
  const std::vector<double> weight = window_weights(snapshots, window, options.measure);
  std::vector<Weighted> mode, inverse;
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    if (!(weight[i] > 0.0)) continue;
    const DecreaseDepth& depth = snapshots[i].depth;
    ++reach.snapshots;
    reach.covered += weight[i] / width;
    if (depth.found() && depth.low <= snapshots[i].floor) reach.at_floor += weight[i] / width;
    mode.emplace_back(static_cast<double>(depth.mode()), weight[i]);
    inverse.emplace_back(depth.found() ? 1.0 / depth.relative_eigenvalue : 0.0, weight[i]);
  }
  if (reach.snapshots == 0) return reach;
  reach.mode = std::llround(sustained_level(std::move(mode), options.sustained));
  const double level = sustained_level(std::move(inverse), options.sustained);
  reach.relative_eigenvalue = level > 0.0 ? 1.0 / level : nan;
  return reach;
}

ComputeWindow common_window(std::span<const std::vector<DepthSnapshot>> runs) {
  ComputeWindow window{0.0, infinite};
  for (const std::vector<DepthSnapshot>& run : runs) {
    const auto first = std::find_if(run.begin(), run.end(),
                                    [](const DepthSnapshot& s) { return s.compute > 0.0; });
    if (first == run.end()) return {};
    window.first = std::max(window.first, first->compute);
    window.last = std::min(window.last, run.back().compute);
  }
  return runs.empty() ? ComputeWindow{} : window;
}

EqualComputeReach reach_at_equal_compute(std::span<const std::vector<DepthSnapshot>> runs,
                                         const ReachOptions& options) {
  EqualComputeReach result{common_window(runs), {}};
  for (const std::vector<DepthSnapshot>& run : runs)
    result.reach.push_back(sustained_reach(run, result.window, options));
  return result;
}

double value_at_compute(std::span<const double> compute, std::span<const double> value,
                        double budget) {
  FATHOM_ASSERT(compute.size() == value.size() && budget > 0.0, "{} computes, {} values, budget {}",
                compute.size(), value.size(), budget);
  for (std::size_t i = 0; i < compute.size(); ++i) {
    FATHOM_ASSERT(compute[i] > (i == 0 ? 0.0 : compute[i - 1]), "compute {} is {}", i, compute[i]);
    if (compute[i] == budget) return value[i];
    if (compute[i] < budget || i == 0) continue;
    if (compute[i - 1] > budget) break;
    const double share = std::log(budget / compute[i - 1]) / std::log(compute[i] / compute[i - 1]);
    return value[i - 1] + share * (value[i] - value[i - 1]);
  }
  return nan;
}

}  // namespace fathom
