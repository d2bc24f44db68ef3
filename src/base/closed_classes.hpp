#pragma once

// Where a finite Markov chain ends up. Pure.

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// The closed classes of a chain: sets of states that all reach each other and nothing else, by
/// their first state. There is exactly one where, and only where, the stationary distribution is
/// unique. transition[from·states + to] > 0: a step is possible; every state has one.
/// @pre transition.size() == states²
std::vector<std::vector<std::int64_t>> closed_classes(std::int64_t states,
                                                      std::span<const double> transition);

}  // namespace fathom
