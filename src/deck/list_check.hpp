#pragma once

// Values that are lists, or lists of lists, against their row of the key table: every faulty entry
// is a fault at its own place.

#include "deck/faults.hpp"
#include "deck/key_table.hpp"

namespace fathom::deck {

/// The value of a key whose type is a list; none, and faults added, where it is not possible.
/// @pre raw is an array
std::optional<DeckValue> check_list(const Key& key, const RawValue& raw, Faults& faults);

}  // namespace fathom::deck
