#pragma once

// A fully connected network as its definition reads, in plain loops and long double, without
// anything of the room networks, and derivatives of it by extrapolated central differences.

#include "kernels/activation.hpp"
#include "networks/mlp.hpp"

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

namespace fathom::oracle {

using Real = long double;

inline Real activation(ActivationKind kind, int degree, Real x) {
  switch (kind) {
    case ActivationKind::monomial:
      return std::pow(x, static_cast<Real>(degree));
    case ActivationKind::linear:
      return x;
    case ActivationKind::relu:
      return x > 0 ? x : 0;
    case ActivationKind::abs:
      return x > 0 ? x : -x;
    case ActivationKind::erf:
      return std::erf(x);
    case ActivationKind::tanh:
      return std::tanh(x);
    case ActivationKind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationKind::gelu:
      return x * (1 + std::erf(x / std::sqrt(Real(2)))) / 2;
    case ActivationKind::softplus:
      return std::log1p(std::exp(x));
    case ActivationKind::sin:
      return std::sin(x);
  }
  return NAN;
}

/// What multiplies the weights or the biases of layer l = 1 … L + 1, from the definitions.
inline Real multiplier(const MlpShape& shape, std::size_t l, bool bias) {
  const std::size_t last = shape.hidden.size() + 1;
  const Real fan_in = static_cast<Real>(l == 1 ? shape.input : shape.hidden[l - 2]);
  const Real fan_out = static_cast<Real>(l == last ? shape.classes : shape.hidden[l - 1]);
  if (shape.parametrisation == Parametrisation::ntk)
    return bias ? std::sqrt(Real(shape.bias_variance))
                : std::sqrt(Real(shape.weight_variance) / fan_in);
  if (shape.parametrisation == Parametrisation::maximal_update) {
    if (l == last) return bias ? Real(1) : 1 / std::sqrt(fan_in);
    return bias || l == 1 ? std::sqrt(fan_out) : Real(1);
  }
  return 1;
}

/// Outputs of one sample. Parameters layer by layer: W column by column, then b. `tamper` is a
/// factor of the second layer's weights, or of the first's where there is but one: a planted fault.
inline std::vector<Real> outputs(const MlpShape& shape, const std::vector<Real>& parameters,
                                 std::vector<Real> a, Real tamper = 1) {
  std::size_t at = 0;
  const std::size_t last = shape.hidden.size() + 1;
  for (std::size_t l = 1; l <= last; ++l) {
    const std::size_t width =
        static_cast<std::size_t>(l == last ? shape.classes : shape.hidden[l - 1]);
    const Real factor =
        multiplier(shape, l, false) * (l == std::min<std::size_t>(2, last) ? tamper : 1);
    std::vector<Real> z(width);
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t k = 0; k < width; ++k)
        z[k] += factor * parameters[at++] * a[i];
    if (shape.biases)
      for (std::size_t k = 0; k < width; ++k)
        z[k] += multiplier(shape, l, true) * parameters[at++];
    if (l < last)
      for (Real& x : z)
        x = activation(shape.activation, shape.degree, x);
    a = z;
  }
  return a;
}

/// f'(0) from central differences at h, h/2, h/4, extrapolated twice: the error is O(h⁶).
inline Real derivative(const std::function<Real(Real)>& f, Real h) {
  Real d[3];
  for (int k = 0; k < 3; ++k, h /= 2)
    d[k] = (f(h) - f(-h)) / (2 * h);
  const Real first = (4 * d[1] - d[0]) / 3, second = (4 * d[2] - d[1]) / 3;
  return (16 * second - first) / 15;
}

/// The Jacobian, parameters × (outputs·samples), row output + outputs·sample.
inline std::vector<std::vector<Real>> jacobian(const MlpShape& shape,
                                               const std::vector<double>& parameters,
                                               const std::vector<std::vector<Real>>& inputs,
                                               Real tamper = 1) {
  std::vector<Real> theta(parameters.begin(), parameters.end());
  std::vector<std::vector<Real>> columns;
  for (const auto& x : inputs)
    for (std::int64_t c = 0; c < shape.classes; ++c) {
      std::vector<Real> column;
      for (Real& entry : theta) {
        const Real kept = entry;
        column.push_back(derivative(
            [&](Real step) {
              entry = kept + step;
              return outputs(shape, theta, x, tamper)[static_cast<std::size_t>(c)];
            },
            1e-3L));
        entry = kept;
      }
      columns.push_back(column);
    }
  return columns;
}

}  // namespace fathom::oracle
