#pragma once

// One value against its row of the key table: type, range, words.

#include "deck/faults.hpp"
#include "deck/key_table.hpp"

namespace fathom::deck {

/// The value of a key from what the deck says; none, and a fault added, where it is not possible.
/// in_sweep: the value is one of a list already.
std::optional<DeckValue> check_value(const Key& key, const RawValue& raw, Faults& faults,
                                     bool in_sweep = false);

/// Finite and within the bounds.
bool in_range(const Range& range, double value);

/// A raw value as a message shows it: `the string "relu"`.
std::string describe(const RawValue& raw);

}  // namespace fathom::deck
