#pragma once

// What generated samples come from, as the deck names it.

#include "deck/deck.hpp"
#include "kernels/hidden_markov.hpp"
#include "kernels/teacher.hpp"

namespace fathom {

/// data.process and its parameters or tensors. Error(deck). Local.
HiddenMarkov hidden_markov_of(const Deck& deck);
/// The teacher of data.source = "power_law": coefficients of random signs, signal of variance 1.
TeacherParameters teacher_of(const Deck& deck);

}  // namespace fathom
