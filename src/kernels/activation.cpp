#include "kernels/activation.hpp"

#include "base/assert.hpp"
#include "base/error.hpp"

#include <array>
#include <cmath>
#include <numbers>

namespace fathom {
namespace {

using std::numbers::inv_sqrtpi;
using std::numbers::sqrt2;

constexpr std::array<std::string_view, 10> names = {
    "monomial", "linear", "relu", "abs", "erf", "tanh", "sigmoid", "gelu", "softplus", "sin"};

double power(double x, int degree) {
  double product = x;
  for (int k = 1; k < degree; ++k)
    product *= x;
  return product;
}

double logistic(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

double sign(double x) {
  return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : 0.0);
}

}  // namespace

std::span<const std::string_view> activation_names() {
  return names;
}

std::string_view name(ActivationKind kind) {
  return names[static_cast<std::size_t>(kind)];
}

ActivationKind parse_activation(std::string_view text) {
  std::string valid;
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (names[k] == text) return static_cast<ActivationKind>(k);
    valid += (k == 0 ? "" : ", ") + std::string(names[k]);
  }
  throw Error(ExitCode::deck, "unknown activation '{}'; valid are {}", text, valid);
}

Activation::Activation(ActivationKind kind, int degree) : kind_(kind), degree_(degree) {
  FATHOM_ASSERT(degree >= 1 && degree <= 8, "degree {}", degree);
  if (kind != ActivationKind::monomial) degree_ = 1;
}

double Activation::operator()(double x) const {
  switch (kind_) {
    case ActivationKind::monomial:
      return power(x, degree_);
    case ActivationKind::linear:
      return x;
    case ActivationKind::relu:
      return 0.5 * (x + std::fabs(x));
    case ActivationKind::abs:
      return std::fabs(x);
    case ActivationKind::erf:
      return std::erf(x);
    case ActivationKind::tanh:
      return std::tanh(x);
    case ActivationKind::sigmoid:
      return logistic(x);
    case ActivationKind::gelu:
      return 0.5 * x * std::erfc(-x / sqrt2);
    case ActivationKind::softplus:
      return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
    case ActivationKind::sin:
      return std::sin(x);
  }
  FATHOM_ASSERT(false, "activation kind {}", static_cast<int>(kind_));
}

double Activation::derivative(double x) const {
  switch (kind_) {
    case ActivationKind::monomial:
      return degree_ == 1 ? 1.0 : degree_ * power(x, degree_ - 1);
    case ActivationKind::linear:
      return 1.0;
    case ActivationKind::relu:
      return 0.5 * (1.0 + sign(x));
    case ActivationKind::abs:
      return sign(x);
    case ActivationKind::erf:
      return 2.0 * inv_sqrtpi * std::exp(-x * x);
    case ActivationKind::tanh: {
      const double c = std::cosh(x);
      return 1.0 / (c * c);
    }
    case ActivationKind::sigmoid:
      return logistic(x) * logistic(-x);
    case ActivationKind::gelu:
      return 0.5 * std::erfc(-x / sqrt2) + x * std::exp(-0.5 * x * x) * inv_sqrtpi / sqrt2;
    case ActivationKind::softplus:
      return logistic(x);
    case ActivationKind::sin:
      return std::cos(x);
  }
  FATHOM_ASSERT(false, "activation kind {}", static_cast<int>(kind_));
}

bool Activation::smooth() const {
  return kind_ != ActivationKind::relu && kind_ != ActivationKind::abs;
}

Symmetry Activation::symmetry() const {
  switch (kind_) {
    case ActivationKind::monomial:
      return degree_ % 2 == 0 ? Symmetry::even : Symmetry::odd;
    case ActivationKind::linear:
    case ActivationKind::erf:
    case ActivationKind::tanh:
    case ActivationKind::sigmoid:
    case ActivationKind::sin:
      return Symmetry::odd;
    default:
      return Symmetry::even;  // relu, gelu and softplus are x/2 plus an even function
  }
}

double Activation::growth() const {
  switch (kind_) {
    case ActivationKind::erf:
    case ActivationKind::tanh:
    case ActivationKind::sigmoid:
    case ActivationKind::sin:
      return 0.0;
    default:
      return degree_;
  }
}

}  // namespace fathom
