#include "spectral/verdict.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;
using testing::Not;

ExponentFit fit_between(double low, double high, ModeRange range) {
  ExponentFit fit;
  fit.exponent = 0.5 * (low + high);
  fit.low = low;
  fit.high = high;
  fit.range = range;
  fit.seeds = 5;
  return fit;
}

LawEvidence evidence(int degree, std::int64_t features, ExponentFit fit) {
  LawEvidence result;
  result.degree = degree;
  result.features = features;
  result.dim = 4 * features;
  result.alpha = 1.5;
  result.fit = fit;
  result.law = ratio_spread(std::vector<double>{1.0, 9.0, 3.0}, {1, 3});
  return result;
}

TEST(Verdict, DegreeOneAgrees) {
  const LawVerdict verdict = law_verdict(evidence(1, 1500, fit_between(1.47, 1.52, {1, 37})));
  EXPECT_TRUE(verdict.decided);
  EXPECT_TRUE(verdict.agrees);
  EXPECT_THAT(verdict.sentence, HasSubstr("agree with the law for p = 1, d = 1500"));
  EXPECT_THAT(verdict.sentence, HasSubstr("1.500"));
}

TEST(Verdict, APlantedWrongExponentDiffers) {
  const LawVerdict verdict = law_verdict(evidence(1, 1500, fit_between(1.57, 1.62, {1, 37})));
  EXPECT_TRUE(verdict.decided);
  EXPECT_FALSE(verdict.agrees);
  EXPECT_THAT(verdict.sentence, HasSubstr("differ beyond error"));
}

TEST(Verdict, DegreeThreeAtAnAffordableSizeIsTooSmallWhateverTheFit) {
  for (const std::int64_t d : {4096, 33'000})
    for (const double centre : {1.5, 0.4}) {
      LawEvidence input = evidence(3, d, fit_between(centre - 0.02, centre + 0.02, {5, 409}));
      input.comparator = ratio_spread(std::vector<double>{0.9, 1.4}, {1, 2});
      const LawVerdict verdict = law_verdict(input);
      EXPECT_FALSE(verdict.decided);
      EXPECT_FALSE(verdict.agrees);
      EXPECT_THAT(verdict.sentence, HasSubstr("too small to decide for p = 3"));
      EXPECT_THAT(verdict.sentence, HasSubstr("factor 9.00"));
      EXPECT_THAT(verdict.sentence, HasSubstr("[0.900, 1.40]"));
    }
}

TEST(Verdict, HighDegreesAtHugeSizesAreHeldAgainstTheSlopeOfTheLawItself) {
  // p = 2, d = 1e6: the law's own slope over 10 … 300 is about 1.14, not 1.5.
  const ModeRange range{10, 300};
  const double slope = power_law_exponent(law_spectrum(300, 1.5, 2), range);
  EXPECT_LT(slope, 1.3);
  EXPECT_TRUE(
      law_verdict(evidence(2, 1'000'000, fit_between(slope - 0.02, slope + 0.02, range))).agrees);
  EXPECT_FALSE(law_verdict(evidence(2, 1'000'000, fit_between(1.48, 1.52, range))).agrees);
}

TEST(Verdict, DecidesFromADecadeOfModesOn) {
  const ExponentFit fit = fit_between(1.48, 1.52, {1, 20});
  EXPECT_FALSE(law_verdict(evidence(1, 150, fit)).decided);  // 150 / ln² = 5 modes
  EXPECT_TRUE(law_verdict(evidence(1, 400, fit)).decided);   // 11 modes
  EXPECT_FALSE(law_verdict(evidence(2, 4096, fit)).decided);
}

TEST(Verdict, DecidesOnlyFromModesInsideTheWindow) {
  // d = 4096, p = 1: the window ends at mode 59.
  EXPECT_TRUE(law_verdict(evidence(1, 4096, fit_between(1.47, 1.51, {5, 409}))).decided);
  EXPECT_TRUE(law_verdict(evidence(1, 2000, fit_between(1.47, 1.51, {1, 50}))).decided);
  EXPECT_TRUE(law_verdict(evidence(1, 4096, fit_between(1.47, 1.51, {18, 409}))).decided);
  for (const ModeRange range : {ModeRange{19, 409}, ModeRange{60, 409}, ModeRange{5, 15}}) {
    const LawVerdict verdict = law_verdict(evidence(1, 4096, fit_between(1.47, 1.51, range)));
    EXPECT_FALSE(verdict.decided) << range.first << '-' << range.last;
    EXPECT_THAT(
        verdict.sentence,
        HasSubstr("the fitted modes lie outside the theorem's window, which ends at mode 59"));
  }
  // p = 2: modes below e do not count, though they were fitted.
  const ExponentFit low = fit_between(1.0, 1.1, {1, 8});
  EXPECT_FALSE(law_verdict(evidence(2, 1'000'000, low)).decided);
}

TEST(Verdict, DecidesOnlyWhereTheDataReachPastTheFeatures) {
  LawEvidence input = evidence(1, 4096, fit_between(1.47, 1.52, {5, 409}));
  input.dim = 8192;
  EXPECT_TRUE(law_verdict(input).decided);
  input.dim = 8191;
  const LawVerdict verdict = law_verdict(input);
  EXPECT_FALSE(verdict.decided);
  EXPECT_THAT(verdict.sentence, HasSubstr("needs v larger than d, and v = 8191"));
  // The central picture is undecided because of d, whatever v is.
  LawEvidence central = evidence(3, 33'000, fit_between(0.9, 1.0, {1, 825}));
  central.dim = 66'000;
  EXPECT_THAT(law_verdict(central).sentence, HasSubstr("too small to decide for p = 3"));
}

TEST(Verdict, AnIntervalAsWideAsTheQuestionDecidesNothing) {
  const LawVerdict verdict = law_verdict(evidence(1, 1500, fit_between(1.2, 1.8, {1, 37})));
  EXPECT_FALSE(verdict.decided);
  EXPECT_THAT(verdict.sentence, HasSubstr("error is too large"));
}

TEST(Verdict, ClaimsNothingForOtherActivationsOrWithoutAFit) {
  LawEvidence relu = evidence(1, 1500, fit_between(1.48, 1.52, {1, 37}));
  relu.activation = "relu";
  EXPECT_FALSE(law_verdict(relu).decided);
  EXPECT_THAT(law_verdict(relu).sentence, HasSubstr("stated for monomial"));
  relu.degree = 0;  // as the study gives it, without a law to hold it against
  relu.law = {};
  EXPECT_THAT(law_verdict(relu).sentence, Not(HasSubstr("ratio to the law")));
  EXPECT_TRUE(law_is_stated("linear"));
  LawEvidence none = evidence(1, 1500, fit_between(1.48, 1.52, {1, 37}));
  none.fit.exponent = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(law_verdict(none).decided);
  EXPECT_THAT(law_verdict(none).sentence, HasSubstr("Fewer than three"));
}

TEST(Verdict, WithoutAComparatorNoneIsMentioned) {
  const LawVerdict verdict = law_verdict(evidence(3, 4096, fit_between(1.0, 1.1, {5, 409})));
  EXPECT_THAT(verdict.sentence, Not(HasSubstr("comparator")));
}

}  // namespace
}  // namespace fathom
