#include "spectral/law.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fathom {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool usable(double value) {
  return std::isfinite(value) && value > 0.0;
}

/// Sums of ln λ against ln j over the usable modes, weighted 1/j, about a centre that keeps the
/// sums well scaled.
struct LogSums {
  double weight = 0.0, x = 0.0, y = 0.0, xx = 0.0, xy = 0.0;
  std::int64_t count = 0;
};

double slope(std::span<const double> eigenvalue, std::int64_t first, std::int64_t last,
             double centre) {
  LogSums sum;
  for (std::int64_t j = first; j <= last; ++j) {
    const double value = eigenvalue[j - 1];
    if (!usable(value)) continue;
    const double w = 1.0 / static_cast<double>(j);
    const double x = std::log(static_cast<double>(j)) - centre;
    const double y = std::log(value);
    sum.weight += w;
    sum.x += w * x;
    sum.y += w * y;
    sum.xx += w * x * x;
    sum.xy += w * x * y;
    ++sum.count;
  }
  if (sum.count < 3) return nan;
  const double mean = sum.x / sum.weight;
  return (sum.xy - mean * sum.y) / (sum.xx - mean * sum.x);
}

}  // namespace

double law_value(std::int64_t mode, double alpha, int degree) {
  FATHOM_ASSERT(mode >= 1 && degree >= 1, "mode = {}, degree = {}", mode, degree);
  const double j = static_cast<double>(mode);
  return std::pow(std::pow(std::log1p(j), degree - 1) / j, alpha);
}

std::vector<double> law_spectrum(std::int64_t count, double alpha, int degree) {
  std::vector<double> value(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
  for (std::int64_t j = 1; j <= count; ++j)
    value[j - 1] = law_value(j, alpha, degree);
  return value;
}

std::int64_t law_window_end(std::int64_t features, int degree) {
  FATHOM_ASSERT(features >= 1 && degree >= 1, "features = {}, degree = {}", features, degree);
  if (features < 3) return 1;  // log d ≤ 1 would widen the window, not narrow it
  const double d = static_cast<double>(features);
  const double end = d / std::pow(std::log(d), degree + 1);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(end));
}

std::vector<double> ratio_to(std::span<const double> value, std::span<const double> reference) {
  std::vector<double> ratio(value.size(), nan);
  const std::size_t both = std::min(value.size(), reference.size());
  for (std::size_t j = 0; j < both; ++j)
    if (usable(value[j]) && usable(reference[j])) ratio[j] = value[j] / reference[j];
  return ratio;
}

RatioSpread ratio_spread(std::span<const double> ratio, ModeRange range) {
  range.first = std::max<std::int64_t>(range.first, 1);
  range.last = std::min(range.last, static_cast<std::int64_t>(ratio.size()));
  RatioSpread spread{range, 0, nan, nan, nan, nan, nan, nan};
  double log_sum = 0.0, weight = 0.0;
  for (std::int64_t j = range.first; j <= range.last; ++j) {
    const double value = ratio[j - 1];
    if (!usable(value)) continue;
    log_sum += std::log(value) / static_cast<double>(j);
    weight += 1.0 / static_cast<double>(j);
    spread.minimum = spread.count == 0 ? value : std::min(spread.minimum, value);
    spread.maximum = spread.count == 0 ? value : std::max(spread.maximum, value);
    ++spread.count;
  }
  if (spread.count == 0) return spread;
  spread.geometric_mean = std::exp(log_sum / weight);
  spread.relative_minimum = spread.minimum / spread.geometric_mean;
  spread.relative_maximum = spread.maximum / spread.geometric_mean;
  spread.spread = spread.maximum / spread.minimum;
  return spread;
}

std::vector<double> local_slope(std::span<const double> eigenvalue, double decades) {
  FATHOM_ASSERT(decades > 0.0, "decades = {}", decades);
  const std::int64_t n = static_cast<std::int64_t>(eigenvalue.size());
  const double factor = std::pow(10.0, decades / 2.0);
  std::vector<double> result(eigenvalue.size(), nan);
  for (std::int64_t j = 1; j <= n; ++j) {
    if (!usable(eigenvalue[j - 1])) continue;
    const double mode = static_cast<double>(j);
    // The same factor on both sides: a one-sided window would bias the slope where it bends.
    double reach = factor;
    if (mode * reach > static_cast<double>(n)) reach = static_cast<double>(n) / mode;
    reach = std::min(reach, mode);
    std::int64_t first = static_cast<std::int64_t>(std::ceil(mode / reach - 1e-9));
    std::int64_t last = static_cast<std::int64_t>(std::floor(mode * reach + 1e-9));
    first = std::max<std::int64_t>(1, std::min(first, j - 1));
    last = std::min(n, std::max(last, j + 1));
    if (last - first < 2 && first == 1) last = std::min<std::int64_t>(n, 3);
    if (last - first < 2 && last == n) first = std::max<std::int64_t>(1, n - 2);
    result[j - 1] = slope(eigenvalue, first, last, std::log(mode));
  }
  return result;
}

}  // namespace fathom
