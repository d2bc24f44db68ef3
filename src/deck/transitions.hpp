#pragma once

// What data.transitions must be besides numbers from 0 to 1 (THEORY.md 3): T[symbol][from][to].

#include "deck/key_table.hpp"

namespace fathom::deck {

/// Two symbols or more, as many states to come from as to go to, probabilities out of every state
/// that sum to 1 over symbols and states within 1e-9, and one stationary distribution. What is
/// possible only where the former holds is not looked at where it does not.
std::vector<EntryFault> examine_transitions(const DeckValue& value);

}  // namespace fathom::deck
