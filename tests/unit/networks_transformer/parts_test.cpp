// The vectorised functions against the scalar ones of kernels.

#include "networks/vector_functions.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

template <class T>
void expect_scalar_values(const Activation& f, T epsilon) {
  std::vector<T> x;
  for (int k = -3000; k <= 3000; ++k)
    x.push_back(static_cast<T>(0.0031 * k));
  std::vector<T> value = x, slope(x.size());
  activate<T>(f, value, slope);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = static_cast<double>(x[i]);
    // Sums of terms that cancel are held against the terms: |x| and 1.
    const double size = std::fmax(std::fabs(f(at)), std::fmin(1.0, std::fabs(at)));
    EXPECT_NEAR(value[i], f(at), 6 * epsilon * size) << name(f.kind()) << " at " << at;
    const double steep = std::fmax(std::fabs(f.derivative(at)), 1.0);
    EXPECT_NEAR(slope[i], f.derivative(at), 6 * epsilon * steep) << name(f.kind()) << " at " << at;
  }
}

TEST(VectorFunctions, AreTheScalarOnesAndTheirSlopes) {
  for (const auto text : activation_names()) {
    const Activation f(parse_activation(text), 3);
    expect_scalar_values<double>(f, std::numeric_limits<double>::epsilon());
    expect_scalar_values<float>(f, std::numeric_limits<float>::epsilon());
  }
}

template <class T>
void expect_limits(ActivationKind kind, T x, T value, T slope) {
  std::vector<T> values(70, x), slopes(70);
  activate<T>(Activation(kind), values, slopes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], value) << name(kind) << " of " << x;
    EXPECT_EQ(slopes[i], slope) << name(kind) << " of " << x;
  }
}

TEST(VectorFunctions, FarOutReachTheirLimits) {
  const auto check = [](auto far) {
    using T = decltype(far);
    expect_limits<T>(ActivationKind::sigmoid, far, 1, 0);
    expect_limits<T>(ActivationKind::sigmoid, -far, 0, 0);
    expect_limits<T>(ActivationKind::softplus, far, far, 1);
    expect_limits<T>(ActivationKind::softplus, -far, 0, 0);
    expect_limits<T>(ActivationKind::tanh, far, 1, 0);
    expect_limits<T>(ActivationKind::tanh, -far, -1, 0);
    expect_limits<T>(ActivationKind::erf, far, 1, 0);
    expect_limits<T>(ActivationKind::gelu, far, far, 1);
    expect_limits<T>(ActivationKind::gelu, -far, 0, 0);
  };
  check(1000.0);
  check(1000.0F);
}

TEST(VectorFunctions, NaNStaysNaN) {
  for (const auto text : activation_names()) {
    const Activation f(parse_activation(text), 3);
    std::vector<double> x(70, 0.5), slope(70);
    x[3] = x[69] = std::nan("");
    activate<double>(f, x, slope);
    EXPECT_TRUE(std::isnan(x[3]) && std::isnan(x[69])) << text;
    EXPECT_FALSE(std::isnan(x[4])) << text;
  }
}

TEST(VectorFunctions, AtAKinkTheSlopeIsTheMean) {
  std::vector<double> x{0, -0.0}, slope(2);
  activate<double>(Activation(ActivationKind::relu), x, slope);
  EXPECT_EQ(slope, (std::vector<double>{0.5, 0.5}));
  activate<double>(Activation(ActivationKind::abs), x, slope);
  EXPECT_EQ(slope, (std::vector<double>{0, 0}));
}

TEST(VectorFunctions, Exponentials) {
  std::vector<double> x;
  for (int k = -500; k <= 100; ++k)
    x.push_back(0.7 * k);
  std::vector<double> y = x;
  exponentiate<double>(y);
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(y[i], std::exp(x[i]), 1e-15 * std::exp(x[i]));
}

}  // namespace
}  // namespace fathom
