#include "kernels/extended_functions.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace fathom {
namespace {

constexpr double u = double_double_roundoff;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// All 64 bits.
DoubleDouble from_integer(std::int64_t k) {
  const auto high = static_cast<double>(k);
  return {high, static_cast<double>(k - static_cast<std::int64_t>(high))};
}

/// 2π p/q to 5.5 u of itself.
DoubleDouble angle_of_turns(std::int64_t p, std::int64_t q) {
  return dd_real::_2pi * from_integer(p) / from_integer(q);
}

/// Where |t| comes so near to 1 that t's error decides: acos(1−δ) ≤ 2.25 √δ.
Arcsine steep_arcsine(const ExtendedValue& t, const DoubleDouble& size) {
  const double gap = std::fabs((1.0 - size).x[0]) + t.error + 4 * u;
  const DoubleDouble right = mul_pwr2(dd_real::_pi, t.value.x[0] < 0 ? -0.5 : 0.5);
  return {{right, 2.25 * std::sqrt(gap)}, {std::sqrt(gap), infinity}};
}

}  // namespace

Arcsine arcsine(const ExtendedValue& t) {
  const DoubleDouble size = abs(t.value);
  if (std::isnan(size.x[0])) return {{size, size.x[0]}, {size, size.x[0]}};
  const DoubleDouble square = (1.0 - size) * (1.0 + size);  // cos²
  const double square_error =
      2 * size.x[0] * t.error + (2 * rounding::sum + rounding::product) * std::fabs(square.x[0]);
  if (!(square.x[0] > 16 * square_error)) return steep_arcsine(t, size);

  const DoubleDouble cosine = sqrt(square);
  // Of the exact cosine: 1.04 covers the second order of a part of 1/16.
  const double spread = 0.5 * square_error / square.x[0];
  const double y0 = std::atan2(t.value.x[0], cosine.x[0]);
  DoubleDouble sine0, cosine0;
  sincos(DoubleDouble(y0), sine0, cosine0);
  const DoubleDouble angle = y0 + (t.value * cosine0 - cosine * sine0);

  const double s = size.x[0], c = cosine.x[0];
  // Half of the square's roundings and the root's are in the cosine; then two products.
  const double own =
      0.5 * (2 * rounding::sum + rounding::product) + rounding::root + 2 * rounding::product;
  const double rounded = rounding::sincos * (s + c) + own * s * c + rounding::sum * std::fabs(y0);
  return {{angle, 1.04 * t.error / c + rounded}, {cosine, (1.04 * spread + rounding::root) * c}};
}

ExtendedValue cosine_of_turns(std::int64_t p, std::int64_t q) {
  FATHOM_ASSERT(q >= 1 && q <= (std::int64_t{1} << 55) && p >= 0 && p <= q / 2, "{} / {} turns", p,
                q);
  if (p == 0) return {1.0, 0.0};
  if (8 * p <= q) return {cos(angle_of_turns(p, q)), 6 * u};
  if (8 * p > 3 * q) {
    if (2 * p == q) return {-1.0, 0.0};
    return {-cos(angle_of_turns(q - 2 * p, 2 * q)), 6 * u};
  }
  if (4 * p == q) return {0.0, 0.0};
  return {sin(angle_of_turns(q - 4 * p, 4 * q)), 7 * u};
}

ExtendedValue inner_product(const Circle& circle, std::int64_t i, std::int64_t j) {
  if (i == j) return {1.0, 0.0};
  std::int64_t p = 0, q = 0;
  if (circle.spacing() == CircleSpacing::equispaced) {
    q = circle.size();
    p = std::abs(i - j);
  } else {
    // Positions are multiples of 2⁻⁵³: their difference is exact.
    constexpr double unit = 0x1p53;
    q = std::int64_t{1} << 53;
    p = static_cast<std::int64_t>(std::fabs(circle.turn(i) - circle.turn(j)) * unit);
  }
  return cosine_of_turns(std::min(p, q - p), q);
}

ExtendedValue extended_power_law_eigenvalue(std::int64_t j, double alpha) {
  FATHOM_ASSERT(j >= 1, "eigenvalue index {}", j);
  if (j == 1 || alpha == 0.0) return {1.0, 0.0};
  // log and product carry 2.5 u of the exponent into it, the exponential's reduction one more.
  const DoubleDouble exponent = log(from_integer(j)) * -alpha;
  const DoubleDouble value = exp(exponent);
  return {value, (4 * std::fabs(exponent.x[0]) + 8) * u * value.x[0]};
}

}  // namespace fathom
