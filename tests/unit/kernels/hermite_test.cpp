#include "kernels/hermite.hpp"

#include "oracles.hpp"

#include <cmath>
#include <numbers>
#include <numeric>

#include <gtest/gtest.h>

namespace fathom {
namespace {

double hermite_function(int order, double z) {
  double previous = 0.0, current = 1.0;
  for (int k = 0; k < order; ++k) {
    const double next = (z * current - std::sqrt(k) * previous) / std::sqrt(k + 1.0);
    previous = current;
    current = next;
  }
  return current;
}

/// c_k by Simpson's rule on both sides of a possible kink at zero.
double coefficient(const Activation& f, double a, int order) {
  const auto integrand = [&](double z) {
    return f(std::sqrt(a) * z) * hermite_function(order, z) * std::exp(-0.5 * z * z) /
           std::sqrt(2.0 * std::numbers::pi);
  };
  return oracle::integrate(integrand, -13.0, 0.0) + oracle::integrate(integrand, 0.0, 13.0);
}

class HermiteOf : public testing::TestWithParam<ActivationKind> {};

TEST_P(HermiteOf, CoefficientsAreTheIntegrals) {
  const Activation f(GetParam(), 4);
  for (const double a : {0.3, 2.6}) {
    const HermiteQuadrature quadrature(f, 20, 2.6);
    const HermiteSeries series = quadrature.series(a);
    std::size_t t = 0;
    for (int k = 0; k < 20; ++k) {
      const bool listed = t < quadrature.orders().size() && quadrature.orders()[t] == k;
      const double c = listed ? series.coefficient[t++] : 0.0;
      EXPECT_NEAR(c, coefficient(f, a, k), 2e-11 * std::sqrt(series.second_moment))
          << name(f.kind()) << " a = " << a << " k = " << k;
    }
    EXPECT_EQ(t, quadrature.orders().size());
  }
}

TEST_P(HermiteOf, SquaresAddUpToTheSecondMoment) {
  const Activation f(GetParam(), 4);
  const HermiteSeries series = HermiteQuadrature(f, 400, 1.0).series(1.0);
  const auto& c = series.coefficient;
  const double sum = std::inner_product(c.begin(), c.end(), c.begin(), 0.0);
  // relu and abs fall as k^{-5/2}: what 400 orders leave is about 0.03 k^{-3/2}.
  EXPECT_NEAR(sum, series.second_moment, (f.smooth() ? 1e-13 : 1e-4) * series.second_moment)
      << name(f.kind());
  EXPECT_LE(sum, series.second_moment * (1.0 + 1e-14));
}

INSTANTIATE_TEST_SUITE_P(Every, HermiteOf,
                         testing::Values(ActivationKind::monomial, ActivationKind::linear,
                                         ActivationKind::relu, ActivationKind::abs,
                                         ActivationKind::erf, ActivationKind::tanh,
                                         ActivationKind::sigmoid, ActivationKind::gelu,
                                         ActivationKind::softplus, ActivationKind::sin),
                         [](const auto& tested) { return std::string(name(tested.param)); });

TEST(Hermite, CubeHasTwoCoefficients) {
  const HermiteSeries series =
      HermiteQuadrature(Activation(ActivationKind::monomial, 3), 8, 1.0).series(1.0);
  // z³ = 3 h₁ + √6 h₃; orders 0, 1, 3, 5, 7.
  EXPECT_NEAR(series.coefficient[0], 0.0, 1e-14);
  EXPECT_NEAR(series.coefficient[1], 3.0, 1e-14);
  EXPECT_NEAR(series.coefficient[2], std::sqrt(6.0), 1e-14);
  EXPECT_NEAR(series.coefficient[3], 0.0, 1e-13);
  EXPECT_NEAR(series.second_moment, 15.0, 1e-13);
}

TEST(Hermite, LargeVariancesKeepTheirAccuracy) {
  // E sin²(√a z) = (1−e^{−2a})/2; tanh at a = 400 has poles 0.08 from the line.
  EXPECT_NEAR(
      HermiteQuadrature(Activation(ActivationKind::sin), 4, 30.0).series(30.0).second_moment, 0.5,
      1e-15);
  const Activation f(ActivationKind::tanh);
  const HermiteSeries series = HermiteQuadrature(f, 4, 400.0).series(400.0);
  const double second = 2.0 * oracle::integrate(
                                  [&](double z) {
                                    return std::pow(std::tanh(20.0 * z), 2) *
                                           std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
                                  },
                                  0.0, 12.0);
  EXPECT_NEAR(series.second_moment, second, 1e-11);
}

}  // namespace
}  // namespace fathom
