#include "spectral/reach_verdict.hpp"

#include "base/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Five sizes 32 … 512 and `seeds` seeds: value = size^slope · e^(scatter z).
std::vector<SizeRuns> power(double slope, double scatter, int seeds = 5, std::int64_t draw = 0) {
  std::vector<SizeRuns> runs;
  for (int i = 0; i < 5; ++i) {
    runs.push_back({std::ldexp(32.0, i), {}});
    for (int seed = 0; seed < seeds; ++seed)
      runs.back().value.push_back(
          std::pow(runs.back().size, slope) *
          std::exp(scatter * normal({11, Stream::test}, 100 * draw + seed, i)));
  }
  return runs;
}

TEST(SizeTrend, ByHand) {
  // Two sizes a factor e apart: slopes are differences of logarithms, 1 and 3 and 2.
  const double e = std::exp(1.0);
  const SizeTrend trend = trend_over_sizes(
      std::vector<SizeRuns>{{e, {e * 2.0, e * e * e, e * e}}, {1.0, {2.0, 1.0, 1.0}}});
  EXPECT_EQ(trend.seeds(), 3);
  EXPECT_NEAR(trend.slope.mean, 2.0, 1e-12);
  EXPECT_NEAR(trend.slope.high, 2.0 + 4.302653 / std::sqrt(3.0), 1e-6);
  EXPECT_DOUBLE_EQ(trend.size[0], 1.0);
  EXPECT_NEAR(trend.mean[0].mean, std::cbrt(2.0), 1e-12);
  EXPECT_LT(trend.mean[0].low, trend.mean[0].mean);
}

TEST(SizeTrend, IntervalsHoldTheTruthAsOftenAsTheySay) {
  int inside = 0;
  for (int draw = 0; draw < 1000; ++draw)
    inside += trend_over_sizes(power(0.3, 0.2, 5, draw)).slope.contains(0.3) ? 1 : 0;
  EXPECT_GT(inside, 925);
  EXPECT_LT(inside, 975);
}

TEST(SizeTrend, SeedsWithAMissingRunHaveNoSlope) {
  std::vector<SizeRuns> runs = power(0.3, 0.01);
  runs[2].value[1] = nan;
  runs[4].value[3] = 0.0;  // no depth
  const SizeTrend trend = trend_over_sizes(runs);
  EXPECT_EQ(trend.seeds(), 3);
  EXPECT_EQ(trend.left_out, 2);
  EXPECT_EQ(trend.mean[2].count, 4);
  EXPECT_THAT(larger_reach_deeper(trend, "widths").sentence,
              HasSubstr("over 5 sizes and 3 seeds; 2 seeds left out, without a value at every"));
}

SizeTrend with_slope(double mean, double low, double high) {
  SizeTrend trend;
  trend.size = {32, 64, 128, 256, 512};
  for (const double size : trend.size)
    trend.mean.push_back({std::pow(size, mean), 0.0, 0.0, 5});
  trend.slope = {mean, low, high, 5};
  return trend;
}

TEST(ReachVerdict, SentencesWord) {
  EXPECT_EQ(larger_reach_deeper(with_slope(0.31, 0.12, 0.50), "widths").sentence,
            "larger widths reach deeper: slope 0.31 [0.12, 0.5] over 5 sizes and 5 seeds");
  EXPECT_EQ(larger_reach_deeper(with_slope(0.31, -0.12, 0.50), "widths").sentence,
            "whether larger widths reach deeper is not decided: slope 0.31 [-0.12, 0.5] over 5 "
            "sizes and 5 seeds");
  EXPECT_EQ(larger_reach_deeper(with_slope(-0.31, -0.5, -0.12), "widths").sentence,
            "larger widths reach no deeper: slope -0.31 [-0.5, -0.12] over 5 sizes and 5 seeds; "
            "the depth goes the other way");
  EXPECT_EQ(larger_reach_deeper(with_slope(0.01, -0.03, 0.05), "widths").sentence,
            "larger widths reach no deeper: slope 0.01 [-0.03, 0.05] over 5 sizes and 5 seeds, "
            "less than 0.1 if anything");
  EXPECT_EQ(larger_end_lower(with_slope(-0.31, -0.5, -0.12), "depths").sentence,
            "larger depths end lower: slope -0.31 [-0.5, -0.12] over 5 sizes and 5 seeds");
  EXPECT_EQ(larger_end_lower(with_slope(0.2, 0.1, 0.3), "widths").finding, Finding::no);
  EXPECT_EQ(larger_end_lower(with_slope(-0.03, -0.2, 0.3), "widths").finding, Finding::undecided);
}

TEST(ReachVerdict, FromRuns) {
  EXPECT_EQ(larger_reach_deeper(trend_over_sizes(power(0.3, 0.1)), "widths").finding, Finding::yes);
  EXPECT_EQ(larger_reach_deeper(trend_over_sizes(power(0.0, 0.02)), "widths").finding, Finding::no);
  EXPECT_EQ(larger_reach_deeper(trend_over_sizes(power(0.1, 1.5)), "widths").finding,
            Finding::undecided);
  EXPECT_EQ(larger_end_lower(trend_over_sizes(power(-0.3, 0.1)), "widths").finding, Finding::yes);
}

TEST(ReachVerdict, APlantedFallIsNoRise) {
  std::vector<SizeRuns> runs = power(0.3, 0.02);
  std::swap(runs[0].value, runs[4].value);  // the fault: sizes and runs mixed up
  std::swap(runs[1].value, runs[3].value);
  EXPECT_EQ(larger_reach_deeper(trend_over_sizes(runs), "widths").finding, Finding::no);
}

TEST(ReachVerdict, OneSeedDecidesNothing) {
  const ReachVerdict verdict = larger_reach_deeper(trend_over_sizes(power(0.3, 0.0, 1)), "widths");
  EXPECT_EQ(verdict.finding, Finding::undecided);
  EXPECT_EQ(verdict.sentence,
            "whether larger widths reach deeper is not decided: 1 seed with a value at every size, "
            "and an interval needs two");
}

TEST(ReachVerdict, SaysWhereMeansGoTheOtherWay) {
  std::vector<SizeRuns> runs = power(0.5, 0.001);
  std::swap(runs[3].value, runs[4].value);
  EXPECT_THAT(larger_reach_deeper(trend_over_sizes(runs), "widths").sentence,
              HasSubstr("the means go the other way from 256 to 512"));
  EXPECT_THAT(larger_reach_deeper(trend_over_sizes(power(0.5, 0.001)), "widths").sentence,
              Not(HasSubstr("other way")));
}

TEST(ReachVerdict, PairsSeeWhatSeedsHide) {
  // Seeds differ by factors, each pair by 0.1 ± 0.01.
  const std::vector<double> frozen{1.0, 2.0, 4.0, 8.0}, learning{0.9, 1.91, 3.9, 7.89};
  const PairedVerdict verdict = learning_ends_lower(learning, frozen);
  EXPECT_EQ(verdict.finding, Finding::yes);
  EXPECT_NEAR(verdict.change.mean, -0.1, 1e-12);
  EXPECT_THAT(verdict.sentence,
              HasSubstr("feature learning ends lower than the frozen kernel: loss difference -0.1 "
                        "["));
  EXPECT_EQ(learning_ends_lower(frozen, learning).finding, Finding::no);
  // The fault: pairs mixed up.
  const std::vector<double> mixed{7.89, 0.9, 3.9, 1.91};
  EXPECT_EQ(learning_ends_lower(mixed, frozen).finding, Finding::undecided);
}

TEST(ReachVerdict, DepthsAreComparedByTheirRatio) {
  const std::vector<double> frozen{10.0, 40.0, 20.0, 0.0}, learning{21.0, 80.0, 39.0, 50.0};
  const PairedVerdict verdict = learning_reaches_deeper(learning, frozen);
  EXPECT_EQ(verdict.finding, Finding::yes);
  EXPECT_NEAR(verdict.change.mean, std::cbrt(2.1 * 2.0 * 1.95), 1e-12);
  EXPECT_EQ(verdict.change.count, 3);
  EXPECT_THAT(verdict.sentence, HasSubstr("by a factor 2.02 ["));
  EXPECT_THAT(verdict.sentence, HasSubstr("over 3 seeds; 1 pair left out"));
  EXPECT_EQ(learning_reaches_deeper(frozen, frozen).finding, Finding::no) << "the same runs";
  EXPECT_THAT(learning_reaches_deeper(std::vector<double>{2.0}, std::vector<double>{1.0}).sentence,
              HasSubstr("is not decided: 1 seed, and an interval needs two"));
}

TEST(ReachVerdictDeath, SizesMustDifferAndSeedsMatch) {
  EXPECT_DEATH(trend_over_sizes(std::vector<SizeRuns>{{2.0, {1.0}}, {2.0, {1.0}}}), "size 2");
  EXPECT_DEATH(trend_over_sizes(std::vector<SizeRuns>{{2.0, {1.0}}, {3.0, {1.0, 2.0}}}), "size 3");
}

}  // namespace
}  // namespace fathom
