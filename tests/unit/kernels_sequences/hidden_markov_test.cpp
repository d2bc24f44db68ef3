#include "kernels/hidden_markov.hpp"

#include "base/error.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using ::testing::HasSubstr;

/// The message of the deck error that an expression throws.
template <class Make>
std::string deck_error(Make make) {
  try {
    make();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deck);
    return error.what();
  }
  return "no error";
}

void expect_stationary(const HiddenMarkov& source, const std::vector<double>& expected) {
  ASSERT_EQ(source.stationary().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(source.stationary()[i], expected[i], 1e-15) << source.name() << " " << i;
}

TEST(HiddenMarkov, Mess3TensorsAsPrinted) {
  const double alpha = 0.85, x = 0.05, beta = 0.075, y = 0.9;
  const double printed[3][3][3] = {{{alpha * y, beta * x, beta * x},
                                    {alpha * x, beta * y, beta * x},
                                    {alpha * x, beta * x, beta * y}},
                                   {{beta * y, alpha * x, beta * x},
                                    {beta * x, alpha * y, beta * x},
                                    {beta * x, alpha * x, beta * y}},
                                   {{beta * y, beta * x, alpha * x},
                                    {beta * x, beta * y, alpha * x},
                                    {beta * x, beta * x, alpha * y}}};
  const HiddenMarkov source = mess3(alpha, x);
  for (int s = 0; s < 3; ++s)
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        EXPECT_NEAR(source.transition(s, i, j), printed[s][i][j], 1e-16);
}

TEST(HiddenMarkov, StationaryDistributions) {
  expect_stationary(mess3(0.85, 0.05), {1.0 / 3, 1.0 / 3, 1.0 / 3});
  expect_stationary(rrxor(), {1.0 / 3, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6});
  expect_stationary(z1r(), {1.0 / 3, 1.0 / 3, 1.0 / 3});
  // State 0 is left for ever; of the others π₁·0.2 = π₂·0.6.
  expect_stationary({"transient", 3, 1, {0.5, 0.25, 0.25, 0, 0.8, 0.2, 0, 0.6, 0.4}},
                    {0.0, 0.75, 0.25});
  expect_stationary({"single", 1, 2, {0.25, 0.75}}, {1.0});
}

TEST(HiddenMarkov, StationaryKeepsSmallEntries) {
  const double rare = 1e-12;
  const HiddenMarkov source("rare", 2, 1, {1.0 - rare * rare, rare * rare, 1.0, 0.0});
  EXPECT_NEAR(source.stationary()[1] / (rare * rare), 1.0, 1e-14);
}

TEST(HiddenMarkov, RefusesWhatIsNoSource) {
  EXPECT_THAT(deck_error([] {
                HiddenMarkov("a", 2, 1, {0.5, 0.5, 0.5, 0.5 + 1e-8});
              }),
              HasSubstr("out of state 1 sum to 1.00000001"));
  EXPECT_THAT(deck_error([] {
                HiddenMarkov("a", 2, 1, {1.5, -0.5, 0.5, 0.5});
              }),
              HasSubstr("T[symbol 0][from 0][to 0] = 1.5 is not a probability"));
  EXPECT_THAT(deck_error([] {
                HiddenMarkov("a", 1, 2, {1.0, -1e-14});
              }),
              HasSubstr("is not a probability"));
  EXPECT_THAT(deck_error([] { HiddenMarkov("a", 1, 1, {std::nan("")}); }), HasSubstr("nan"));
  EXPECT_THAT(deck_error([] {
                HiddenMarkov("a", 2, 2, {1.0, 0.0, 0.0, 1.0});
              }),
              HasSubstr("4 transition probabilities for 2 symbols x 2 x 2 states = 8"));
  EXPECT_THAT(deck_error([] { HiddenMarkov("a", 0, 2, {}); }), HasSubstr("0 states"));
  EXPECT_THAT(deck_error([] {
                HiddenMarkov("a", 2, 1, {1.0, 0.0, 0.0, 1.0});
              }),
              HasSubstr("no unique stationary distribution: states 0 and 1"));
  EXPECT_THAT(deck_error([] { mess3(0.85, 0.0); }), HasSubstr("0 < x <= 1/2"));
}

TEST(HiddenMarkov, WithinToleranceRowsAreDividedByTheirSum) {
  const HiddenMarkov source("near", 1, 2, {0.25, 0.75 + 9e-10});
  EXPECT_NEAR(source.transition(0, 0, 0) + source.transition(1, 0, 0), 1.0, 2.3e-16);
}

TEST(HiddenMarkov, ByName) {
  EXPECT_EQ(hidden_markov_by_name("mess3", std::vector{0.6, 0.15}).transition(0, 0, 0), 0.6 * 0.7);
  for (const auto name : hidden_markov_names())
    if (name != "mess3") {
      EXPECT_EQ(hidden_markov_by_name(name, {}).name(), name);
    }
  EXPECT_THAT(deck_error([] { hidden_markov_by_name("mess4", {}); }),
              HasSubstr("\"mess4\"; there are mess3, rrxor, z1r"));
  EXPECT_THAT(deck_error([] { hidden_markov_by_name("mess3", {}); }), HasSubstr("two: alpha, x"));
  EXPECT_THAT(deck_error([] { hidden_markov_by_name("z1r", std::vector{1.0}); }),
              HasSubstr("takes none"));
}

TEST(HiddenMarkov, BeliefUpdateByHand) {
  // π T^(0) = (α y + 2αx, βy + 2βx, …)/3 summed by columns: (α(y + 2x), β(…), β(…))/3.
  const HiddenMarkov source = mess3(0.85, 0.05);
  std::vector<double> belief(source.stationary().begin(), source.stationary().end());
  EXPECT_NEAR(source.observe(0, belief), 1.0 / 3, 1e-15);
  EXPECT_NEAR(belief[0], 0.85, 1e-15);
  EXPECT_NEAR(belief[1], 0.075, 1e-15);
  std::vector<double> p(3);
  source.predict(belief, p);
  // Σ_i η_i Σ_j T^(0)_ij with Σ_j T^(0)_0j = αy + 2βx, Σ_j T^(0)_1j = αx + βy + βx.
  EXPECT_NEAR(p[0], 0.85 * (0.765 + 0.0075) + 0.15 * (0.0425 + 0.0675 + 0.00375), 1e-15);
  EXPECT_NEAR(p[0] + p[1] + p[2], 1.0, 1e-15);
}

TEST(HiddenMarkov, WordProbabilities) {
  const HiddenMarkov source = rrxor();
  // Phase 1/3 each: 0 0 0 as (R R X) 1/4, (R X R) 1/2·1/2·1/2, (X R R) 1/2·1/4.
  EXPECT_NEAR(std::exp(source.log_probability(std::vector<std::int32_t>{0, 0, 0})),
              (0.25 + 0.125 + 0.125) / 3, 1e-15);
  EXPECT_EQ(std::exp(z1r().log_probability(std::vector<std::int32_t>{0, 0, 0})), 0.0);
  EXPECT_EQ(source.log_probability({}), 0.0);
  // A thousand symbols do not underflow.
  EXPECT_LT(source.log_probability(std::vector<std::int32_t>(3000, 0)), -1000.0);
}

TEST(HiddenMarkov, ImpossibleSymbolIsAnError) {
  std::vector<double> belief = {0.0, 1.0, 0.0};  // emits 1 only
  try {
    z1r().observe(0, belief);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    EXPECT_THAT(error.what(), HasSubstr("symbol 0 cannot follow"));
  }
}

TEST(HiddenMarkovDeathTest, BeliefWithoutNormalisationIsCaught) {
  const HiddenMarkov source = mess3(0.85, 0.05);
  std::vector<double> unnormalised(3), p(3);
  source.advance(source.stationary(), 0, unnormalised);
  EXPECT_DEATH(source.observe(0, unnormalised), "a belief of sum 0.33");
  EXPECT_DEATH(source.predict(unnormalised, p), "a belief of sum 0.33");
}

}  // namespace
}  // namespace fathom
