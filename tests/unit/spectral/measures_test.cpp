#include "spectral/measures.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Measures, TraceKeepsATailThatPlainSummationLoses) {
  std::vector<double> value(1001, 1e-17);
  value[0] = 1.0;
  EXPECT_DOUBLE_EQ(spectral_trace(value), 1.0 + 1e-14);
  value[5] = nan;
  EXPECT_DOUBLE_EQ(spectral_trace(value), 1.0 + 0.999e-14);
}

TEST(Measures, FrobeniusDoesNotOverflowOrUnderflow) {
  EXPECT_DOUBLE_EQ(spectral_frobenius(std::vector<double>{3.0, -4.0, nan}), 5.0);
  EXPECT_DOUBLE_EQ(spectral_frobenius(std::vector<double>{3e200, 4e200}), 5e200);
  EXPECT_NEAR(spectral_frobenius(std::vector<double>{3e-200, 4e-200}) / 5e-200, 1.0, 1e-15);
  EXPECT_EQ(spectral_frobenius(std::vector<double>{}), 0.0);
}

TEST(Measures, ParticipationRatioCountsEqualModes) {
  EXPECT_DOUBLE_EQ(participation_ratio(std::vector<double>{2.0, 2.0, 2.0}), 3.0);
  EXPECT_DOUBLE_EQ(participation_ratio(std::vector<double>{3.0, 1.0}), 1.6);
  EXPECT_EQ(participation_ratio(std::vector<double>{0.0, 0.0}), 0.0);
}

TEST(Measures, EffectiveDimensionByHand) {
  const std::vector<double> value{3.0, 1.0, nan, -1e-18};
  EXPECT_DOUBLE_EQ(effective_dimension(value, 1.0), 1.25);
  EXPECT_NEAR(effective_dimension(value, 1e-300), 2.0, 1e-15);
}

TEST(Measures, EffectiveDimensionCurveSpansTheTrustedSpectrum) {
  const std::vector<double> value{4.0, 1.0, 0.04, nan};
  const EffectiveDimensionCurve curve = effective_dimension_curve(value, 3);
  ASSERT_EQ(curve.lambda.size(), 3u);
  EXPECT_DOUBLE_EQ(curve.lambda_max, 4.0);
  EXPECT_NEAR(curve.lambda[0], 0.01, 1e-15);
  EXPECT_NEAR(curve.lambda[1], 0.1, 1e-15);
  EXPECT_NEAR(curve.lambda[2], 1.0, 1e-15);
  EXPECT_NEAR(curve.dimension[2], 0.5 + 0.2 + 0.04 / 4.04, 1e-14);
  EXPECT_TRUE(effective_dimension_curve(std::vector<double>{nan, 0.0}, 3).lambda.empty());
}

TEST(Measures, EffectiveDimensionOfAPowerLawGrowsAsTheRootOfTheRidge) {
  // N(κ) → κ^(-1/α) (π/α)/sin(π/α) for λ = j^-α.
  std::vector<double> value;
  for (int j = 1; j <= 400'000; ++j)
    value.push_back(std::pow(j, -2.0));
  const double expected = std::pow(1e-6, -0.5) * (std::acos(-1.0) / 2.0);
  EXPECT_NEAR(effective_dimension(value, 1e-6), expected, 0.002 * expected);
}

TEST(Measures, TargetPowerLeavesWhatIsOutsideTheModesMissing) {
  const TargetPower target = target_power(std::vector<double>{3.0, 0.0, -4.0}, 50.0);
  EXPECT_DOUBLE_EQ(target.power[0], 0.18);
  EXPECT_DOUBLE_EQ(target.power[2], 0.32);
  EXPECT_DOUBLE_EQ(target.cumulative[1], 0.18);
  EXPECT_DOUBLE_EQ(target.cumulative[2], 0.5);
  const TargetPower none = target_power(std::vector<double>{0.0, 0.0}, 0.0);
  EXPECT_EQ(none.cumulative, (std::vector<double>{0.0, 0.0}));
}

TEST(Measures, PowerDepthIsTheFirstModeThatReachesTheShare) {
  const std::vector<double> cumulative{0.2, 0.5, 0.85, 0.95};
  EXPECT_EQ(power_depth(cumulative, 0.5), 2);
  EXPECT_EQ(power_depth(cumulative, 0.9), 4);
  EXPECT_EQ(power_depth(cumulative, 0.99), 0);
  EXPECT_EQ(power_depth(cumulative, 0.1), 1);
}

TEST(Measures, DepthCountsTrustedModesOnly) {
  const std::vector<double> trusted{2.0, 1.0, nan, 0.5, nan};
  const TargetPower even = target_power(std::vector<double>{1.0, 1.0, 1.0, 1.0, 1.0}, 10.0);
  const TargetDepth at = target_depth(even, trusted, 0.25);
  EXPECT_EQ(at.depth, 4) << "the untrusted third mode must not count";
  EXPECT_NEAR(at.untrusted, 0.2, 1e-15);
  EXPECT_NEAR(at.unresolved, 0.5, 1e-15);
  EXPECT_EQ(target_depth(even, trusted, 0.4).depth, 0);
  const TargetDepth zero =
      target_depth(target_power(std::vector<double>(5, 0.0), 0.0), trusted, 0.9);
  EXPECT_EQ(zero.depth, 0);
  EXPECT_EQ(zero.unresolved, 0.0);
}

TEST(Measures, DepthSentenceLeavesOutTargetsThatAreNotReached) {
  const std::vector<TargetDepth> some{{7, 0.0, 0.0}, {0, 0.3, 0.0}, {3, 0.0, 0.0}, {5, 0.1, 0.0}};
  EXPECT_EQ(
      depth_sentence(some, 0.9),
      "3 of 4 targets have 90 % of their power within the trusted modes: median depth 5, 3 to "
      "7; 10.0 % of the power lies in untrusted modes");
  EXPECT_EQ(depth_sentence(std::vector<TargetDepth>{{4, 0.0, 1e-16}}, 0.9),
            "1 of 1 target has 90 % of its power within the trusted modes: depth 4");
  EXPECT_EQ(
      depth_sentence(std::vector<TargetDepth>{{0, 1e-4, 0.5}, {0, 0.0, 0.5}}, 0.9),
      "None of 2 targets has 90 % of its power within the trusted modes; less than 0.1 % of "
      "the power lies in untrusted modes; 50.0 % of the power lies outside the modes computed");
}

}  // namespace
}  // namespace fathom
