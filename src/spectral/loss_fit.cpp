#include "spectral/loss_fit.hpp"

#include "base/assert.hpp"
#include "spectral/student.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <boost/math/tools/minima.hpp>
#include <fmt/format.h>

namespace fathom {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double smallest_exponent = 0.01, largest_exponent = 10.0;
constexpr int grid_points = 60;
constexpr int digits = 26;  // half of a double's: all that a minimum has

/// E, A and a in units of the smallest size: E + A x, x = (N/N_min)^-a.
struct Parameters {
  double floor = nan;
  double amplitude = nan;
  double exponent = nan;
  double square = std::numeric_limits<double>::infinity();  ///< Σ relative residual²
  bool floor_is_zero = false;
  bool at_bound = false;
};

/// The runs of one fit: logarithms of N/N_min, losses, and 1/scale, what a residual is relative to.
struct Problem {
  std::vector<double> log_size, loss, inverse_scale;
  std::optional<double> known_floor;

  std::size_t parameters() const { return known_floor ? 2 : 3; }
};

/// The best E and A for one exponent.
Parameters project(const Problem& problem, double exponent) {
  const std::size_t n = problem.loss.size();
  std::vector<double> x(n), weight(n);
  double total = 0.0, x_mean = 0.0, y_mean = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = std::exp(-exponent * problem.log_size[i]);
    weight[i] = problem.inverse_scale[i] * problem.inverse_scale[i];
    total += weight[i];
    x_mean += weight[i] * x[i];
    y_mean += weight[i] * problem.loss[i];
  }
  x_mean /= total;
  y_mean /= total;
  double xx = 0.0, xy = 0.0;
  // Centred: at small exponents x hardly differs from 1.
  for (std::size_t i = 0; i < n; ++i) {
    xx += weight[i] * (x[i] - x_mean) * (x[i] - x_mean);
    xy += weight[i] * (x[i] - x_mean) * (problem.loss[i] - y_mean);
  }
  Parameters result;
  result.exponent = exponent;
  result.amplitude = xy / xx;
  result.floor = y_mean - result.amplitude * x_mean;
  result.floor_is_zero = !problem.known_floor && result.floor < 0.0;
  if (problem.known_floor || result.floor_is_zero) {
    result.floor = problem.known_floor.value_or(0.0);
    double xr = 0.0, x_square = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      xr += weight[i] * x[i] * (problem.loss[i] - result.floor);
      x_square += weight[i] * x[i] * x[i];
    }
    result.amplitude = xr / x_square;
  }
  result.square = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double rest = problem.loss[i] - result.floor - result.amplitude * x[i];
    result.square += weight[i] * rest * rest;
  }
  return result;
}

/// Search over the exponent: a grid in its logarithm, then Brent's method about the best point.
Parameters solve(const Problem& problem) {
  const double low = std::log(smallest_exponent), high = std::log(largest_exponent);
  const double step = (high - low) / (grid_points - 1);
  int best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < grid_points; ++i) {
    const double square = project(problem, std::exp(low + i * step)).square;
    if (!(square < least)) continue;
    least = square;
    best = i;
  }
  const double left = low + std::max(best - 1, 0) * step;
  const double right = low + std::min(best + 1, grid_points - 1) * step;
  const auto [logarithm, square] = boost::math::tools::brent_find_minima(
      [&](double a) { return project(problem, std::exp(a)).square; }, left, right, digits);
  Parameters result = project(problem, std::exp(square <= least ? logarithm : low + best * step));
  constexpr double margin = 1e-3;
  result.at_bound =
      std::log(result.exponent) < low + margin || std::log(result.exponent) > high - margin;
  // A loss that does not fall has no exponent.
  if (!(result.amplitude > 0.0)) result.exponent = nan;
  return result;
}

double fitted(const Problem& problem, const Parameters& p, std::size_t i) {
  return p.floor + p.amplitude * std::exp(-p.exponent * problem.log_size[i]);
}

/// What the bootstrap draws from: for each point a centre, and the points whose deviations it may
/// be given, in units of scale.
struct Resampling {
  std::vector<double> centre, deviation;
  std::vector<std::vector<std::size_t>> pool;
  std::string method;
};

Resampling within_sizes(const Problem& problem,
                        const std::map<double, std::vector<std::size_t>>& sizes) {
  const std::size_t n = problem.loss.size();
  Resampling result{std::vector<double>(n), std::vector<double>(n),
                    std::vector<std::vector<std::size_t>>(n),
                    "bootstrap of the runs within each size"};
  for (const auto& [size, members] : sizes) {
    const auto count = static_cast<double>(members.size());
    double mean = 0.0;
    for (const std::size_t i : members)
      mean += problem.loss[i] / count;
    for (const std::size_t i : members) {
      result.centre[i] = mean;
      result.deviation[i] = std::sqrt(count / (count - 1.0)) * (problem.loss[i] - mean);
      result.pool[i] = members;
    }
  }
  return result;
}

Resampling about_the_fit(const Problem& problem, const Parameters& fit) {
  const std::size_t n = problem.loss.size();
  Resampling result{{}, {}, {}, "bootstrap of the residuals about the fit"};
  std::vector<std::size_t> all(n);
  for (std::size_t i = 0; i < n; ++i)
    all[i] = i;
  const double widen =
      std::sqrt(static_cast<double>(n) / static_cast<double>(n - problem.parameters()));
  for (std::size_t i = 0; i < n; ++i) {
    result.centre.push_back(fitted(problem, fit, i));
    result.deviation.push_back(widen * (problem.loss[i] - result.centre[i]) *
                               problem.inverse_scale[i]);
  }
  result.pool.assign(n, all);
  return result;
}

Problem drawn(const Problem& problem, const Resampling& from, bool relative, RandomKey key,
              std::int64_t resample) {
  Problem result = problem;
  for (std::size_t i = 0; i < problem.loss.size(); ++i) {
    const std::vector<std::size_t>& pool = from.pool[i];
    const double u = uniform(key, resample, static_cast<std::int64_t>(i));
    const auto at = static_cast<std::size_t>(u * static_cast<double>(pool.size()));
    const double deviation = from.deviation[pool[std::min(at, pool.size() - 1)]];
    result.loss[i] = from.centre[i] + (relative ? deviation / problem.inverse_scale[i] : deviation);
  }
  return result;
}

/// The share of resamples beyond an end of the interval. A bootstrap knows nothing of the freedom
/// that its scatter was estimated with: percentiles of the normal that lie as far out as Student's
/// t (Hesterberg 2015).
double tail_share(double confidence, std::size_t freedom) {
  return 0.5 *
         std::erfc(student_quantile(confidence, static_cast<double>(freedom)) / std::sqrt(2.0));
}

/// The percentile interval; NaN where so many resamples had no value that its ends are not known.
void set_interval(std::vector<double> value, int resamples, double tail, FittedValue& result) {
  result.low = result.high = nan;
  const auto missing = static_cast<double>(resamples) - static_cast<double>(value.size());
  if (missing > tail * resamples) return;
  std::sort(value.begin(), value.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(value.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, value.size() - 1);
    return value[below] + (place - static_cast<double>(below)) * (value[above] - value[below]);
  };
  result.low = at(tail);
  result.high = at(1.0 - tail);
}

/// A in units of loss · size^a.
double amplitude(const Parameters& p, double smallest_size) {
  return p.amplitude * std::pow(smallest_size, p.exponent);
}

void add_intervals(const Problem& problem, const Parameters& fit, double smallest_size,
                   const LossFitOptions& options, LossFit& result) {
  std::map<double, std::vector<std::size_t>> sizes;
  for (std::size_t i = 0; i < problem.loss.size(); ++i)
    sizes[problem.log_size[i]].push_back(i);
  const bool repeated =
      std::all_of(sizes.begin(), sizes.end(), [](const auto& at) { return at.second.size() >= 2; });
  if (!repeated && problem.loss.size() <= problem.parameters()) {
    result.method = "as many parameters as runs: no intervals";
    return;
  }
  const Resampling from = repeated ? within_sizes(problem, sizes) : about_the_fit(problem, fit);
  const std::size_t runs = problem.loss.size();
  const double tail =
      tail_share(options.confidence, runs - (repeated ? sizes.size() : problem.parameters()));
  std::vector<double> floor, scale, exponent;
  for (int r = 0; r < options.resamples; ++r) {
    const Parameters p = solve(drawn(problem, from, !repeated, options.key, r));
    if (!std::isfinite(p.exponent)) continue;
    floor.push_back(p.floor);
    scale.push_back(amplitude(p, smallest_size));
    exponent.push_back(p.exponent);
  }
  const std::size_t kept = exponent.size();
  set_interval(std::move(floor), options.resamples, tail, result.floor);
  set_interval(std::move(scale), options.resamples, tail, result.amplitude);
  set_interval(std::move(exponent), options.resamples, tail, result.exponent);
  result.method = fmt::format("{:g} % percentile intervals of a {}, {} resamples",
                              100.0 * options.confidence, from.method, options.resamples);
  if (kept < static_cast<std::size_t>(options.resamples))
    result.method += fmt::format(", {} of them without a falling loss",
                                 static_cast<std::size_t>(options.resamples) - kept);
}

/// The points that can be used, and the smallest size among them.
Problem usable(std::span<const LossPoint> points, const LossFitOptions& options, double& smallest) {
  const double known = options.floor.value_or(0.0);
  Problem problem;
  problem.known_floor = options.floor;
  smallest = std::numeric_limits<double>::infinity();
  for (const LossPoint& point : points) {
    FATHOM_ASSERT(point.size > 0.0 && std::isfinite(point.size), "size = {}", point.size);
    if (std::isfinite(point.loss) && point.loss > known) smallest = std::min(smallest, point.size);
  }
  for (const LossPoint& point : points) {
    if (!(std::isfinite(point.loss) && point.loss > known)) continue;
    problem.log_size.push_back(std::log(point.size / smallest));
    problem.loss.push_back(point.loss);
    problem.inverse_scale.push_back(1.0 / (point.loss - known));
  }
  return problem;
}

}  // namespace

double LossFit::excess(double size) const {
  return amplitude.value * std::pow(size, -exponent.value);
}

double LossFit::loss(double size) const {
  return floor.value + excess(size);
}

LossFit fit_saturating_law(std::span<const LossPoint> points, const LossFitOptions& options) {
  FATHOM_ASSERT(options.confidence > 0.0 && options.confidence < 1.0 &&
                    (options.resamples == 0 || options.resamples >= 20),
                "confidence = {}, resamples = {}", options.confidence, options.resamples);
  double smallest = 0.0;
  const Problem problem = usable(points, options, smallest);
  LossFit result;
  result.floor = result.amplitude = result.exponent = {nan, nan, nan};
  result.residual = nan;
  result.points = static_cast<std::int64_t>(problem.loss.size());
  result.left_out = static_cast<std::int64_t>(points.size()) - result.points;
  std::vector<double> sizes = problem.log_size;
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  if (sizes.size() < problem.parameters()) {
    result.method =
        fmt::format("{} sizes, {} parameters: no fit", sizes.size(), problem.parameters());
    return result;
  }
  const Parameters fit = solve(problem);
  if (!std::isfinite(fit.exponent)) {
    result.method = "the loss does not fall with size: no fit";
    return result;
  }
  result.floor.value = fit.floor;
  result.amplitude.value = amplitude(fit, smallest);
  result.exponent.value = fit.exponent;
  result.residual = std::sqrt(fit.square / static_cast<double>(problem.loss.size()));
  result.at_bound = fit.at_bound;
  result.floor_is_zero = fit.floor_is_zero;
  result.method = "no intervals were asked for";
  if (options.resamples > 0) add_intervals(problem, fit, smallest, options, result);
  return result;
}

double doubling_gain(const LossFit& fit, double size) {
  FATHOM_ASSERT(fit.found() && size > 0.0, "a = {}, size = {}", fit.exponent.value, size);
  return (fit.loss(size) - fit.loss(2.0 * size)) / fit.loss(size);
}

double asymptote_onset(const LossFit& fit, double fraction) {
  FATHOM_ASSERT(fit.found() && fraction > 0.0 && fraction < 1.0, "a = {}, fraction = {}",
                fit.exponent.value, fraction);
  // A N^-a (1 − 2^-a) = fraction (E + A N^-a)
  const double gained = -std::expm1(-fit.exponent.value * std::log(2.0)) - fraction;
  if (gained <= 0.0) return 0.0;
  return std::pow(fit.amplitude.value * gained / (fraction * fit.floor.value),
                  1.0 / fit.exponent.value);
}

}  // namespace fathom
