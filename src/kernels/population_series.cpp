// The Hermite series path of PopulationMap.

#include "kernels/hermite.hpp"
#include "kernels/population_map.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace fathom {
namespace {

// A remainder below this share of √(E f² E f²) is rounding, not truncation.
constexpr double negligible = 0x1p-54;

/// max |ρ| over the strip, and ρ itself in place of s.
double correlations(std::span<double> pairs, const double* row_inverse, double col_inverse) {
  double largest = 0.0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double rho = pairs[i] * (row_inverse[i] * col_inverse);
    // Rounding may leave |ρ| a little above one; NaN passes through both comparisons.
    pairs[i] = rho > 1.0 ? 1.0 : (rho < -1.0 ? -1.0 : rho);
    largest = std::max(largest, std::fabs(pairs[i]));
  }
  return largest;
}

}  // namespace

void PopulationMap::make_series_side(MapSide& side) const {
  const auto& variance = side.scalar;
  const double largest =
      variance.empty() ? 0.0 : *std::max_element(variance.begin(), variance.end());
  const HermiteQuadrature quadrature(activation_, options_.hermite_terms, largest);
  const std::size_t terms = quadrature.orders().size(), count = variance.size();
  // Tables: c_t for every term, then 1/√a.
  side.table.assign(terms + 1, std::vector<double>(count));
  side.tail.assign(terms + 1, 0.0);
  side.diagonal.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const HermiteSeries series = quadrature.series(variance[i]);
    side.diagonal[i] = options_.scale * series.second_moment;
    side.table[terms][i] = variance[i] > 0.0 ? 1.0 / std::sqrt(variance[i]) : 0.0;
    // What is left of E f² is only known to the rounding of the sums.
    const double rounding = 0x1p-49 * series.second_moment;
    double rest = series.second_moment;
    for (std::size_t t = 0; t < terms; ++t) {
      side.tail[t] = std::max(side.tail[t], std::max(rest, 0.0) + rounding);
      side.table[t][i] = series.coefficient[t];
      rest -= series.coefficient[t] * series.coefficient[t];
    }
    side.tail[terms] = std::max(side.tail[terms], std::max(rest, 0.0) + rounding);
  }
}

MapError PopulationMap::map_series(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                                   std::int64_t col, std::span<double> pairs) const {
  const std::size_t terms = orders_.size();
  const auto column = static_cast<std::size_t>(col);
  const double largest =
      correlations(pairs, rows.table[terms].data() + first_row, cols.table[terms][column]);
  // Cauchy–Schwarz: |Σ_{k ≥ m} c_k(a) c_k(b) ρ^k| ≤ |ρ|^m √(tail(a) tail(b)).
  const auto remainder = [&](std::size_t t) {
    const double order = t < terms ? orders_[t] : orders_.back() + 1;
    return std::pow(largest, order) * std::sqrt(rows.tail[t] * cols.tail[t]);
  };
  const double floor = negligible * std::sqrt(rows.tail[0] * cols.tail[0]);
  std::size_t used = std::min<std::size_t>(2, terms);
  while (used < terms && remainder(used) > floor)
    ++used;

  std::array<double, column_chunk> value{}, slope{};
  const std::size_t count = pairs.size();
  for (std::size_t t = used; t-- > 0;) {
    const double* c = rows.table[t].data() + first_row;
    const double weight = cols.table[t][column];
    const int gap = t + 1 < used ? orders_[t + 1] - orders_[t] : 0;
#pragma omp simd
    for (std::size_t i = 0; i < count; ++i) {
      const double rho = pairs[i];
      const double power = gap == 2 ? rho * rho : (gap == 1 ? rho : 0.0);
      const double power_slope = gap == 2 ? 2.0 * rho : (gap == 1 ? 1.0 : 0.0);
      slope[i] = slope[i] * power + value[i] * power_slope;
      value[i] = value[i] * power + c[i] * weight;
    }
  }
  MapError error;
  const double scale = options_.scale;
  for (std::size_t i = 0; i < count; ++i) {
    // A correlation that is not a number must not hide behind a vanishing power.
    pairs[i] = scale * value[i] + 0.0 * pairs[i];
    error.slope_squared += scale * scale * slope[i] * slope[i];
    error.value_squared += pairs[i] * pairs[i];
  }
  const double bound = scale * remainder(used);
  error.truncation_squared = static_cast<double>(count) * bound * bound;
  return error;
}

}  // namespace fathom
