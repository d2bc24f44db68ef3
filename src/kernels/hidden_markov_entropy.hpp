#pragma once

// Entropies of a hidden Markov source, in nats, each with its error: the optimum that a model of
// the source can reach, so that its excess loss is absolute. Everything here is local.
//
// The words of a length are walked through together, as weights over states α_w = π T^(s₁)…T^(s_t).
// Words of equal belief α_w/|α_w| have the same future and are added up. Where the distinct beliefs
// grow past `most_beliefs`, near ones are added up too: the entropy found is then that given a
// coarser past, an upper bound. The true one is below it by at most the information on the hidden
// state that merging gives away, Σ |α| KL(α/|α| ‖ merged) (data processing inequality), and above
// H(X_m | X_1 … X_{m−1}, first state) for every m (Cover & Thomas, theorem 4.5.1). The error bound
// is the distance to the better of the two, with the rounding of the walk.

#include "kernels/hidden_markov.hpp"

#include <cstdint>
#include <vector>

namespace fathom {

inline constexpr std::int64_t default_most_beliefs = 1 << 16;

struct ConditionalEntropies {
  std::vector<double> value;        ///< h_L = H(X_L | X_1 … X_{L−1}), L = 1 … length
  std::vector<double> error_bound;  ///< |value − h_L| is at most this
};

/// The sequence starts in the stationary distribution. H(X_1 … X_L) is the sum of the first L.
/// @pre length ≥ 1, most_beliefs ≥ 1
ConditionalEntropies conditional_entropies(const HiddenMarkov& source, std::int64_t length,
                                           std::int64_t most_beliefs = default_most_beliefs);

/// lower ≤ entropy rate ≤ upper.
struct EntropyRate {
  double lower, upper;
};

/// From above by h_L, from below by the same with the first state known, L up to length; merging
/// and rounding widen the bracket. @pre as above
EntropyRate entropy_rate(const HiddenMarkov& source, std::int64_t length,
                         std::int64_t most_beliefs = default_most_beliefs);

/// What a predictor that knows the source loses on average, cross-entropy per target.
struct BayesLoss {
  std::vector<double> position;  ///< of target t + 1 given the symbols 1 … t, t = 1 … context
  double mean = 0.0;             ///< over the positions
  double error_bound = 0.0;      ///< of the mean
};

/// @pre context ≥ 1
BayesLoss bayes_loss(const HiddenMarkov& source, std::int64_t context,
                     std::int64_t most_beliefs = default_most_beliefs);

}  // namespace fathom
