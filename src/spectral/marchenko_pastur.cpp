#include "spectral/marchenko_pastur.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fathom {

double MarchenkoPastur::lower_edge() const {
  const double edge = 1.0 - std::sqrt(ratio);
  return edge * edge;
}

double MarchenkoPastur::upper_edge() const {
  const double edge = 1.0 + std::sqrt(ratio);
  return edge * edge;
}

double MarchenkoPastur::zero_mass() const {
  return std::max(0.0, 1.0 - 1.0 / ratio);
}

double MarchenkoPastur::density(double x) const {
  const double lower = lower_edge(), upper = upper_edge();
  if (x <= lower || x >= upper) return 0.0;
  return std::sqrt((upper - x) * (x - lower)) / (2.0 * std::numbers::pi * ratio * x);
}

double MarchenkoPastur::moment(int order) const {
  FATHOM_ASSERT(order >= 0, "order = {}", order);
  if (order == 0) return 1.0;
  // Narayana numbers N(m, k+1) = C(m-1, k) C(m, k) / (k+1) are the coefficients of c^k.
  double sum = 0.0, first = 1.0, second = 1.0, power = 1.0;
  for (int k = 0; k < order; ++k) {
    sum += first * second / (k + 1.0) * power;
    first *= (order - 1.0 - k) / (k + 1.0);
    second *= static_cast<double>(order - k) / (k + 1.0);
    power *= ratio;
  }
  return sum;
}

double MarchenkoPastur::cumulative(double x) const {
  const double lower = lower_edge(), upper = upper_edge();
  const double atom = x >= 0.0 ? zero_mass() : 0.0;
  if (x <= lower) return atom;
  if (x >= upper) return 1.0;
  // x = mid − half·cos θ takes the square roots at both edges away: Simpson is then accurate.
  const double mid = 0.5 * (lower + upper), half = 0.5 * (upper - lower);
  const double end = std::acos(std::clamp((mid - x) / half, -1.0, 1.0));
  constexpr int intervals = 4000;
  const double step = end / intervals;
  double sum = 0.0;
  for (int i = 0; i <= intervals; ++i) {
    const double theta = i * step, sine = std::sin(theta);
    // At ratio = 1 the lower edge is zero: there half²sin²θ/y tends to 2·half.
    const double y = mid - half * std::cos(theta);
    const double value = y > 1e-300 ? half * half * sine * sine / y : 2.0 * half;
    sum += value * (i == 0 || i == intervals ? 1.0 : (i % 2 == 1 ? 4.0 : 2.0));
  }
  return atom + sum * step / 3.0 / (2.0 * std::numbers::pi * ratio);
}

}  // namespace fathom
