#pragma once

// Slow, independent ways to the numbers of the kernels room.

#include "kernels/activation.hpp"
#include "kernels/entry_map.hpp"

#include <array>
#include <cmath>
#include <functional>
#include <numbers>

namespace fathom::oracle {

/// E[f(x) f(y)] for Gaussians of variances a, b and covariance s: trapezoidal rule in two
/// dimensions. For smooth f.
inline double gaussian_pair(const std::function<double(double)>& f, double a, double b, double s) {
  const double slope = s / std::sqrt(a), rest = std::sqrt(std::fmax(b - slope * slope, 0.0));
  constexpr double h = 0.08, width = 9.6;
  double sum = 0.0;
  for (double z = -width; z <= width; z += h) {
    double inner = 0.0;
    for (double w = -width; w <= width; w += h)
      inner += f(slope * z + rest * w) * std::exp(-0.5 * w * w);
    sum += inner * f(std::sqrt(a) * z) * std::exp(-0.5 * z * z);
  }
  return sum * h * h / (2.0 * std::numbers::pi);
}

/// E[x^m y^n] by Isserlis' theorem: every pairing of the first factor with each of the others.
inline double isserlis(int m, int n, double a, double b, double s) {
  if ((m + n) % 2 != 0) return 0.0;
  if (m == 0 && n == 0) return 1.0;
  if (m == 0) return (n - 1) * b * isserlis(0, n - 2, a, b, s);
  double sum = 0.0;
  if (m >= 2) sum += (m - 1) * a * isserlis(m - 2, n, a, b, s);
  if (n >= 1) sum += n * s * isserlis(m - 1, n - 1, a, b, s);
  return sum;
}

/// Composite Simpson rule.
inline double integrate(const std::function<double(double)>& f, double from, double to) {
  constexpr int panels = 2000;
  const double h = (to - from) / (2 * panels);
  double sum = f(from) + f(to);
  for (int k = 1; k < 2 * panels; ++k)
    sum += (k % 2 == 1 ? 4.0 : 2.0) * f(from + k * h);
  return sum * h / 3.0;
}

/// Value and error sums of one off-diagonal entry.
struct MappedEntry {
  double value;
  double slope;       ///< |∂K/∂s| √(ab)
  double truncation;  ///< bound
};

inline MappedEntry mapped(const EntryMap& map, double a, double b, double pair) {
  const std::array<std::int64_t, 1> row = {0}, col = {1};
  const MapSide rows = map.side({&a, 1}, row), cols = map.side({&b, 1}, col);
  const MapError error = map.apply(rows, 0, cols, 0, {&pair, 1, 1, 1});
  return {pair, std::sqrt(error.slope_squared), std::sqrt(error.truncation_squared)};
}

}  // namespace fathom::oracle
