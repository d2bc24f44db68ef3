// The vectorised side of Activation, apart because it is compiled with fast mathematics.

#include "kernels/activation.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr std::size_t chunk = 64;

/// One whole chunk through an aligned buffer: one piece of code for all values, so that each takes
/// the vector path wherever it stands.
template <class F>
[[gnu::noinline]] void apply_chunk(double* x, std::size_t count, F f) {
  alignas(64) double buffer[chunk] = {};
  std::copy_n(x, count, buffer);
#pragma omp simd
  for (std::size_t i = 0; i < chunk; ++i)
    buffer[i] = f(buffer[i]);
  std::copy_n(buffer, count, x);
}

template <class F>
void apply_chunked(std::span<double> x, F f) {
  for (std::size_t done = 0; done < x.size(); done += chunk)
    apply_chunk(x.data() + done, std::min(chunk, x.size() - done), f);
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
