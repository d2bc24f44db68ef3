#include "kernels/hidden_markov.hpp"

#include "base/assert.hpp"
#include "base/closed_classes.hpp"
#include "base/error.hpp"
#include "base/transition_tensors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fathom {
namespace {

constexpr double belief_tolerance = 1e-9;

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Stationary distribution of an irreducible chain: states are eliminated from the last, each
/// leaving the chain watched on those before it. p is row by row and is overwritten.
std::vector<double> eliminate(std::int64_t n, std::vector<double> p) {
  for (std::int64_t k = n - 1; k > 0; --k) {
    double leave = 0.0;
    for (std::int64_t j = 0; j < k; ++j)
      leave += p[at(k * n + j)];
    for (std::int64_t i = 0; i < k; ++i) {
      p[at(i * n + k)] /= leave;
      for (std::int64_t j = 0; j < k; ++j)
        p[at(i * n + j)] += p[at(i * n + k)] * p[at(k * n + j)];
    }
  }
  std::vector<double> weight(at(n));
  weight[0] = 1.0;
  double sum = 1.0;
  for (std::int64_t k = 1; k < n; ++k) {
    for (std::int64_t i = 0; i < k; ++i)
      weight[at(k)] += weight[at(i)] * p[at(i * n + k)];
    sum += weight[at(k)];
  }
  for (double& w : weight)
    w /= sum;
  return weight;
}

double sum_of(std::span<const double> weights) {
  double sum = 0.0;
  for (const double w : weights)
    sum += w;
  return sum;
}

void check_belief(std::span<const double> belief, std::int64_t states) {
  FATHOM_ASSERT(std::ssize(belief) == states, "a belief over {} of {} states", belief.size(),
                states);
  const double sum = sum_of(belief);
  FATHOM_ASSERT(std::fabs(sum - 1.0) <= belief_tolerance, "a belief of sum {}", sum);
}

}  // namespace

HiddenMarkov::HiddenMarkov(std::string name, std::int64_t states, std::int64_t symbols,
                           std::vector<double> tensors)
    : name_(std::move(name)), states_(states), symbols_(symbols), tensors_(std::move(tensors)) {
  check_shape();
  check_entries();
  normalise_rows();
  find_stationary();
  list_outcomes();
}

void HiddenMarkov::check_shape() const {
  constexpr std::int64_t most = most_transition_states;
  if (states_ < 1 || states_ > most || symbols_ < 1 || symbols_ > most)
    throw Error(ExitCode::deck, "hidden Markov source {}: {} states and {} symbols; 1 to {} each",
                name_, states_, symbols_, most);
  if (std::ssize(tensors_) != symbols_ * states_ * states_)
    throw Error(ExitCode::deck,
                "hidden Markov source {}: {} transition probabilities for {} symbols x {} x {} "
                "states = {}",
                name_, tensors_.size(), symbols_, states_, states_, symbols_ * states_ * states_);
}

void HiddenMarkov::check_entries() const {
  for (std::int64_t s = 0; s < symbols_; ++s)
    for (std::int64_t i = 0; i < states_; ++i)
      for (std::int64_t j = 0; j < states_; ++j)
        if (const double p = transition(s, i, j);
            !(p >= 0.0 && p <= 1.0 + transition_sum_tolerance))
          throw Error(ExitCode::deck,
                      "hidden Markov source {}: T[symbol {}][from {}][to {}] = {} is not a "
                      "probability",
                      name_, s, i, j, p);
}

void HiddenMarkov::normalise_rows() {
  const std::vector<double> p = sum_over_symbols(states_, tensors_);
  for (std::int64_t i = 0; i < states_; ++i) {
    const double sum = sum_of(std::span(p).subspan(at(i * states_), at(states_)));
    if (!(std::fabs(sum - 1.0) <= transition_sum_tolerance))
      throw Error(ExitCode::deck,
                  "hidden Markov source {}: the probabilities out of state {} sum to {:.15g} over "
                  "all symbols and next states; they must sum to 1 within {}",
                  name_, i, sum, transition_sum_tolerance);
    for (std::int64_t s = 0; s < symbols_; ++s)
      for (std::int64_t j = 0; j < states_; ++j)
        tensors_[at((s * states_ + i) * states_ + j)] /= sum;
  }
}

void HiddenMarkov::find_stationary() {
  const std::vector<double> p = sum_over_symbols(states_, tensors_);
  const auto classes = closed_classes(states_, p);
  if (classes.size() != 1)
    throw Error(ExitCode::deck,
                "hidden Markov source {}: no unique stationary distribution: states {} and {} "
                "belong to sets that are never left",
                name_, classes[0].front(), classes[1].front());
  const std::vector<std::int64_t>& recurrent = classes.front();
  std::vector<double> block;
  for (const std::int64_t i : recurrent)
    for (const std::int64_t j : recurrent)
      block.push_back(p[at(i * states_ + j)]);
  const std::vector<double> weight = eliminate(std::ssize(recurrent), std::move(block));
  if (!std::all_of(weight.begin(), weight.end(), [](double w) { return std::isfinite(w); }))
    throw Error(ExitCode::deck,
                "hidden Markov source {}: its stationary distribution leaves the range of double: "
                "the smallest probabilities must be larger",
                name_);
  stationary_.assign(at(states_), 0.0);
  for (std::size_t k = 0; k < recurrent.size(); ++k)
    stationary_[at(recurrent[k])] = weight[k];
}

void HiddenMarkov::list_outcomes() {
  emission_.assign(at(states_ * symbols_), 0.0);
  for (std::int64_t i = 0; i < states_; ++i) {
    first_outcome_.push_back(outcome_.size());
    double cumulative = 0.0;
    for (std::int64_t s = 0; s < symbols_; ++s) {
      for (std::int64_t j = 0; j < states_; ++j) {
        const double p = transition(s, i, j);
        if (p == 0.0) continue;
        cumulative += p;
        emission_[at(s * states_ + i)] += p;
        outcome_.push_back(
            {cumulative, static_cast<std::int32_t>(s), static_cast<std::int32_t>(j)});
      }
    }
  }
  first_outcome_.push_back(outcome_.size());
}

double HiddenMarkov::transition(std::int64_t symbol, std::int64_t from, std::int64_t to) const {
  FATHOM_ASSERT(
      symbol >= 0 && symbol < symbols_ && from >= 0 && from < states_ && to >= 0 && to < states_,
      "T[{}][{}][{}] of {} symbols, {} states", symbol, from, to, symbols_, states_);
  return tensors_[at((symbol * states_ + from) * states_ + to)];
}

std::span<const HiddenMarkov::Outcome> HiddenMarkov::outcomes(std::int64_t state) const {
  FATHOM_ASSERT(state >= 0 && state < states_, "state {} of {}", state, states_);
  const std::size_t first = first_outcome_[at(state)];
  return std::span(outcome_).subspan(first, first_outcome_[at(state) + 1] - first);
}

void HiddenMarkov::advance(std::span<const double> weights, std::int64_t symbol,
                           std::span<double> out) const {
  FATHOM_ASSERT(std::ssize(weights) == states_ && std::ssize(out) == states_,
                "{} weights, {} outputs, {} states", weights.size(), out.size(), states_);
  FATHOM_ASSERT(symbol >= 0 && symbol < symbols_, "symbol {} of {}", symbol, symbols_);
  std::fill(out.begin(), out.end(), 0.0);
  const double* row = tensors_.data() + symbol * states_ * states_;
  for (const double w : weights) {
    if (w != 0.0)
      for (std::size_t j = 0; j < out.size(); ++j)
        out[j] += w * row[j];
    row += states_;
  }
}

void HiddenMarkov::predict(std::span<const double> belief, std::span<double> probabilities) const {
  check_belief(belief, states_);
  FATHOM_ASSERT(std::ssize(probabilities) == symbols_, "{} probabilities for {} symbols",
                probabilities.size(), symbols_);
  for (std::size_t s = 0; s < probabilities.size(); ++s) {
    const double* emission = emission_.data() + s * belief.size();
    double p = 0.0;
    for (std::size_t i = 0; i < belief.size(); ++i)
      p += belief[i] * emission[i];
    probabilities[s] = p;
  }
}

double HiddenMarkov::observe(std::int64_t symbol, std::span<double> belief) const {
  check_belief(belief, states_);
  std::vector<double> next(belief.size());
  advance(belief, symbol, next);
  const double probability = sum_of(next);
  if (!(probability > 0.0))
    throw Error(ExitCode::input, "hidden Markov source {}: symbol {} cannot follow here", name_,
                symbol);
  for (std::size_t i = 0; i < next.size(); ++i)
    belief[i] = next[i] / probability;
  return probability;
}

double HiddenMarkov::log_probability(std::span<const std::int32_t> word) const {
  std::vector<double> weights = stationary_, next(stationary_.size());
  double log = 0.0;
  for (const std::int32_t symbol : word) {
    advance(weights, symbol, next);
    const double probability = sum_of(next);
    if (!(probability > 0.0)) return -std::numeric_limits<double>::infinity();
    log += std::log(probability);
    for (std::size_t i = 0; i < next.size(); ++i)
      weights[i] = next[i] / probability;
  }
  return log;
}

}  // namespace fathom
