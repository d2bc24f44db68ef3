#include "kernels/hermite.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fathom {
namespace {

using std::numbers::inv_sqrtpi;
using std::numbers::sqrt2;

// |h_k(z)| e^{-z²/4} is bounded, so what lies past 13 is below e^{-42}.
constexpr double half_width = 13.0;

/// Wide enough steps for 1e-16: poles of tanh(√a z) lie π/(2√a) from the line.
double step(double largest_variance) {
  return std::min(1.0 / 32.0, 0.25 / std::sqrt(std::max(largest_variance, 1e-6)));
}

HermiteSeries closed_form(const Activation& f, const std::vector<int>& orders, double variance) {
  const bool relu = f.kind() == ActivationKind::relu;
  HermiteSeries series;
  series.second_moment = relu ? 0.5 * variance : variance;
  for (const int k : orders) {
    const double one_sided = relu_hermite_coefficient(k) * std::sqrt(variance);
    series.coefficient.push_back(relu ? one_sided : (k % 2 == 0 ? 2.0 * one_sided : 0.0));
  }
  return series;
}

}  // namespace

std::vector<int> hermite_orders(const Activation& activation, int terms) {
  FATHOM_ASSERT(terms >= 2, "{} terms", terms);
  std::vector<int> orders = {0, 1};
  const int first = activation.symmetry() == Symmetry::even ? 2 : 3;
  for (int k = first; k < terms; k += 2)
    orders.push_back(k);
  return orders;
}

double relu_hermite_coefficient(int order) {
  FATHOM_ASSERT(order >= 0, "order {}", order);
  if (order == 1) return 0.5;
  if (order % 2 == 1) return 0.0;
  // c_{k+2}/c_k = −(k−1)/√((k+1)(k+2)).
  double c = inv_sqrtpi / sqrt2;
  for (int k = 0; k < order; k += 2)
    c *= -(k - 1.0) / std::sqrt((k + 1.0) * (k + 2.0));
  return c;
}

HermiteQuadrature::HermiteQuadrature(const Activation& activation, int terms,
                                     double largest_variance)
    : activation_(activation), orders_(hermite_orders(activation, terms)) {
  FATHOM_ASSERT(largest_variance >= 0.0 && std::isfinite(largest_variance), "variance {}",
                largest_variance);
  if (activation.smooth()) make_nodes(largest_variance);
}

void HermiteQuadrature::make_nodes(double largest_variance) {
  const double h = step(largest_variance);
  const auto count = static_cast<std::size_t>(half_width / h) + 1;
  node_.resize(count);
  weight_.resize(count);
  basis_.resize(count * orders_.size());
  for (std::size_t q = 0; q < count; ++q) {
    const double z = h * static_cast<double>(q);
    node_[q] = z;
    weight_[q] = (q == 0 ? 0.5 : 1.0) * h * std::exp(-0.5 * z * z) * inv_sqrtpi / sqrt2;
    double previous = 0.0, current = 1.0;
    std::size_t t = 0;
    for (int k = 0; k <= orders_.back(); ++k) {
      if (orders_[t] == k) basis_[t++ * count + q] = current;
      const double next = (z * current - std::sqrt(static_cast<double>(k)) * previous) /
                          std::sqrt(static_cast<double>(k) + 1.0);
      previous = current;
      current = next;
    }
  }
}

HermiteSeries HermiteQuadrature::series(double variance) const {
  if (!activation_.smooth()) return closed_form(activation_, orders_, variance);
  const std::size_t count = node_.size();
  std::vector<double> above(count), below(count);
  for (std::size_t q = 0; q < count; ++q) {
    above[q] = std::sqrt(variance) * node_[q];
    below[q] = -above[q];
  }
  activation_.apply(above);
  activation_.apply(below);
  HermiteSeries series;
  for (std::size_t q = 0; q < count; ++q) {
    series.second_moment += weight_[q] * (above[q] * above[q] + below[q] * below[q]);
    const double even = weight_[q] * (above[q] + below[q]);
    const double odd = weight_[q] * (above[q] - below[q]);
    above[q] = even;
    below[q] = odd;
  }
  for (std::size_t t = 0; t < orders_.size(); ++t) {
    const double* weighted = orders_[t] % 2 == 0 ? above.data() : below.data();
    const double* basis = basis_.data() + t * count;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t q = 0; q < count; ++q)
      sum += weighted[q] * basis[q];
    series.coefficient.push_back(sum);
  }
  return series;
}

}  // namespace fathom
