#include "kernels/population_map.hpp"

#include "kernels/arc_cosine.hpp"
#include "kernels/hermite.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace fathom {
namespace {

using std::numbers::inv_pi;

/// An entry and (∂K/∂s)² ab, both before the scale.
struct Entry {
  double value;
  double slope_squared;
};

/// pairs[i] ← scale · entry(i, pairs[i]).value
template <class EntryOf>
MapError map_entries(std::span<double> pairs, double scale, EntryOf entry_of) {
  double slope = 0.0, value = 0.0;
  const auto count = std::ssize(pairs);
  double* pair = pairs.data();
#pragma omp simd reduction(+ : slope, value)
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const Entry entry = entry_of(i, pair[i]);
    pair[i] = scale * entry.value;
    slope += entry.slope_squared;
    value += entry.value * entry.value;
  }
  return {scale * scale * slope, 0.0, scale * scale * value};
}

constexpr double factorial(int k) {
  return k <= 1 ? 1.0 : k * factorial(k - 1);
}

constexpr double two_power(int k) {
  return k == 0 ? 1.0 : 2.0 * two_power(k - 1);
}

/// c_{p,k} of the header, exact in double for p ≤ 8.
constexpr double monomial_coefficient(int p, int k) {
  const double half = factorial((p - k) / 2);
  return factorial(p) * (factorial(p) / (factorial(k) * half * half * two_power(p - k)));
}

/// E[x^p y^p]: Horner in u = s² with t = ab; every term is positive for positive s.
template <int p>
Entry monomial_entry(double t, double s) {
  const double u = s * s;
  double q = monomial_coefficient(p, p), dq = 0.0, t_power = 1.0;
#pragma GCC unroll 4
  for (int k = p - 2; k >= 0; k -= 2) {
    t_power *= t;
    dq = dq * u + q;
    q = q * u + monomial_coefficient(p, k) * t_power;
  }
  const double value = p % 2 == 0 ? q : s * q;
  const double slope = p % 2 == 0 ? 2.0 * s * dq : q + 2.0 * u * dq;
  return {value, slope * slope * t};
}

template <int p>
MapError map_power(const double* a, double b, std::span<double> pairs, double scale) {
  return map_entries(pairs, scale,
                     [=](std::ptrdiff_t i, double s) { return monomial_entry<p>(a[i] * b, s); });
}

/// κ₀ and κ₁ at ρ = s/√(ab), kept within |ρ| ≤ 1.
inline ArcCosine arc_cosine_of(double correlation) {
  const double defect = 1.0 - correlation;
  return arc_cosine(defect < 0.0 ? 0.0 : (defect > 2.0 ? 2.0 : defect));
}

inline Entry relu_entry(double root, double correlation) {
  const ArcCosine k = arc_cosine_of(correlation);
  const double slope = 0.5 * root * k.kappa0;
  return {0.5 * root * k.kappa1, slope * slope};
}

inline Entry abs_entry(double root, double correlation) {
  const ArcCosine k = arc_cosine_of(correlation), mirror = arc_cosine_of(-correlation);
  const double slope = root * (k.kappa0 - mirror.kappa0);
  return {root * (k.kappa1 + mirror.kappa1), slope * slope};
}

/// shrink = 1/√((1+2a)(1+2b))
inline Entry erf_entry(double shrink, double product, double s) {
  const double t = 2.0 * s * shrink;
  const double size = std::fabs(t);
  const double bounded = size > 1.0 ? std::copysign(1.0, t) : t;
  const double gap = (1.0 - std::fabs(bounded)) * (1.0 + std::fabs(bounded));
  const double slope = 4.0 * inv_pi * shrink;
  return {2.0 * inv_pi * arc::arcsine(bounded, gap), slope * slope * product / (gap + 0x1p-53)};
}

inline Entry sin_entry(double a, double b, double s) {
  const double size = std::fabs(s);
  const double decay = 0.5 * std::exp(size - 0.5 * (a + b));
  const double fold = std::expm1(-2.0 * size);
  const double slope = decay * (2.0 + fold);
  return {std::copysign(-decay * fold, s), slope * slope * a * b};
}

std::vector<double> inverse_roots(std::span<const double> scalar) {
  std::vector<double> inverse(scalar.size());
  std::transform(scalar.begin(), scalar.end(), inverse.begin(),
                 [](double a) { return a > 0.0 ? 1.0 / std::sqrt(a) : 0.0; });
  return inverse;
}

std::vector<double> erf_shrink(std::span<const double> scalar) {
  std::vector<double> shrink(scalar.size());
  std::transform(scalar.begin(), scalar.end(), shrink.begin(),
                 [](double a) { return 1.0 / std::sqrt(1.0 + 2.0 * a); });
  return shrink;
}

}  // namespace

PopulationMap::PopulationMap(const Activation& activation, const PopulationOptions& options)
    : activation_(activation), options_(options) {
  FATHOM_ASSERT(options.hermite_terms >= 2, "{} terms", options.hermite_terms);
  const auto form = [&] {
    switch (activation.kind()) {
      case ActivationKind::monomial:
      case ActivationKind::linear:
        return Form::monomial;
      case ActivationKind::relu:
        return Form::relu;
      case ActivationKind::abs:
        return Form::abs;
      case ActivationKind::erf:
        return Form::erf;
      case ActivationKind::sin:
        return Form::sin;
      default:
        return Form::series;
    }
  };
  form_ = options.force_series ? Form::series : form();
  if (form_ == Form::series) orders_ = hermite_orders(activation, options.hermite_terms);
}

double PopulationMap::diagonal(double a) const {
  switch (form_) {
    case Form::monomial: {
      double moment = 1.0;
      for (int k = 1; k <= activation_.degree(); ++k)
        moment *= (2.0 * k - 1.0) * a;
      return moment;
    }
    case Form::relu:
      return 0.5 * a;
    case Form::abs:
      return a;
    case Form::erf:
      return 2.0 * inv_pi * std::atan2(2.0 * a, std::sqrt(1.0 + 4.0 * a));
    case Form::sin:
      return -0.5 * std::expm1(-2.0 * a);
    case Form::series:
      break;
  }
  FATHOM_ASSERT(false, "the series sets its own diagonal");
}

MapSide PopulationMap::side(std::span<const double> scalar,
                            std::span<const std::int64_t> index) const {
  FATHOM_ASSERT(scalar.size() == index.size(), "{} scalars for {} rows", scalar.size(),
                index.size());
  FATHOM_ASSERT(std::is_sorted(index.begin(), index.end()), "indices not ascending");
  MapSide side;
  side.index.assign(index.begin(), index.end());
  side.scalar.assign(scalar.begin(), scalar.end());
  if (form_ == Form::series) {
    make_series_side(side);
    return side;
  }
  for (const double a : scalar)
    side.diagonal.push_back(options_.scale * diagonal(a));
  if (form_ == Form::relu || form_ == Form::abs) side.table = {inverse_roots(scalar)};
  if (form_ == Form::erf) side.table = {erf_shrink(scalar)};
  return side;
}

MapError PopulationMap::map_monomial(const MapSide& rows, std::int64_t first_row,
                                     const MapSide& cols, std::int64_t col,
                                     std::span<double> pairs) const {
  const double* a = rows.scalar.data() + first_row;
  const double b = cols.scalar[static_cast<std::size_t>(col)];
  using MapPower = MapError (*)(const double*, double, std::span<double>, double);
  constexpr std::array<MapPower, 8> powers = {map_power<1>, map_power<2>, map_power<3>,
                                              map_power<4>, map_power<5>, map_power<6>,
                                              map_power<7>, map_power<8>};
  return powers[static_cast<std::size_t>(activation_.degree() - 1)](a, b, pairs, options_.scale);
}

MapError PopulationMap::map_column(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                                   std::int64_t col, std::span<double> pairs) const {
  if (form_ == Form::monomial) return map_monomial(rows, first_row, cols, col, pairs);
  if (form_ == Form::series) return map_series(rows, first_row, cols, col, pairs);
  const auto column = static_cast<std::size_t>(col);
  const double* a = rows.scalar.data() + first_row;
  const double b = cols.scalar[column];
  if (form_ == Form::sin)
    return map_entries(pairs, options_.scale,
                       [=](std::ptrdiff_t i, double s) { return sin_entry(a[i], b, s); });
  const double* row_factor = rows.table[0].data() + first_row;
  const double col_factor = cols.table[0][column];
  if (form_ == Form::erf)
    return map_entries(pairs, options_.scale, [=](std::ptrdiff_t i, double s) {
      return erf_entry(row_factor[i] * col_factor, a[i] * b, s);
    });
  const double root_b = std::sqrt(b);
  if (form_ == Form::relu)
    return map_entries(pairs, options_.scale, [=](std::ptrdiff_t i, double s) {
      return relu_entry(std::sqrt(a[i]) * root_b, s * (row_factor[i] * col_factor));
    });
  return map_entries(pairs, options_.scale, [=](std::ptrdiff_t i, double s) {
    return abs_entry(std::sqrt(a[i]) * root_b, s * (row_factor[i] * col_factor));
  });
}

}  // namespace fathom
