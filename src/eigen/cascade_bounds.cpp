#include "eigen/cascade_bounds.hpp"

#include "base/assert.hpp"
#include "eigen/error_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fathom {

std::int64_t head_size(std::span<const double> eigenvalue, double threshold) {
  FATHOM_ASSERT(!eigenvalue.empty() && threshold > 0 && threshold < 1,
                "{} eigenvalues, threshold {}", eigenvalue.size(), threshold);
  const std::int64_t order = std::ssize(eigenvalue);
  const double top = eigenvalue[0], noise = unit_roundoff * top;
  const auto value = [&](std::int64_t k) { return eigenvalue[static_cast<std::size_t>(k)]; };
  std::int64_t above = 1;
  while (above < order && value(above) > threshold * top)
    ++above;
  if (above == order) return order;
  std::int64_t best = above;
  double widest = 0;
  for (std::int64_t k = above; k >= 1; --k) {
    const double ratio = value(k - 1) / std::max(value(k), noise);
    if (ratio > widest) widest = ratio, best = k;
    if (ratio > 1.5 || value(k - 1) > 100 * threshold * top) break;
  }
  return best;
}

std::int64_t expected_head(std::int64_t order, std::int64_t done, std::int64_t last) {
  if (done == 0) return order / 40;
  // From one level the factor is not known: what it did is taken for it.
  const double factor = done == last ? double(done) + 1 : double(done) / double(done - last);
  return static_cast<std::int64_t>(double(done) * std::min(factor - 1, double(order)));
}

double leak_error(double leak, double ratio) {
  const double square = leak * leak, linear = leak * ratio;
  const double quadratic =
      ratio < 1 ? linear * linear / (1 - ratio) : std::numeric_limits<double>::infinity();
  return 2 * square + std::min(linear, quadratic);
}

std::vector<double> head_errors(std::span<const double> norm, std::span<const double> residual) {
  const std::size_t count = norm.size();
  FATHOM_ASSERT(residual.size() == count, "{} norms, {} residuals", count, residual.size());
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return norm[a] > norm[b]; });
  const auto square = [&](std::size_t k) { return norm[order[k]] * norm[order[k]]; };
  /// Distance of neighbours k and k + 1 in the order.
  const auto gap = [&](std::size_t k) {
    return k + 1 < count ? square(k) - square(k + 1) : std::numeric_limits<double>::infinity();
  };
  const auto joined = [&](std::size_t k) {
    return k + 1 < count && gap(k) <= 4 * std::max(residual[order[k]], residual[order[k + 1]]);
  };
  std::vector<double> error(count);
  for (std::size_t first = 0, last = 0; first < count; first = last) {
    last = first + 1;
    while (joined(last - 1))
      ++last;
    double sum = 0;
    for (std::size_t k = first; k < last; ++k)
      sum += residual[order[k]] * residual[order[k]];
    const double nearest = std::min(first > 0 ? gap(first - 1) : gap(count - 1), gap(last - 1));
    const double bound = last - first == 1 ? 2 * sum / nearest : std::sqrt(sum);
    for (std::size_t k = first; k < last; ++k)
      error[order[k]] = 0.5 * bound / square(k) + 4 * unit_roundoff;
  }
  return error;
}

}  // namespace fathom
