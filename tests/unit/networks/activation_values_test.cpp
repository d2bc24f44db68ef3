#include "networks/activation_values.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

std::vector<Activation> every_activation() {
  std::vector<Activation> all;
  for (const auto text : activation_names())
    all.emplace_back(parse_activation(text), 3);
  for (int degree = 1; degree <= 8; ++degree)
    all.emplace_back(ActivationKind::monomial, degree);
  return all;
}

std::vector<double> arguments() {
  std::vector<double> x;
  for (int k = -1000; k <= 1000; ++k)
    x.push_back(0.0083 * k);
  return x;
}

template <class T>
void expect_values(double tolerance) {
  for (const Activation& f : every_activation()) {
    std::vector<T> value;
    for (const double x : arguments())
      value.push_back(static_cast<T>(x));
    const std::vector<T> z = value;
    std::vector<T> derivative(z.size());
    activate(f, std::span<T>(value), std::span<T>(derivative));
    for (std::size_t k = 0; k < z.size(); ++k) {
      // Relative to the larger of the value and the argument's own rounding.
      const double x = z[k], slope = f.derivative(x);
      EXPECT_NEAR(value[k], f(x), tolerance * (std::fabs(f(x)) + std::fmin(1.0, std::fabs(x))))
          << name(f.kind()) << f.degree() << " at " << x;
      EXPECT_NEAR(derivative[k], slope,
                  tolerance * (2 * std::fabs(slope) + std::fmin(1.0, std::fabs(x))))
          << name(f.kind()) << f.degree() << "' at " << x;
    }
  }
}

TEST(ActivationValues, DoubleIsTheScalarFunctionToAFewUlp) {
  expect_values<double>(1e-15);
}

TEST(ActivationValues, FloatIsTheScalarFunctionToAFewUlp) {
  expect_values<float>(5e-7);
}

TEST(ActivationValues, AValueDoesNotDependOnItsPlace) {
  for (const Activation& f : every_activation()) {
    std::vector<double> all = arguments(), derivative(all.size());
    activate(f, std::span(all), std::span(derivative));
    for (std::size_t k = 0; k < all.size(); k += 37) {
      double value = arguments()[k], slope = 0;
      activate(f, std::span(&value, 1), std::span(&slope, 1));
      EXPECT_EQ(value, all[k]) << name(f.kind());
      EXPECT_EQ(slope, derivative[k]) << name(f.kind());
    }
  }
}

TEST(ActivationValues, NaNStaysNaN) {
  for (const Activation& f : every_activation()) {
    std::vector<double> z(5, std::numeric_limits<double>::quiet_NaN()), derivative(5);
    std::vector<float> single(5, std::numeric_limits<float>::quiet_NaN()), slope(5);
    activate(f, std::span(z), std::span(derivative));
    activate(f, std::span(single), std::span(slope));
    for (std::size_t k = 0; k < 5; ++k) {
      EXPECT_TRUE(std::isnan(z[k])) << name(f.kind());
      EXPECT_TRUE(std::isnan(single[k])) << name(f.kind());
    }
  }
}

TEST(ActivationValues, AtLargeArgumentsNothingOverflows) {
  for (const auto kind : {ActivationKind::tanh, ActivationKind::sigmoid, ActivationKind::erf,
                          ActivationKind::gelu, ActivationKind::softplus})
    for (const double x : {-800.0, 800.0}) {
      double z = x, slope = -1;
      activate(Activation(kind), std::span(&z, 1), std::span(&slope, 1));
      EXPECT_NEAR(z, Activation(kind)(x), 1e-12) << name(kind);
      EXPECT_NEAR(
          slope, (kind == ActivationKind::gelu || kind == ActivationKind::softplus) && x > 0, 1e-15)
          << name(kind);
    }
}

TEST(ActivationValues, Exponentials) {
  std::vector<double> x;
  for (int k = -500; k <= 100; ++k)
    x.push_back(0.7 * k);
  std::vector<double> y = x;
  exponentiate(y);
  for (std::size_t k = 0; k < x.size(); ++k)
    EXPECT_NEAR(y[k], std::exp(x[k]), 1e-15 * std::exp(x[k]));
}

}  // namespace
}  // namespace fathom
