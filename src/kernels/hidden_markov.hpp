#pragma once

// Hidden Markov sources that emit on transitions: T^(s)[from, to] is the probability to go from one
// state to another and emit symbol s (Shai et al., arXiv 2405.15943). Probabilities of words are
// π T^(s₁) … T^(s_L) 1, π stationary. Everything here is local.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fathom {

class HiddenMarkov {
 public:
  /// One way to leave a state, with the running sum of the probabilities up to and with it.
  struct Outcome {
    double cumulative;
    std::int32_t symbol;
    std::int32_t to;
  };

  /// tensors[(s·states + from)·states + to] = T^(s)[from, to].
  /// Throws Error(deck) unless the entries are probabilities, Σ_s T^(s) has rows of sum one to
  /// 1e-9 (then divided by it) and exactly one stationary distribution. Periodic chains and
  /// transient states are allowed.
  HiddenMarkov(std::string name, std::int64_t states, std::int64_t symbols,
               std::vector<double> tensors);

  const std::string& name() const { return name_; }
  std::int64_t states() const { return states_; }
  std::int64_t symbols() const { return symbols_; }

  /// T^(symbol)[from, to]. @pre indices in range
  double transition(std::int64_t symbol, std::int64_t from, std::int64_t to) const;

  /// π = π Σ_s T^(s), zero on transient states: by the elimination of Grassmann, Taksar and Heyman
  /// (1985), which never subtracts, so that small entries keep their relative accuracy.
  std::span<const double> stationary() const { return stationary_; }

  /// The outcomes of positive probability in a state, symbol slowest. @pre 0 ≤ state < states()
  std::span<const Outcome> outcomes(std::int64_t state) const;

  /// out = weights T^(symbol), no normalisation. @pre sizes are states(), out is not weights
  void advance(std::span<const double> weights, std::int64_t symbol, std::span<double> out) const;

  /// Probabilities of the next symbol under a belief over states.
  /// @pre probabilities.size() == symbols(); belief sums to one
  void predict(std::span<const double> belief, std::span<double> probabilities) const;

  /// Bayes: belief ← η' = ηT^(s)/(ηT^(s)1). Returns the probability ηT^(s)1 the symbol had.
  /// Throws Error(input) when that is zero: the source cannot emit it there.
  /// @pre belief sums to one
  double observe(std::int64_t symbol, std::span<double> belief) const;

  /// ln of the probability of a word from the stationary state; −∞ if it cannot occur.
  double log_probability(std::span<const std::int32_t> word) const;

 private:
  void check_shape() const;
  void check_entries() const;
  void normalise_rows();
  void find_stationary();
  void list_outcomes();

  std::string name_;
  std::int64_t states_, symbols_;
  std::vector<double> tensors_;
  std::vector<double> emission_;  // Σ_to T^(s)[from, to], from fastest
  std::vector<double> stationary_;
  std::vector<Outcome> outcome_;
  std::vector<std::size_t> first_outcome_;
};

/// Mess3: three states, three symbols, T^(s)[i, j] = (j = s ? α : β)(i = j ? 1 − 2x : x),
/// β = (1 − α)/2 (Marzen & Crutchfield 2017). Throws Error(deck) unless 0 ≤ α ≤ 1, 0 < x ≤ 1/2.
HiddenMarkov mess3(double alpha, double x);

/// Random, random, exclusive-or: two fair bits, then their parity; entropy rate 2/3 bit. States:
/// start, first bit 0, first bit 1, parity 0 to come, parity 1 to come.
HiddenMarkov rrxor();

/// Zero, one, random: 0, then 1, then a fair bit; entropy rate 1/3 bit.
HiddenMarkov z1r();

/// The names that hidden_markov_by_name knows.
std::span<const std::string_view> hidden_markov_names();

/// "mess3" {α, x}, "rrxor" {} or "z1r" {}. Throws Error(deck) for another name or number of
/// parameters, naming what is valid.
HiddenMarkov hidden_markov_by_name(std::string_view name, std::span<const double> parameters);

}  // namespace fathom
