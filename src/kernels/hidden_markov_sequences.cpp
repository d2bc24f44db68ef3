#include "kernels/hidden_markov_sequences.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fathom {
namespace {

/// The first index whose running sum exceeds u times the whole, u in (0, 1): an entry of
/// probability zero, whose running sum equals the one before it, is never taken.
template <class CumulativeOf>
std::size_t draw(double u, std::size_t count, CumulativeOf cumulative) {
  const double mark = u * cumulative(count - 1);
  std::size_t k = 0;
  while (k + 1 < count && cumulative(k) <= mark)
    ++k;
  return k;
}

/// Calls visit(index of the token, probability it had, belief after it) for every token.
template <class Visit>
void follow_beliefs(const HiddenMarkov& source, std::span<const std::int32_t> tokens,
                    std::int64_t length, Visit visit) {
  FATHOM_ASSERT(length >= 1 && std::ssize(tokens) % length == 0, "{} tokens, length {}",
                tokens.size(), length);
  std::vector<double> belief;
  for (std::int64_t k = 0; k < std::ssize(tokens); ++k) {
    if (k % length == 0) belief.assign(source.stationary().begin(), source.stationary().end());
    const std::int32_t symbol = tokens[static_cast<std::size_t>(k)];
    if (symbol < 0 || symbol >= source.symbols())
      throw Error(ExitCode::input, "token {} at position {} of sequence {}: {} has symbols 0 to {}",
                  symbol, k % length, k / length, source.name(), source.symbols() - 1);
    const double probability = source.observe(symbol, belief);
    visit(k, probability, std::span<const double>(belief));
  }
}

}  // namespace

void fill_sequences(const HiddenMarkov& source, RandomKey key, std::span<const std::int64_t> items,
                    std::int64_t length, std::span<std::int32_t> tokens,
                    std::span<std::int32_t> hidden_states) {
  FATHOM_ASSERT(length >= 0 && std::ssize(tokens) == length * std::ssize(items),
                "{} tokens for {} sequences of length {}", tokens.size(), items.size(), length);
  FATHOM_ASSERT(hidden_states.empty() || hidden_states.size() == tokens.size(),
                "{} hidden states for {} tokens", hidden_states.size(), tokens.size());
  std::vector<double> start(source.stationary().begin(), source.stationary().end());
  for (std::size_t i = 1; i < start.size(); ++i)
    start[i] += start[i - 1];
  std::vector<double> u(static_cast<std::size_t>(length + 1));
  std::size_t place = 0;
  for (const std::int64_t item : items) {
    fill_uniform(key, std::span(&item, 1), 0, {u.data(), length + 1, 1, length + 1});
    auto state = static_cast<std::int32_t>(
        draw(u[0], start.size(), [&](std::size_t i) { return start[i]; }));
    for (std::int64_t t = 0; t < length; ++t, ++place) {
      const auto ways = source.outcomes(state);
      const std::size_t way = draw(u[static_cast<std::size_t>(t + 1)], ways.size(),
                                   [&](std::size_t k) { return ways[k].cumulative; });
      state = ways[way].to;
      tokens[place] = ways[way].symbol;
      if (!hidden_states.empty()) hidden_states[place] = state;
    }
  }
}

void fill_beliefs(const HiddenMarkov& source, std::span<const std::int32_t> tokens,
                  std::int64_t length, MatrixView<double> beliefs) {
  FATHOM_ASSERT(beliefs.rows == source.states() && beliefs.cols == std::ssize(tokens),
                "{} x {} beliefs for {} states, {} tokens", beliefs.rows, beliefs.cols,
                source.states(), tokens.size());
  follow_beliefs(source, tokens, length,
                 [&](std::int64_t k, double, std::span<const double> belief) {
                   std::copy(belief.begin(), belief.end(), beliefs.col(k));
                 });
}

void fill_bayes_losses(const HiddenMarkov& source, std::span<const std::int32_t> tokens,
                       std::int64_t length, std::span<double> losses) {
  FATHOM_ASSERT(losses.size() == tokens.size(), "{} losses for {} tokens", losses.size(),
                tokens.size());
  follow_beliefs(source, tokens, length,
                 [&](std::int64_t k, double probability, std::span<const double>) {
                   losses[static_cast<std::size_t>(k)] = -std::log(probability);
                 });
}

}  // namespace fathom
