// Compiled with fast mathematics: see CMakeLists.txt.

#include "networks/activation_values.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr std::size_t chunk = 64;

/// One whole chunk through aligned buffers: one piece of code for all values, so that each takes
/// the vector path wherever it stands.
template <class T, class F>
[[gnu::noinline]] void activate_chunk(T* z, T* derivative, std::size_t count, F f) {
  alignas(64) T value[chunk] = {};
  alignas(64) T slope[chunk];
  std::copy_n(z, count, value);
#pragma omp simd
  for (std::size_t i = 0; i < chunk; ++i)
    f(value[i], slope[i]);
  std::copy_n(value, count, z);
  std::copy_n(slope, count, derivative);
}

template <class T, class F>
void activate_chunked(std::span<T> z, std::span<T> derivative, F f) {
  for (std::size_t done = 0; done < z.size(); done += chunk)
    activate_chunk(z.data() + done, derivative.data() + done, std::min(chunk, z.size() - done), f);
}

template <int degree, class T>
T power(T x) {
  if constexpr (degree == 0)
    return T(1);
  else if constexpr (degree == 1)
    return x;
  else
    return power<degree / 2>(x) * power<degree - degree / 2>(x);
}

template <int degree, class T>
void activate_power(int wanted, std::span<T> z, std::span<T> derivative) {
  if constexpr (degree < 8)
    if (wanted != degree) return activate_power<degree + 1>(wanted, z, derivative);
  activate_chunked(z, derivative, [](T& v, T& d) {
    d = T(degree) * power<degree - 1>(v);
    v = power<degree>(v);
  });
}

template <class T>
T sign(T x) {
  return x > T(0) ? T(1) : (x < T(0) ? T(-1) : T(0));
}

/// The logistic function from e = exp(−|x|), which never overflows.
template <class T>
T logistic(T x, T e) {
  return (x >= T(0) ? T(1) : e) / (T(1) + e);
}

/// The piecewise linear and the sigmoidal ones; the others below.
template <class T>
bool activate_simple(ActivationKind kind, std::span<T> z, std::span<T> derivative) {
  switch (kind) {
    case ActivationKind::linear:
      std::fill(derivative.begin(), derivative.end(), T(1));
      return true;
    case ActivationKind::relu:
      activate_chunked(z, derivative, [](T& v, T& d) {
        d = T(0.5) * (T(1) + sign(v));
        v = T(0.5) * (v + std::fabs(v));
      });
      return true;
    case ActivationKind::abs:
      activate_chunked(z, derivative, [](T& v, T& d) {
        d = sign(v);
        v = std::fabs(v);
      });
      return true;
    case ActivationKind::tanh:
      activate_chunked(z, derivative, [](T& v, T& d) {
        const T e = std::exp(T(-2) * std::fabs(v));
        d = T(4) * e / ((T(1) + e) * (T(1) + e));
        v = std::tanh(v);
      });
      return true;
    case ActivationKind::sigmoid:
      activate_chunked(z, derivative, [](T& v, T& d) {
        const T e = std::exp(-std::fabs(v));
        d = e / ((T(1) + e) * (T(1) + e));
        v = logistic(v, e);
      });
      return true;
    default:
      return false;
  }
}

template <class T>
void activate_any(const Activation& f, std::span<T> z, std::span<T> derivative) {
  constexpr T sqrt_half = T(0.70710678118654752440), inv_sqrt_pi = T(0.56418958354775628695);
  FATHOM_ASSERT(z.size() == derivative.size(), "{} values, {} derivatives", z.size(),
                derivative.size());
  if (activate_simple(f.kind(), z, derivative)) return;
  switch (f.kind()) {
    case ActivationKind::erf:
      return activate_chunked(z, derivative, [](T& v, T& d) {
        d = T(2) * inv_sqrt_pi * std::exp(-v * v);
        v = std::erf(v);
      });
    case ActivationKind::gelu:
      return activate_chunked(z, derivative, [](T& v, T& d) {
        const T cumulative = T(0.5) * std::erfc(-v * sqrt_half);
        d = cumulative + v * std::exp(T(-0.5) * v * v) * inv_sqrt_pi * sqrt_half;
        v = v * cumulative;
      });
    case ActivationKind::softplus:
      return activate_chunked(z, derivative, [](T& v, T& d) {
        const T e = std::exp(-std::fabs(v));
        d = logistic(v, e);
        v = T(0.5) * (v + std::fabs(v)) + std::log1p(e);
      });
    case ActivationKind::sin:
      return activate_chunked(z, derivative, [](T& v, T& d) {
        d = std::cos(v);
        v = std::sin(v);
      });
    default:
      return activate_power<1>(f.degree(), z, derivative);
  }
}

template <class T>
void exponentiate_any(std::span<T> z) {
  for (std::size_t done = 0; done < z.size(); done += chunk) {
    alignas(64) T value[chunk] = {};
    const std::size_t count = std::min(chunk, z.size() - done);
    std::copy_n(z.data() + done, count, value);
#pragma omp simd
    for (std::size_t i = 0; i < chunk; ++i)
      value[i] = std::exp(value[i]);
    std::copy_n(value, count, z.data() + done);
  }
}

}  // namespace

void activate(const Activation& f, std::span<double> z, std::span<double> derivative) {
  activate_any(f, z, derivative);
}

void activate(const Activation& f, std::span<float> z, std::span<float> derivative) {
  activate_any(f, z, derivative);
}

void exponentiate(std::span<double> z) {
  exponentiate_any(z);
}

void exponentiate(std::span<float> z) {
  exponentiate_any(z);
}

}  // namespace fathom
