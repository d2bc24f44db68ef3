// Compiled with fast mathematics, as kernels/activation_apply.cpp is and for the same reason.

#include "networks/vector_functions.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace fathom {
namespace {

constexpr std::size_t chunk = 64;

template <class T>
struct ValueAndSlope {
  T value, slope;
};

/// One whole chunk through aligned buffers, so that every value takes the vector path.
template <class T, class F>
[[gnu::noinline]] void activate_chunk(T* x, T* slope, std::size_t count, F f) {
  alignas(64) T value[chunk] = {}, derivative[chunk];
  std::copy_n(x, count, value);
#pragma omp simd
  for (std::size_t i = 0; i < chunk; ++i) {
    const ValueAndSlope<T> at = f(value[i]);
    value[i] = at.value;
    derivative[i] = at.slope;
  }
  std::copy_n(value, count, x);
  std::copy_n(derivative, count, slope);
}

template <class T, class F>
void activate_chunked(std::span<T> x, std::span<T> slope, F f) {
  for (std::size_t done = 0; done < x.size(); done += chunk)
    activate_chunk(x.data() + done, slope.data() + done, std::min(chunk, x.size() - done), f);
}

template <class T>
T sign(T x) {
  return static_cast<T>(x > 0) - static_cast<T>(x < 0);
}

template <class T>
ValueAndSlope<T> gelu(T x) {
  constexpr T root_half = T(0.70710678118654752440), peak = T(0.39894228040143267794);
  const T below = T(0.5) * std::erfc(-x * root_half);
  return {x * below, below + x * peak * std::exp(T(-0.5) * x * x)};
}

// e = exp(−|x|) never overflows: the fast reciprocal of an infinity would be NaN.
template <class T>
ValueAndSlope<T> sigmoid(T x) {
  const T e = std::exp(-std::fabs(x)), root = 1 / (1 + e);
  return {x < 0 ? e * root : root, e * root * root};
}

template <class T>
ValueAndSlope<T> softplus(T x) {
  const T e = std::exp(-std::fabs(x)), root = 1 / (1 + e);
  return {T(0.5) * (x + std::fabs(x)) + std::log1p(e), x < 0 ? e * root : root};
}

template <class T>
ValueAndSlope<T> hyperbolic_tangent(T x) {
  // 1 − tanh² cancels where the slope is small: 1/cosh² = 4e²/(1 + e²)².
  const T e = std::exp(-2 * std::fabs(x)), root = 1 / (1 + e);
  return {std::tanh(x), 4 * e * root * root};
}

template <class T>
void activate_power(std::span<T> x, std::span<T> slope, int degree) {
  for (std::size_t k = 0; k < x.size(); ++k) {
    T below = 1;
    for (int factor = 1; factor < degree; ++factor)
      below *= x[k];
    slope[k] = static_cast<T>(degree) * below;
    x[k] *= below;
  }
}

}  // namespace

template <class T>
void activate(const Activation& activation, std::span<T> x, std::span<T> slope) {
  FATHOM_ASSERT(x.size() == slope.size(), "{} values, {} slopes", x.size(), slope.size());
  constexpr T erf_slope = T(1.12837916709551257390);
  switch (activation.kind()) {
    case ActivationKind::monomial:
      return activate_power(x, slope, activation.degree());
    case ActivationKind::linear:
      return std::fill(slope.begin(), slope.end(), T(1));
    case ActivationKind::relu:
      return activate_chunked(x, slope, [](T t) {
        return ValueAndSlope<T>{T(0.5) * (t + std::fabs(t)), T(0.5) * (1 + sign(t))};
      });
    case ActivationKind::abs:
      return activate_chunked(x, slope, [](T t) {
        return ValueAndSlope<T>{std::fabs(t), sign(t)};
      });
    case ActivationKind::erf:
      return activate_chunked(x, slope, [](T t) {
        return ValueAndSlope<T>{std::erf(t), erf_slope * std::exp(-t * t)};
      });
    case ActivationKind::tanh:
      return activate_chunked(x, slope, hyperbolic_tangent<T>);
    case ActivationKind::sigmoid:
      return activate_chunked(x, slope, sigmoid<T>);
    case ActivationKind::gelu:
      return activate_chunked(x, slope, gelu<T>);
    case ActivationKind::softplus:
      return activate_chunked(x, slope, softplus<T>);
    case ActivationKind::sin:
      return activate_chunked(x, slope, [](T t) {
        return ValueAndSlope<T>{std::sin(t), std::cos(t)};
      });
  }
}

template <class T>
void exponentiate(std::span<T> x) {
  for (std::size_t done = 0; done < x.size(); done += chunk) {
    alignas(64) T value[chunk] = {};
    const std::size_t count = std::min(chunk, x.size() - done);
    std::copy_n(x.data() + done, count, value);
#pragma omp simd
    for (std::size_t i = 0; i < chunk; ++i)
      value[i] = std::exp(value[i]);
    std::copy_n(value, count, x.data() + done);
  }
}

template void activate(const Activation&, std::span<double>, std::span<double>);
template void activate(const Activation&, std::span<float>, std::span<float>);
template void exponentiate(std::span<double>);
template void exponentiate(std::span<float>);

}  // namespace fathom
