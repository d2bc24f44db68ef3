#include "kernels/extended_population.hpp"

#include "base/error.hpp"

#include <cmath>

namespace fathom {
namespace {

double factorial(int k) {
  return k <= 1 ? 1.0 : k * factorial(k - 1);
}

/// (p!)² / (k! ((p−k)/2)!² 2^{p−k}), an integer below 2⁵³ for p ≤ 8.
double coefficient(int p, int k) {
  const double half = factorial((p - k) / 2);
  return factorial(p) * (factorial(p) / (factorial(k) * half * half * std::ldexp(1.0, p - k)));
}

}  // namespace

ExtendedPopulationMap::ExtendedPopulationMap(const Activation& activation, std::int64_t divisor)
    : degree_(activation.kind() == ActivationKind::linear ? 1 : activation.degree()),
      divisor_(static_cast<double>(divisor)) {
  if (activation.kind() != ActivationKind::linear && activation.kind() != ActivationKind::monomial)
    throw Error(ExitCode::deck,
                "no population covariance in extended precision for the activation '{}'; valid are "
                "linear, monomial",
                name(activation.kind()));
  FATHOM_ASSERT(divisor >= 1, "divisor {}", divisor);
  for (int k = degree_; k >= 0; k -= 2)
    coefficient_.push_back(coefficient(degree_, k));
}

ExtendedValue ExtendedPopulationMap::entry(const ExtendedValue& a, const ExtendedValue& b,
                                           const ExtendedValue& s) const {
  const DoubleDouble t = a.value * b.value, square = s.value * s.value;
  DoubleDouble q = coefficient_[0], t_power = 1.0;
  double slope = 0.0;  // ∂q/∂square; every term is positive
  for (std::size_t k = 1; k < coefficient_.size(); ++k) {
    t_power *= t;
    slope = slope * square.x[0] + q.x[0];
    q = q * square + t_power * coefficient_[k];
  }
  const bool odd = degree_ % 2 != 0;
  const DoubleDouble value = (odd ? s.value * q : q) / divisor_;
  const double size = std::fabs(s.value.x[0]), whole = std::fabs(value.x[0]);
  // |∂K/∂s| from the double parts: 1.001 covers their rounding and the second order.
  const double gradient = (odd ? q.x[0] + 2 * square.x[0] * slope : 2 * size * slope) / divisor_;
  const double variances = (a.value.x[0] > 0 ? a.error / a.value.x[0] : 0.0) +
                           (b.value.x[0] > 0 ? b.error / b.value.x[0] : 0.0);
  const double p = degree_;
  return {value, 1.001 * (gradient * s.error + 0.5 * p * variances * whole) +
                     (4.5 * p + 3) * double_double_roundoff * whole};
}

}  // namespace fathom
