#include "spectral/position.hpp"

#include "base/assert.hpp"
#include "spectral/compensated_sum.hpp"
#include "spectral/student.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
// Parseval and the trace hold to about nε; the certificate of a run fails long before this.
constexpr double consistent = 1e-6;
constexpr double rounding = 4 * std::numeric_limits<double>::epsilon();

enum State : int { untrusted = 0, trusted = 1, null_by_rank = 2 };

double ratio(double numerator, double denominator) {
  return denominator > 0.0 ? numerator / denominator : nan;
}

void check(const KernelModes& modes, std::span<const double> projection, double gradient_squared) {
  const std::size_t n = modes.eigenvalue.size();
  FATHOM_ASSERT(modes.error_bound.size() == n && modes.state.size() == n && projection.size() == n,
                "{} eigenvalues, {} bounds, {} states, {} projections", n, modes.error_bound.size(),
                modes.state.size(), projection.size());
  FATHOM_ASSERT(modes.outputs >= 1 && modes.unlisted_null >= 0 &&
                    static_cast<std::int64_t>(n) + modes.unlisted_null <= modes.outputs,
                "{} modes and {} null ones that are not listed, of {} outputs", n,
                modes.unlisted_null, modes.outputs);
  FATHOM_ASSERT(std::isfinite(modes.trace) && modes.trace >= 0.0 &&
                    std::isfinite(gradient_squared) && gradient_squared >= 0.0,
                "tr = {}, |g|^2 = {}", modes.trace, gradient_squared);
  double last = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < n; ++k) {
    const double lambda = modes.eigenvalue[k], bound = modes.error_bound[k];
    FATHOM_ASSERT(modes.state[k] >= untrusted && modes.state[k] <= null_by_rank,
                  "mode {}: state {}", k + 1, modes.state[k]);
    FATHOM_ASSERT(std::isfinite(projection[k]) || modes.state[k] == null_by_rank,
                  "mode {}: projection {}", k + 1, projection[k]);
    if (modes.state[k] == trusted)
      FATHOM_ASSERT(lambda > 0.0 && bound >= 0.0 && bound <= 0.1 * lambda,
                    "mode {} is no trusted one: {} with bound {}", k + 1, lambda, bound);
    if (std::isnan(lambda)) continue;
    FATHOM_ASSERT(lambda <= last, "mode {}: {} after {}", k + 1, lambda, last);
    last = lambda;
  }
}

void check(const GaussQuadrature& measure, double gradient_squared,
           const QuadratureKernel& kernel) {
  const std::vector<double>&node = measure.node, &weight = measure.weight;
  FATHOM_ASSERT(node.size() == weight.size() && kernel.outputs >= 1 && kernel.trace >= 0.0 &&
                    kernel.floor >= 0.0 && gradient_squared >= 0.0,
                "{} nodes, {} weights, {} outputs, tr = {}, floor = {}, |g|^2 = {}", node.size(),
                weight.size(), kernel.outputs, kernel.trace, kernel.floor, gradient_squared);
  FATHOM_ASSERT(std::is_sorted(node.rbegin(), node.rend()), "{} nodes that do not fall",
                node.size());
  FATHOM_ASSERT(node.empty() || node.front() <= kernel.top_eigenvalue * (1.0 + consistent),
                "a node at {} above the top eigenvalue {}", node.front(), kernel.top_eigenvalue);
  CompensatedSum power;
  for (const double w : weight) {
    FATHOM_ASSERT(w >= 0.0, "weight {}", w);
    power.add(w);
  }
  FATHOM_ASSERT(std::abs(power.value() - gradient_squared) <= consistent * gradient_squared,
                "weights sum to {}, |g|^2 = {}", power.value(), gradient_squared);
}

/// Sums over the modes of one kernel and one g.
struct Sums {
  CompensatedSum eigenvalue, decrease, decrease_error, trusted_decrease, trusted_power, lost_power,
      power;
  bool power_is_whole = true;  // no projection is missing
};

Sums sums_over(const KernelModes& modes, std::span<const double> projection) {
  Sums sums;
  for (std::size_t k = 0; k < projection.size(); ++k) {
    const double lambda = modes.eigenvalue[k], power = projection[k] * projection[k];
    if (std::isnan(power)) {
      sums.power_is_whole = false;
      continue;
    }
    sums.power.add(power);
    if (!std::isnan(lambda)) sums.decrease.add(lambda * power);
    if (modes.state[k] != trusted) {
      sums.lost_power.add(power);
      continue;
    }
    sums.eigenvalue.add(lambda);
    sums.trusted_power.add(power);
    sums.trusted_decrease.add(lambda * power);
    sums.decrease_error.add(modes.error_bound[k] * power);
  }
  return sums;
}

/// Where the power goes that no listed mode holds: it is null by rank if that is what all modes
/// left out are, and unknown otherwise.
void share_missing_power(const KernelModes& modes, const Sums& sums, SpectralPosition& position) {
  const double total = position.chi_loss;
  const double missing = total - sums.power.value();
  const auto listed = static_cast<std::int64_t>(modes.eigenvalue.size());
  const bool whole = listed == modes.outputs && sums.power_is_whole;
  FATHOM_ASSERT(missing >= -consistent * total && (!whole || missing <= consistent * total),
                "projections hold {} of |g|^2 = {} in {} of {} modes", sums.power.value(), total,
                listed, modes.outputs);
  const bool rest_is_null = listed + modes.unlisted_null == modes.outputs;
  const double rest = whole ? 0.0 : std::max(0.0, missing);
  position.unreachable_fraction =
      ratio(sums.lost_power.value() + (rest_is_null ? rest : 0.0), total);
  position.unresolved_fraction = ratio(rest_is_null ? 0.0 : rest, total);
}

/// χ_pos of both kinds from the sums that a spectrum or a quadrature gives.
void set_ratios(double trusted_decrease, double trusted_power, SpectralPosition& position) {
  position.chi_pos = ratio(ratio(position.decrease, position.chi_loss), position.chi_net);
  position.chi_pos_trusted = ratio(ratio(trusted_decrease, trusted_power), position.chi_net);
}

/// Nodes above the floor, as decrease_depth takes modes.
DecreaseDepth quadrature_depth(const GaussQuadrature& measure, const QuadratureKernel& kernel,
                               double share) {
  std::vector<double> node(measure.node), decrease(measure.node.size());
  for (std::size_t i = 0; i < node.size(); ++i) {
    decrease[i] = node[i] * measure.weight[i];
    if (!(node[i] > kernel.floor && node[i] > 0.0)) node[i] = nan;
  }
  DecreaseDepth depth = decrease_depth(node, {}, decrease, share);
  if (!depth.found()) return depth;
  const std::size_t at = static_cast<std::size_t>(depth.modes.last - 1);
  const double top = kernel.top_eigenvalue;
  depth.relative_eigenvalue = measure.node[at] / top;
  depth.high = at == 0 ? 1.0 : measure.node[at - 1] / top;
  depth.low =
      std::max(kernel.floor, at + 1 < node.size() ? std::max(0.0, measure.node[at + 1]) : 0.0) /
      top;
  depth.modes = {};  // nodes are no modes
  return depth;
}

}  // namespace

SpectralPosition spectral_position(const KernelModes& modes, std::span<const double> projection,
                                   double gradient_squared) {
  check(modes, projection, gradient_squared);
  const Sums sums = sums_over(modes, projection);
  FATHOM_ASSERT(sums.eigenvalue.value() <= modes.trace * (1.0 + consistent),
                "trusted eigenvalues sum to {}, the trace is {}", sums.eigenvalue.value(),
                modes.trace);
  SpectralPosition position;
  position.chi_loss = gradient_squared;
  position.chi_net = modes.trace;
  position.decrease = sums.decrease.value();
  position.decrease_error = sums.decrease_error.value();
  set_ratios(sums.trusted_decrease.value(), sums.trusted_power.value(), position);
  share_missing_power(modes, sums, position);
  position.null_level = 1.0 / static_cast<double>(modes.outputs);

  const std::vector<double> value = trusted_values<int>(modes.eigenvalue, modes.state);
  double top = nan, floor = nan;
  for (const double lambda : value) {
    if (std::isnan(lambda)) continue;
    if (position.trusted++ == 0) top = lambda;
    floor = lambda;
  }
  position.top_level = ratio(top, modes.trace);
  position.trusted_floor = ratio(floor, top);
  const std::vector<double> decrease = trusted_decrease(modes.eigenvalue, modes.state, projection);
  position.half = decrease_depth(value, modes.error_bound, decrease, 0.5);
  position.ninety = decrease_depth(value, modes.error_bound, decrease, 0.9);
  return position;
}

std::vector<double> trusted_decrease(std::span<const double> eigenvalue, std::span<const int> state,
                                     std::span<const double> projection) {
  FATHOM_ASSERT(eigenvalue.size() == state.size() && eigenvalue.size() == projection.size(),
                "{} eigenvalues, {} states, {} projections", eigenvalue.size(), state.size(),
                projection.size());
  std::vector<double> decrease(eigenvalue.size(), 0.0);
  for (std::size_t k = 0; k < decrease.size(); ++k)
    if (state[k] == trusted) decrease[k] = eigenvalue[k] * projection[k] * projection[k];
  return decrease;
}

DecreaseDepth decrease_depth(std::span<const double> eigenvalue,
                             std::span<const double> error_bound, std::span<const double> decrease,
                             double share) {
  FATHOM_ASSERT(share > 0.0 && share <= 1.0, "share = {}", share);
  FATHOM_ASSERT(decrease.size() == eigenvalue.size() &&
                    (error_bound.empty() || error_bound.size() == eigenvalue.size()),
                "{} eigenvalues, {} decreases, {} bounds", eigenvalue.size(), decrease.size(),
                error_bound.size());
  CompensatedSum all;
  std::vector<std::size_t> mode;
  for (std::size_t k = 0; k < eigenvalue.size(); ++k) {
    if (std::isnan(eigenvalue[k])) continue;
    FATHOM_ASSERT(eigenvalue[k] > 0.0 && decrease[k] >= 0.0 &&
                      (mode.empty() || eigenvalue[k] <= eigenvalue[mode.back()]),
                  "mode {}: eigenvalue {}, decrease {}", k + 1, eigenvalue[k], decrease[k]);
    all.add(decrease[k]);
    mode.push_back(k);
  }
  if (!(all.value() > 0.0)) return {};
  const double wanted = share * all.value() * (1.0 - rounding);
  const auto bound = [&](std::size_t k) { return error_bound.empty() ? 0.0 : error_bound[k]; };
  CompensatedSum reached;
  for (std::size_t i = 0; i < mode.size();) {
    const std::size_t first = mode[i];
    std::size_t last = first;
    // Held against the group's first mode, not its neighbour: no chain runs down the spectrum.
    for (; i < mode.size() &&
           eigenvalue[first] - eigenvalue[mode[i]] <= bound(first) + bound(mode[i]);
         ++i) {
      last = mode[i];
      reached.add(decrease[last]);
    }
    if (reached.value() < wanted) continue;
    const double top = eigenvalue[mode.front()];
    return {{static_cast<std::int64_t>(first) + 1, static_cast<std::int64_t>(last) + 1},
            eigenvalue[last] / top,
            eigenvalue[last] / top,
            eigenvalue[first] / top};
  }
  return {};
}

SpectralPosition spectral_position(const GaussQuadrature& measure, double gradient_squared,
                                   const QuadratureKernel& kernel) {
  check(measure, gradient_squared, kernel);
  CompensatedSum decrease, reached_power, reached_decrease, lost_power;
  for (std::size_t i = 0; i < measure.node.size(); ++i) {
    const double node = measure.node[i], weight = measure.weight[i];
    decrease.add(weight * node);
    if (node > kernel.floor) {
      reached_power.add(weight);
      reached_decrease.add(weight * node);
    } else {
      lost_power.add(weight);
    }
  }
  SpectralPosition position;
  position.chi_loss = gradient_squared;
  position.chi_net = kernel.trace;
  position.decrease = decrease.value();
  set_ratios(reached_decrease.value(), reached_power.value(), position);
  position.unreachable_fraction = ratio(lost_power.value(), gradient_squared);
  position.null_level = 1.0 / static_cast<double>(kernel.outputs);
  position.top_level = ratio(kernel.top_eigenvalue, kernel.trace);
  position.trusted_floor = ratio(kernel.floor, kernel.top_eigenvalue);
  position.half = quadrature_depth(measure, kernel, 0.5);
  position.ninety = quadrature_depth(measure, kernel, 0.9);
  return position;
}

TraceEstimate hutchinson_trace(std::span<const double> quadratic_form) {
  const MeanSpread spread = mean_spread(quadratic_form);
  FATHOM_ASSERT(
      spread.count >= 2 && static_cast<std::size_t>(spread.count) == quadratic_form.size(),
      "{} finite values of {}", spread.count, quadratic_form.size());
  return {spread.mean, spread.deviation / std::sqrt(static_cast<double>(spread.count)),
          spread.count};
}

GradientPosition position_from_gradients(double decrease, double chi_loss,
                                         const TraceEstimate& trace, double confidence) {
  FATHOM_ASSERT(decrease >= 0.0 && chi_loss > 0.0 && trace.value > 0.0 &&
                    trace.standard_error >= 0.0 &&
                    (trace.standard_error == 0.0 || trace.probes >= 2),
                "decrease {}, |g|^2 = {}, trace {} with error {} from {} probes", decrease,
                chi_loss, trace.value, trace.standard_error, trace.probes);
  const double rate = decrease / chi_loss;
  GradientPosition result;
  result.chi_pos = rate / trace.value;
  result.standard_error = result.chi_pos * trace.standard_error / trace.value;
  result.low = result.high = result.chi_pos;
  if (trace.standard_error == 0.0) return result;
  const double half =
      student_quantile(confidence, static_cast<double>(trace.probes - 1)) * trace.standard_error;
  result.low = rate / (trace.value + half);
  // gᵀΘg/‖g‖² ≤ λ₁ ≤ tr Θ, so no trace below the rate is possible.
  result.high = rate > 0.0 ? rate / std::max(trace.value - half, rate) : 0.0;
  return result;
}

DecreaseSplit split_decrease(std::span<const double> eigenvalue, std::span<const double> signal,
                             std::span<const double> noise) {
  return {cross_decrease(eigenvalue, signal, signal), cross_decrease(eigenvalue, noise, noise),
          2.0 * cross_decrease(eigenvalue, signal, noise)};
}

double cross_decrease(std::span<const double> eigenvalue, std::span<const double> projection_a,
                      std::span<const double> projection_b) {
  FATHOM_ASSERT(
      eigenvalue.size() == projection_a.size() && eigenvalue.size() == projection_b.size(),
      "{} eigenvalues, {} and {} projections", eigenvalue.size(), projection_a.size(),
      projection_b.size());
  CompensatedSum sum;
  for (std::size_t k = 0; k < eigenvalue.size(); ++k)
    if (!std::isnan(eigenvalue[k])) sum.add(eigenvalue[k] * projection_a[k] * projection_b[k]);
  return sum.value();
}

}  // namespace fathom
