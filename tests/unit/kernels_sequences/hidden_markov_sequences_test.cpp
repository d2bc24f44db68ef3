#include "kernels/hidden_markov_sequences.hpp"

#include "base/error.hpp"
#include "kernels/hidden_markov_entropy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

const RandomKey key{11, Stream::sequences};

std::vector<std::int64_t> first_items(std::int64_t count) {
  std::vector<std::int64_t> items(static_cast<std::size_t>(count));
  std::iota(items.begin(), items.end(), std::int64_t{0});
  return items;
}

std::vector<std::int32_t> sequences(const HiddenMarkov& source,
                                    const std::vector<std::int64_t>& items, std::int64_t length) {
  std::vector<std::int32_t> tokens(items.size() * static_cast<std::size_t>(length));
  fill_sequences(source, key, items, length, tokens);
  return tokens;
}

/// The largest deviation of the frequencies of all words of a length from a source's exact
/// probabilities, in standard deviations; infinite if a word occurs that cannot.
double largest_deviation(const HiddenMarkov& source, const std::vector<std::int32_t>& tokens,
                         std::size_t length) {
  std::size_t words = 1;
  for (std::size_t t = 0; t < length; ++t)
    words *= static_cast<std::size_t>(source.symbols());
  std::vector<double> count(words);
  for (std::size_t k = 0; k < tokens.size(); k += length) {
    std::size_t word = 0;
    for (std::size_t t = length; t-- > 0;)
      word = word * static_cast<std::size_t>(source.symbols()) +
             static_cast<std::size_t>(tokens[k + t]);
    count[word] += 1.0;
  }
  const double total = static_cast<double>(tokens.size() / length);
  double largest = 0.0;
  for (std::size_t w = 0; w < words; ++w) {
    std::vector<std::int32_t> word;
    for (std::size_t t = 0, rest = w; t < length; ++t) {
      word.push_back(static_cast<std::int32_t>(rest % static_cast<std::size_t>(source.symbols())));
      rest /= static_cast<std::size_t>(source.symbols());
    }
    const double p = std::exp(source.log_probability(word));
    const double difference = std::fabs(count[w] - total * p);
    if (difference > 0.0)
      largest = std::max(largest, difference / std::sqrt(total * p * (1.0 - p)));
  }
  return largest;
}

TEST(Sequences, DependOnTheirGlobalIndexAlone) {
  const HiddenMarkov source = mess3(0.85, 0.05);
  constexpr std::int64_t length = 11;
  const auto all = sequences(source, first_items(20), length);
  const std::vector<std::int64_t> some = {17, 3, 4, 17};
  const auto batch = sequences(source, some, length);
  for (std::size_t q = 0; q < some.size(); ++q)
    for (std::size_t t = 0; t < 11; ++t)
      EXPECT_EQ(batch[t + 11 * q], all[t + 11 * static_cast<std::size_t>(some[q])]);
  const auto shorter = sequences(source, some, 4);
  for (std::size_t q = 0; q < some.size(); ++q)
    for (std::size_t t = 0; t < 4; ++t)
      EXPECT_EQ(shorter[t + 4 * q], batch[t + 11 * q]);
  std::vector<std::int32_t> other(batch.size());
  fill_sequences(source, {12, Stream::sequences}, some, length, other);
  EXPECT_NE(other, batch);
}

TEST(Sequences, FrequenciesAreTheWordProbabilities) {
  const auto items = first_items(100000);
  // 81 words: 4.5 deviations are passed once in 2000 seeds.
  EXPECT_LT(largest_deviation(mess3(0.85, 0.05), sequences(mess3(0.85, 0.05), items, 4), 4), 4.5);
  EXPECT_LT(largest_deviation(rrxor(), sequences(rrxor(), items, 6), 6), 4.5);
  EXPECT_LT(largest_deviation(z1r(), sequences(z1r(), items, 6), 6), 4.5);
  // The check sees a source that differs by a little, and words that cannot be.
  EXPECT_GT(largest_deviation(mess3(0.85, 0.06), sequences(mess3(0.85, 0.05), items, 4), 4), 6.0);
  EXPECT_GT(largest_deviation(z1r(), sequences(rrxor(), items, 6), 6), 1e3);
}

TEST(Sequences, HiddenStatesAreThoseOfTheTransitions) {
  const HiddenMarkov source = rrxor();
  const auto items = first_items(200);
  constexpr std::size_t length = 9;
  std::vector<std::int32_t> tokens(items.size() * length), states(tokens.size());
  fill_sequences(source, key, items, length, tokens, states);
  EXPECT_EQ(tokens, sequences(source, items, length));
  for (std::size_t k = 0; k < tokens.size(); ++k)
    if (k % length != 0) {
      ASSERT_GT(source.transition(tokens[k], states[k - 1], states[k]), 0.0) << k;
    }
}

/// Largest difference over hidden states i between how often they occur and the belief in them, in
/// standard deviations.
double belief_deviation(const std::vector<std::int32_t>& states, const std::vector<double>& beliefs,
                        std::size_t count) {
  // E (1[state = i] − η_i) = 0 given the symbols, of variance η_i(1 − η_i).
  double largest = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    double difference = 0.0, variance = 0.0;
    for (std::size_t k = 0; k < states.size(); ++k) {
      const double p = beliefs[i + count * k];
      // Weighted by the belief, so that the beliefs must be right each and not on average.
      difference += p * ((states[k] == static_cast<std::int32_t>(i) ? 1.0 : 0.0) - p);
      variance += p * p * p * (1.0 - p);
    }
    largest = std::max(largest, std::fabs(difference) / std::sqrt(variance));
  }
  return largest;
}

TEST(Beliefs, AreTheFrequenciesOfHiddenStates) {
  const HiddenMarkov source = mess3(0.85, 0.05);
  constexpr std::int64_t length = 5, count = 50000;
  const auto items = first_items(count);
  std::vector<std::int32_t> tokens(count * length), states(tokens.size());
  fill_sequences(source, key, items, length, tokens, states);
  std::vector<double> beliefs(3 * tokens.size());
  fill_beliefs(source, tokens, length, {beliefs.data(), 3, length * count, 3});
  // States of one position, so that terms are independent.
  std::vector<std::int32_t> last;
  std::vector<double> last_belief;
  for (std::size_t q = 0; q < count; ++q) {
    last.push_back(states[q * length + length - 1]);
    for (std::size_t i = 0; i < 3; ++i)
      last_belief.push_back(beliefs[i + 3 * (q * length + length - 1)]);
  }
  EXPECT_LT(belief_deviation(last, last_belief, 3), 4.5);
  // Beliefs of another source are caught.
  fill_beliefs(mess3(0.75, 0.05), tokens, length, {beliefs.data(), 3, length * count, 3});
  for (std::size_t q = 0; q < count; ++q)
    for (std::size_t i = 0; i < 3; ++i)
      last_belief[i + 3 * q] = beliefs[i + 3 * (q * length + length - 1)];
  EXPECT_GT(belief_deviation(last, last_belief, 3), 6.0);
}

TEST(Beliefs, StartAtTheStationaryDistributionInEverySequence) {
  const HiddenMarkov source = mess3(0.85, 0.05);
  const std::vector<std::int32_t> tokens = {0, 1, 0, 1};
  std::vector<double> beliefs(12);
  fill_beliefs(source, tokens, 2, {beliefs.data(), 3, 4, 3});
  EXPECT_NEAR(beliefs[0], 0.85, 1e-15);
  for (std::size_t k = 0; k < 6; ++k)
    EXPECT_EQ(beliefs[k], beliefs[6 + k]);
}

TEST(BayesLosses, AverageToTheConditionalEntropies) {
  const HiddenMarkov source = mess3(0.85, 0.05);
  constexpr std::size_t length = 11, count = 40000;
  const auto tokens = sequences(source, first_items(count), length);
  std::vector<double> losses(tokens.size());
  fill_bayes_losses(source, tokens, length, losses);
  const ConditionalEntropies h = conditional_entropies(source, length);
  for (std::size_t t = 0; t < length; ++t) {
    double sum = 0.0, square = 0.0;
    for (std::size_t q = 0; q < count; ++q) {
      const double difference = losses[t + length * q] - h.value[t];
      sum += difference / count;
      square += difference * difference / count;
    }
    EXPECT_NEAR(sum, 0.0, 4.5 * std::sqrt(square / count) + 1e-14) << t;
  }
  // The losses of a sequence sum to the logarithm of its probability.
  double sum = 0.0;
  for (std::size_t t = 0; t < length; ++t)
    sum += losses[t];
  EXPECT_NEAR(sum, -source.log_probability(std::span(tokens).first(length)), 1e-13);
}

TEST(Beliefs, ForeignTokensAreErrors) {
  std::vector<double> losses(2);
  EXPECT_THROW(fill_bayes_losses(rrxor(), std::vector<std::int32_t>{0, 2}, 2, losses), Error);
  EXPECT_THROW(fill_bayes_losses(rrxor(), std::vector<std::int32_t>{-1, 0}, 2, losses), Error);
  std::vector<double> three(3);
  EXPECT_THROW(fill_bayes_losses(z1r(), std::vector<std::int32_t>{0, 0, 0}, 3, three), Error);
}

}  // namespace
}  // namespace fathom
