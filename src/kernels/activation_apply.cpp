// The vectorised side of Activation, apart because it is compiled with fast mathematics.

#include "kernels/activation.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr std::size_t chunk = 64;

/// Whole chunks only, so that every value takes the vector path wherever it stands.
template <class F>
void apply_chunked(std::span<double> x, F f) {
  std::size_t done = 0;
  for (; done + chunk <= x.size(); done += chunk)
    for (std::size_t i = 0; i < chunk; ++i)
      x[done + i] = f(x[done + i]);
  if (done == x.size()) return;
  double rest[chunk] = {};
  std::copy(x.begin() + static_cast<std::ptrdiff_t>(done), x.end(), rest);
  for (std::size_t i = 0; i < chunk; ++i)
    rest[i] = f(rest[i]);
  std::copy_n(rest, x.size() - done, x.begin() + static_cast<std::ptrdiff_t>(done));
}

template <int degree>
double power(double x) {
  if constexpr (degree == 1)
    return x;
  else
    return power<degree / 2>(x) * power<degree - degree / 2>(x);
}

void apply_power(std::span<double> x, int degree) {
  switch (degree) {
    case 1:
      return;
    case 2:
      return apply_chunked(x, power<2>);
    case 3:
      return apply_chunked(x, power<3>);
    case 4:
      return apply_chunked(x, power<4>);
    case 5:
      return apply_chunked(x, power<5>);
    case 6:
      return apply_chunked(x, power<6>);
    case 7:
      return apply_chunked(x, power<7>);
    default:
      return apply_chunked(x, power<8>);
  }
}

}  // namespace

void Activation::apply(std::span<double> x) const {
  constexpr double sqrt_half = 0.70710678118654752440;
  switch (kind_) {
    case ActivationKind::monomial:
      return apply_power(x, degree_);
    case ActivationKind::linear:
      return;
    case ActivationKind::relu:
      return apply_chunked(x, [](double t) { return 0.5 * (t + std::fabs(t)); });
    case ActivationKind::abs:
      return apply_chunked(x, [](double t) { return std::fabs(t); });
    case ActivationKind::erf:
      return apply_chunked(x, [](double t) { return std::erf(t); });
    case ActivationKind::tanh:
      return apply_chunked(x, [](double t) { return std::tanh(t); });
    case ActivationKind::sigmoid:
      return apply_chunked(x, [](double t) { return 1.0 / (1.0 + std::exp(-t)); });
    case ActivationKind::gelu:
      return apply_chunked(x, [](double t) { return 0.5 * t * std::erfc(-t * sqrt_half); });
    case ActivationKind::softplus:
      return apply_chunked(x, [](double t) {
        return 0.5 * (t + std::fabs(t)) + std::log1p(std::exp(-std::fabs(t)));
      });
    case ActivationKind::sin:
      return apply_chunked(x, [](double t) { return std::sin(t); });
  }
}

}  // namespace fathom
