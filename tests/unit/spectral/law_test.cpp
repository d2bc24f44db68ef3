#include "spectral/law.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> power_law(std::int64_t n, double alpha, double scale = 1.0) {
  std::vector<double> value;
  for (std::int64_t j = 1; j <= n; ++j)
    value.push_back(scale * std::pow(static_cast<double>(j), -alpha));
  return value;
}

TEST(Law, ValuesWorkedOutByHand) {
  EXPECT_DOUBLE_EQ(law_value(16, 1.5, 1), 1.0 / 64.0);
  EXPECT_DOUBLE_EQ(law_value(1, 2.0, 2), std::log(2.0) * std::log(2.0));
  EXPECT_NEAR(law_value(10, 1.0, 3), 0.57499017, 1e-8);  // (ln 11)² / 10
  EXPECT_EQ(law_spectrum(3, 1.0, 1), (std::vector<double>{1.0, 0.5, 1.0 / 3.0}));
}

TEST(Law, WindowIsAHandfulForHighDegrees) {
  EXPECT_EQ(law_window_end(1500, 1), 28);       // 1500 / 7.3132²
  EXPECT_EQ(law_window_end(4096, 2), 7);        // 4096 / 8.3178³
  EXPECT_EQ(law_window_end(4096, 3), 1);        // below one mode: never empty
  EXPECT_EQ(law_window_end(1'000'000, 3), 27);  // 1e6 / 13.8155⁴
  EXPECT_EQ(law_window_end(1, 1), 1);
  EXPECT_EQ(law_window_end(2, 8), 1);
}

TEST(Law, RatioIsNanWhereEitherSideSaysNothing) {
  const std::vector<double> value{2.0, 3.0, nan, -1.0, 5.0, 6.0};
  const std::vector<double> reference{1.0, 0.0, 1.0, 1.0, 2.0};
  const std::vector<double> ratio = ratio_to(value, reference);
  ASSERT_EQ(ratio.size(), value.size());
  EXPECT_DOUBLE_EQ(ratio[0], 2.0);
  EXPECT_DOUBLE_EQ(ratio[4], 2.5);
  for (const std::size_t j : {1, 2, 3, 5})
    EXPECT_TRUE(std::isnan(ratio[j])) << j;
}

TEST(Law, SpreadIgnoresAConstantFactor) {
  const std::vector<double> ratio{100.0, 2.0, nan, 8.0, 4.0};
  const RatioSpread spread = ratio_spread(ratio, {2, 99});
  EXPECT_EQ(spread.range, (ModeRange{2, 5}));
  EXPECT_EQ(spread.count, 3);
  // weights 1/2, 1/4, 1/5 on ln 2 · (1, 3, 2): mean 1.65/0.95 · ln 2
  EXPECT_NEAR(spread.geometric_mean, std::exp2(1.65 / 0.95), 1e-12);
  EXPECT_DOUBLE_EQ(spread.minimum, 2.0);
  EXPECT_DOUBLE_EQ(spread.maximum, 8.0);
  EXPECT_DOUBLE_EQ(spread.spread, 4.0);
  std::vector<double> scaled = ratio;
  for (double& value : scaled)
    value *= 1e-9;
  EXPECT_NEAR(ratio_spread(scaled, {2, 5}).relative_maximum, spread.relative_maximum, 1e-12);
}

TEST(Law, SpreadOfNothingIsNan) {
  const RatioSpread spread = ratio_spread(std::vector<double>{nan, nan}, {1, 2});
  EXPECT_EQ(spread.count, 0);
  EXPECT_TRUE(std::isnan(spread.spread));
}

TEST(LocalSlope, IsExactForAPowerLawAtEveryMode) {
  for (const double slope : local_slope(power_law(300, 1.7, 1e-9)))
    EXPECT_NEAR(slope, -1.7, 1e-10);
}

TEST(LocalSlope, FollowsABendBetweenItsTwoExponents) {
  std::vector<double> value = power_law(1000, 1.0);
  for (std::size_t j = 100; j < 1000; ++j)
    value[j] = value[99] * std::pow(static_cast<double>(j + 1) / 100.0, -3.0);
  const std::vector<double> slope = local_slope(value);
  EXPECT_NEAR(slope[39], -1.0, 1e-9);
  EXPECT_NEAR(slope[299], -3.0, 1e-9);
  EXPECT_LT(slope[99], -1.5);
  EXPECT_GT(slope[99], -2.5);
}

TEST(LocalSlope, IsTheDerivativeOfASmoothSpectrum) {
  std::vector<double> value;
  for (int j = 1; j <= 2000; ++j)
    value.push_back(law_value(j, 1.5, 3));
  const std::vector<double> slope = local_slope(value);
  for (const double j : {50.0, 200.0, 900.0}) {
    const double derivative = 1.5 * (2.0 * j / ((j + 1.0) * std::log(j + 1.0)) - 1.0);
    EXPECT_NEAR(slope[static_cast<std::size_t>(j) - 1], derivative, 5e-3) << j;
  }
}

TEST(LocalSlope, SaysNothingAtUntrustedModes) {
  std::vector<double> value = power_law(50, 2.0);
  value[9] = nan;
  value[10] = -1e-20;
  for (std::size_t j = 40; j < 50; ++j)
    value[j] = nan;
  const std::vector<double> slope = local_slope(value);
  EXPECT_TRUE(std::isnan(slope[9]));
  EXPECT_TRUE(std::isnan(slope[10]));
  EXPECT_TRUE(std::isnan(slope[45]));
  EXPECT_NEAR(slope[11], -2.0, 1e-10);
  EXPECT_TRUE(std::isnan(local_slope(power_law(2, 1.0))[0]));
}

TEST(TrustedValues, HidesEveryStateButTrusted) {
  const std::vector<double> value{3.0, 2.0, 1.0};
  const std::vector<int> state{1, 0, 2};
  const std::vector<double> kept =
      trusted_values(std::span<const double>(value), std::span<const int>(state));
  EXPECT_EQ(kept[0], 3.0);
  EXPECT_TRUE(std::isnan(kept[1]));
  EXPECT_TRUE(std::isnan(kept[2]));
}

}  // namespace
}  // namespace fathom
