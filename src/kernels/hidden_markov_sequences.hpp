#pragma once

// Sequences of a hidden Markov source, keyed by global index: a sequence depends on (seed, stream,
// item) alone, and a shorter one is the beginning of a longer one. Columns of the outputs are
// sequences, position fastest. Everything here is local.

#include "base/random.hpp"
#include "base/view.hpp"
#include "kernels/hidden_markov.hpp"

#include <cstdint>
#include <span>

namespace fathom {

/// tokens[t + length·q] = symbol t of sequence items[q], started in the stationary distribution.
/// hidden_states, where not empty, likewise: the state after that symbol.
/// @pre length ≥ 0, tokens.size() == length·items.size(), hidden_states empty or of that size
void fill_sequences(const HiddenMarkov& source, RandomKey key, std::span<const std::int64_t> items,
                    std::int64_t length, std::span<std::int32_t> tokens,
                    std::span<std::int32_t> hidden_states = {});

/// beliefs(i, t + length·q) = probability of state i given the symbols 0 … t of sequence q, from
/// the stationary distribution. Throws Error(input) for tokens that are no symbols of the source
/// or cannot occur.
/// @pre length ≥ 1 divides tokens.size(); beliefs is states × tokens.size()
void fill_beliefs(const HiddenMarkov& source, std::span<const std::int32_t> tokens,
                  std::int64_t length, MatrixView<double> beliefs);

/// losses[t + length·q] = −ln P(symbol t | symbols 0 … t−1) of sequence q: what the optimal
/// predictor loses on these very sequences, in nats. Its mean over sequences is that of
/// conditional_entropies. Errors as fill_beliefs. @pre length ≥ 1 divides tokens.size(), losses
/// of that size
void fill_bayes_losses(const HiddenMarkov& source, std::span<const std::int32_t> tokens,
                       std::int64_t length, std::span<double> losses);

}  // namespace fathom
