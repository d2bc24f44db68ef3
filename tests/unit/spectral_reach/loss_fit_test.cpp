#include "spectral/loss_fit.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;

/// Seven sizes 16 … 1024, `seeds` runs each: (E + A N^-a)(1 + scatter z).
std::vector<LossPoint> runs(double e, double a, double exponent, double scatter, int seeds,
                            std::int64_t draw = 0) {
  std::vector<LossPoint> points;
  for (int i = 0; i < 7; ++i)
    for (int seed = 0; seed < seeds; ++seed) {
      const double size = std::ldexp(16.0, i);
      const double z = normal({5, Stream::test}, 100 * draw + seed, i);
      points.push_back({size, (e + a * std::pow(size, -exponent)) * (1.0 + scatter * z)});
    }
  return points;
}

TEST(LossFit, RecoversAnExactLaw) {
  for (const double a : {0.05, 0.34, 1.0, 2.5}) {
    const LossFit fit = fit_saturating_law(runs(1.7, 40.0, a, 0.0, 1));
    ASSERT_TRUE(fit.found());
    EXPECT_NEAR(fit.exponent.value, a, 1e-5 * a);
    EXPECT_NEAR(fit.floor.value, 1.7, 1e-3);
    EXPECT_NEAR(fit.amplitude.value, 40.0, 1e-3 * 40.0);
    EXPECT_LT(fit.residual, 1e-7);
    EXPECT_FALSE(fit.at_bound);
    EXPECT_NEAR(fit.loss(64.0), 1.7 + 40.0 * std::pow(64.0, -a), 1e-6);
  }
}

TEST(LossFit, ByHand) {
  // 1 + 4/N at N = 1, 2, 4: 5, 3, 2.
  const LossFit fit = fit_saturating_law(std::vector<LossPoint>{{4, 2}, {1, 5}, {2, 3}});
  EXPECT_NEAR(fit.exponent.value, 1.0, 1e-5);
  EXPECT_NEAR(fit.floor.value, 1.0, 1e-5);
  EXPECT_NEAR(fit.amplitude.value, 4.0, 1e-5);
  EXPECT_TRUE(std::isnan(fit.exponent.low));
  EXPECT_THAT(fit.method, HasSubstr("as many parameters as runs"));
}

TEST(LossFit, TheKnownFloorIsKept) {
  LossFitOptions options;
  options.floor = 0.8025118;
  const LossFit fit = fit_saturating_law(runs(0.8025118, 3.0, 0.7, 0.0, 2), options);
  EXPECT_NEAR(fit.exponent.value, 0.7, 1e-6);
  EXPECT_EQ(fit.floor.value, 0.8025118);
  EXPECT_EQ(fit.floor.low, fit.floor.high);
  options.floor = 0.9;  // the fault: a floor above some losses
  const LossFit wrong = fit_saturating_law(runs(0.8025118, 3.0, 0.7, 0.0, 2), options);
  EXPECT_GT(wrong.left_out, 0);
  EXPECT_GT(std::abs(wrong.exponent.value - 0.7), 0.05);
}

TEST(LossFit, AFloorBelowZeroIsZero) {
  // Falls faster at the end than any power with a floor: E would be negative.
  std::vector<LossPoint> points;
  for (const double size : {1.0, 2.0, 3.0, 4.0, 5.0, 6.0})
    points.push_back({size, 1.1 - 0.15 * size});
  const LossFit fit = fit_saturating_law(points);
  EXPECT_TRUE(fit.floor_is_zero);
  EXPECT_EQ(fit.floor.value, 0.0);
  EXPECT_GT(fit.exponent.value, 0.0);
}

TEST(LossFit, IntervalsHoldTheTruthAsOftenAsTheySay) {
  constexpr int draws = 120;
  for (const int seeds : {1, 5}) {
    int exponent = 0, floor = 0;
    for (int draw = 0; draw < draws; ++draw) {
      LossFitOptions options;
      options.resamples = 400;
      options.key.seed = static_cast<std::uint64_t>(draw);
      const LossFit fit = fit_saturating_law(runs(1.0, 8.0, 0.6, 0.01, seeds, draw), options);
      exponent += fit.exponent.contains(0.6) ? 1 : 0;
      floor += fit.floor.contains(1.0) ? 1 : 0;
    }
    EXPECT_GT(exponent, 0.9 * draws) << seeds;
    EXPECT_GT(floor, 0.9 * draws) << seeds;
    EXPECT_LT(exponent, draws) << seeds << ": an interval that is never wrong is too wide";
  }
}

TEST(LossFit, MoreScatterWidensTheInterval) {
  const LossFit quiet = fit_saturating_law(runs(1.0, 8.0, 0.6, 0.002, 5));
  const LossFit loud = fit_saturating_law(runs(1.0, 8.0, 0.6, 0.02, 5));
  EXPECT_GT(loud.exponent.high - loud.exponent.low,
            4.0 * (quiet.exponent.high - quiet.exponent.low));
  EXPECT_THAT(quiet.method, HasSubstr("95 % percentile intervals of a bootstrap of the runs within "
                                      "each size, 1000 resamples"));
  EXPECT_THAT(fit_saturating_law(runs(1.0, 8.0, 0.6, 0.01, 1)).method,
              HasSubstr("residuals about the fit"));
}

TEST(LossFit, TheSameSeedGivesTheSameInterval) {
  const std::vector<LossPoint> points = runs(1.0, 8.0, 0.6, 0.01, 3);
  LossFitOptions other;
  other.key.seed = 1;
  EXPECT_EQ(fit_saturating_law(points).exponent.low, fit_saturating_law(points).exponent.low);
  EXPECT_NE(fit_saturating_law(points).exponent.low,
            fit_saturating_law(points, other).exponent.low);
}

TEST(LossFit, RefusesWhatHasNoLaw) {
  const LossFit rising = fit_saturating_law(std::vector<LossPoint>{{1, 1}, {2, 2}, {4, 3}, {8, 4}});
  EXPECT_FALSE(rising.found());
  EXPECT_THAT(rising.method, HasSubstr("does not fall"));
  const LossFit two = fit_saturating_law(std::vector<LossPoint>{{1, 2}, {1, 2.1}, {2, 1}});
  EXPECT_FALSE(two.found());
  EXPECT_EQ(two.method, "2 sizes, 3 parameters: no fit");
  const double diverged = std::numeric_limits<double>::quiet_NaN();
  const LossFit holes =
      fit_saturating_law(std::vector<LossPoint>{{1, 5}, {2, 3}, {4, 2}, {8, diverged}});
  EXPECT_EQ(holes.left_out, 1);
  EXPECT_NEAR(holes.exponent.value, 1.0, 1e-5);
}

TEST(LossFit, SaysWhereNoLawDescribesTheLosses) {
  EXPECT_TRUE(fit_saturating_law(runs(1.7, 40.0, 0.5, 0.05, 3)).describes());
  // A fall by a factor of 1000 at one size, flat on both sides: runs agree, the law is far off.
  std::vector<LossPoint> step;
  for (int i = 0; i < 8; ++i)
    for (int seed = 0; seed < 3; ++seed)
      step.push_back({std::ldexp(16.0, i), (i < 4 ? 1.0 : 1e-3) * (1 + 0.01 * seed)});
  const LossFit fit = fit_saturating_law(step);
  ASSERT_TRUE(fit.found());
  EXPECT_FALSE(fit.describes());
  EXPECT_GT(fit.residual, 0.3);
}

TEST(LossFit, AnExponentAtTheEndOfTheSearchIsSaid) {
  // A logarithm is the law with a → 0, A → ∞.
  std::vector<LossPoint> points;
  for (int i = 0; i < 7; ++i)
    points.push_back({std::ldexp(16.0, i), 10.0 - 0.01 * i});
  LossFitOptions options;
  options.resamples = 0;
  EXPECT_TRUE(fit_saturating_law(points, options).at_bound);
}

TEST(LossFit, TheAsymptoteBeginsWhereDoublingGainsLess) {
  LossFit fit;
  fit.floor.value = 1.0;
  fit.amplitude.value = 4.0;
  fit.exponent.value = 1.0;
  EXPECT_DOUBLE_EQ(doubling_gain(fit, 4.0), 0.25);  // 2 → 1.5
  EXPECT_NEAR(asymptote_onset(fit, 0.25), 4.0, 1e-12);
  EXPECT_NEAR(doubling_gain(fit, asymptote_onset(fit, 0.01)), 0.01, 1e-12);
  EXPECT_EQ(asymptote_onset(fit, 0.6), 0.0);
  fit.floor.value = 0.0;
  EXPECT_TRUE(std::isinf(asymptote_onset(fit, 0.25)));
}

}  // namespace
}  // namespace fathom
