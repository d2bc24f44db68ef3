#pragma once

// What generated samples come from, as the deck names it.

#include "deck/deck.hpp"
#include "kernels/hidden_markov.hpp"
#include "kernels/teacher.hpp"

#include <cstdint>

namespace fathom {

/// run.seed, by which everything random is keyed.
std::uint64_t seed_of(const Deck& deck);
/// data.process and its parameters or tensors. Error(deck). Local.
HiddenMarkov hidden_markov_of(const Deck& deck);
/// The teacher of data.source = "power_law": coefficients of random signs, signal of variance 1.
TeacherParameters teacher_of(const Deck& deck);

}  // namespace fathom
