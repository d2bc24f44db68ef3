#pragma once

// What transition tensors T[symbol][from][to] of a hidden Markov model may hold, wherever they come
// from. Pure.

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// The probabilities out of a state sum to 1 within this.
constexpr double transition_sum_tolerance = 1e-9;
/// Where not 0. Quotients of smaller ones leave the range of double.
constexpr double least_transition = 1e-300;
/// Of symbols, and of states.
constexpr std::int64_t most_transition_states = 1024;

/// Σ_x T[x], the transition matrix, row by row. @pre tensors.size() is a multiple of states²
std::vector<double> sum_over_symbols(std::int64_t states, std::span<const double> tensors);

}  // namespace fathom
