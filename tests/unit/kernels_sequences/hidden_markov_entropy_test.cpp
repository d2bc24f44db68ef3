#include "kernels/hidden_markov_entropy.hpp"

#include "base/random.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double bit = std::numbers::ln2;

/// H(X_1 … X_L) by the probabilities of all symbols^L words, each from log_probability.
double word_entropy(const HiddenMarkov& source, std::size_t length) {
  std::vector<std::int32_t> word(length, 0);
  double entropy = 0.0;
  for (;;) {
    const double log = source.log_probability(word);
    if (std::isfinite(log)) entropy -= std::exp(log) * log;
    std::size_t k = 0;
    while (k < length && ++word[k] == source.symbols())
      word[k++] = 0;
    if (k == length) return entropy;
  }
}

/// Nothing symmetric, nothing merges, one transient state and a few transitions forbidden.
HiddenMarkov random_source() {
  constexpr std::int64_t states = 4, symbols = 3;
  std::vector<double> tensors(static_cast<std::size_t>(symbols * states * states));
  const auto place = [](std::int64_t s, std::int64_t i, std::int64_t j) {
    return static_cast<std::size_t>((s * states + i) * states + j);
  };
  for (std::int64_t i = 0; i < states; ++i) {
    double sum = 0.0;
    for (std::int64_t s = 0; s < symbols; ++s)
      for (std::int64_t j = 0; j < states; ++j)
        if ((s + i + j) % 4 != 0 && (i == 3 || j != 3))
          sum += tensors[place(s, i, j)] = uniform({1, Stream::test}, i, s * states + j);
    for (std::int64_t s = 0; s < symbols; ++s)
      for (std::int64_t j = 0; j < states; ++j)
        tensors[place(s, i, j)] /= sum;
  }
  return {"random", states, symbols, tensors};
}

void expect_block_entropies(const HiddenMarkov& source, std::size_t length, double tolerance) {
  const ConditionalEntropies h = conditional_entropies(source, static_cast<std::int64_t>(length));
  double sum = 0.0;
  for (std::size_t k = 1; k <= length; ++k) {
    sum += h.value[k - 1];
    EXPECT_NEAR(sum, word_entropy(source, k), tolerance) << source.name() << " " << k;
    EXPECT_LT(h.error_bound[k - 1], 1e-12) << source.name() << " " << k;
  }
}

TEST(ConditionalEntropies, SumToTheEntropiesOfAllWords) {
  expect_block_entropies(mess3(0.6, 0.15), 7, 1e-13);
  expect_block_entropies(random_source(), 7, 1e-13);
  expect_block_entropies(rrxor(), 11, 1e-13);
  expect_block_entropies(z1r(), 11, 1e-13);
}

TEST(ConditionalEntropies, Mess3AsPublished) {
  const double printed[] = {1.098612289, .857718984, .813355685, .798117613, .794739949, .793782848,
                            .793542733,  .793479674, .793463287, .793459040, .793457934};
  const ConditionalEntropies h = conditional_entropies(mess3(0.85, 0.05), 11);
  for (std::size_t k = 0; k < 11; ++k)
    EXPECT_NEAR(h.value[k], printed[k], 5.01e-10) << k + 1;
  // A source that is slightly another one would be seen.
  EXPECT_GT(std::fabs(conditional_entropies(mess3(0.85, 0.0501), 2).value[1] - printed[1]), 1e-5);
}

TEST(BayesLoss, Mess3AtContextTen) {
  const BayesLoss loss = bayes_loss(mess3(0.85, 0.05), 10);
  ASSERT_EQ(loss.position.size(), 10u);
  EXPECT_NEAR(loss.position.front(), .857718984, 5.01e-10);
  EXPECT_NEAR(loss.position.back(), .793457934, 5.01e-10);
  EXPECT_NEAR(loss.mean, .8025118, 5e-8);
  EXPECT_LT(loss.error_bound, 1e-12);
}

/// The bracket holds the rate and is not wider than said.
void expect_rate(const EntropyRate& rate, double expected, double width, double digits = 0.0) {
  EXPECT_LE(rate.lower, expected + digits);
  EXPECT_GE(rate.upper, expected - digits);
  EXPECT_LT(rate.upper - rate.lower, width);
}

TEST(EntropyRate, BracketsTheKnownRates) {
  expect_rate(entropy_rate(mess3(0.85, 0.05), 11), .7934575, 1e-6, 5e-8);
  expect_rate(entropy_rate(mess3(0.6, 0.15), 10), 1.08888821, 1e-6, 5e-9);
  // The first 0 0 or 1 1 gives the phase of Z1R away.
  expect_rate(entropy_rate(mess3(0.85, 0.05), 30, 20000), .7934575, 3e-6, 5e-8);
  expect_rate(entropy_rate(z1r(), 60), bit / 3.0, 1e-7);
  expect_rate(entropy_rate(rrxor(), 400), 2.0 / 3.0 * bit, 1e-7);
}

TEST(EntropyRate, KnownStartGivesTheRateOfPredictableStatesAtOnce) {
  EXPECT_NEAR(entropy_rate(rrxor(), 1).lower, 2.0 / 3.0 * bit, 1e-13);
  EXPECT_NEAR(entropy_rate(z1r(), 1).lower, bit / 3.0, 1e-13);
}

TEST(ConditionalEntropies, MergedBeliefsStayWithinTheirErrorBound) {
  const HiddenMarkov sources[] = {mess3(0.85, 0.05), mess3(0.6, 0.15), random_source()};
  for (const HiddenMarkov& source : sources) {
    const ConditionalEntropies exact = conditional_entropies(source, 9);
    for (const std::int64_t most : {1, 10, 100, 1000}) {
      const ConditionalEntropies merged = conditional_entropies(source, 9, most);
      for (std::size_t k = 0; k < 9; ++k) {
        EXPECT_LE(exact.value[k], merged.value[k] + 1e-13);
        EXPECT_LE(merged.value[k] - merged.error_bound[k], exact.value[k] + 1e-13);
      }
      // A bound that says nothing would hold as well.
      if (most == 1000) {
        EXPECT_LT(merged.error_bound[8], 1e-3) << source.name();
      }
    }
    // One belief is no memory: the entropy of a single symbol.
    EXPECT_NEAR(conditional_entropies(source, 9, 1).value[8], exact.value[0], 1e-13);
  }
}

TEST(ConditionalEntropies, LongContextsOfManyBeliefs) {
  const ConditionalEntropies h = conditional_entropies(mess3(0.85, 0.05), 64, 5000);
  const EntropyRate rate = entropy_rate(mess3(0.85, 0.05), 11);
  EXPECT_LE(h.value.back() - h.error_bound.back(), rate.upper);
  EXPECT_GE(h.value.back(), rate.lower);
  EXPECT_LT(h.error_bound.back(), 3e-5);
}

TEST(ConditionalEntropies, CertainAndFairSources) {
  EXPECT_EQ(conditional_entropies({"certain", 1, 1, {1.0}}, 3).value[2], 0.0);
  EXPECT_NEAR(conditional_entropies({"coin", 1, 2, {0.5, 0.5}}, 900).value.back(), bit, 1e-13);
}

}  // namespace
}  // namespace fathom
