#include "spectral/marchenko_pastur.hpp"

#include "sampled_spectrum.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(MarchenkoPastur, EdgesAndMassAtZero) {
  const MarchenkoPastur quarter{0.25}, four{4.0};
  EXPECT_DOUBLE_EQ(quarter.lower_edge(), 0.25);
  EXPECT_DOUBLE_EQ(quarter.upper_edge(), 2.25);
  EXPECT_EQ(quarter.zero_mass(), 0.0);
  EXPECT_DOUBLE_EQ(four.zero_mass(), 0.75);
  EXPECT_EQ(quarter.density(0.2), 0.0);
  EXPECT_EQ(quarter.density(2.3), 0.0);
}

TEST(MarchenkoPastur, MomentsAreNarayanaPolynomials) {
  const double c = 0.7;
  const MarchenkoPastur law{c};
  EXPECT_DOUBLE_EQ(law.moment(0), 1.0);
  EXPECT_DOUBLE_EQ(law.moment(1), 1.0);
  EXPECT_DOUBLE_EQ(law.moment(2), 1.0 + c);
  EXPECT_DOUBLE_EQ(law.moment(3), 1.0 + 3.0 * c + c * c);
  EXPECT_NEAR(law.moment(4), 1.0 + 6.0 * c + 6.0 * c * c + c * c * c, 1e-14);
}

TEST(MarchenkoPastur, DensityIntegratesToItsMomentsAndCumulative) {
  for (const double c : {0.1, 0.5, 1.0, 3.0}) {
    const MarchenkoPastur law{c};
    const int points = 400'000;
    const double a = law.lower_edge(), width = law.upper_edge() - a;
    double mass = law.zero_mass(), first = 0.0, third = 0.0;
    for (int i = 0; i < points; ++i) {
      const double x = a + width * (i + 0.5) / points;
      const double weight = law.density(x) * width / points;
      mass += weight;
      first += weight * x;
      third += weight * x * x * x;
    }
    EXPECT_NEAR(mass, 1.0, c == 1.0 ? 2e-3 : 1e-5) << c;  // 1/√x at zero for c = 1
    EXPECT_NEAR(first, law.moment(1), 1e-5) << c;
    EXPECT_NEAR(third, law.moment(3), 1e-4) << c;
    EXPECT_NEAR(law.cumulative(law.upper_edge() * (1.0 - 1e-12)), 1.0, 1e-7) << c;
    EXPECT_NEAR(law.cumulative(a), law.zero_mass(), 1e-12) << c;
  }
  // c = 1 in closed form: F(x) = (2/π)(asin(√x/2) + (√x/2) √(1 − x/4))
  const double s = 0.5;
  EXPECT_NEAR(MarchenkoPastur{1.0}.cumulative(4.0 * s * s),
              2.0 / std::acos(-1.0) * (std::asin(s) + s * std::sqrt(1.0 - s * s)), 1e-8);
}

TEST(MarchenkoPastur, IsTheLawOfASampledCovariance) {
  // alpha = 0 makes H the identity; K = WᵀW/d, so WᵀW/v is K·d/v.
  const std::int64_t d = 200, v = 800;
  const MarchenkoPastur law{static_cast<double>(d) / static_cast<double>(v)};
  const std::vector<double> value =
      test::sampled_spectrum(d, v, 0.0, 3, [](double, double, double s) { return s; });
  double distance = 0.0;
  for (std::size_t j = 0; j < value.size(); ++j) {
    const double x = value[j] * static_cast<double>(d) / static_cast<double>(v);
    const double empirical = 1.0 - (static_cast<double>(j) + 0.5) / static_cast<double>(d);
    distance = std::max(distance, std::abs(law.cumulative(x) - empirical));
  }
  EXPECT_LT(distance, 0.02);
  EXPECT_GT(std::abs(MarchenkoPastur{0.5}.cumulative(1.0) - law.cumulative(1.0)), 0.02);
}

}  // namespace
}  // namespace fathom
