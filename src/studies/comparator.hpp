#pragma once

#include "deck/deck.hpp"

#include <cstdint>
#include <vector>

namespace fathom {

/// The chaos comparator of the deck's activation on its power-law data: the first `modes` values.
/// Pure.
std::vector<double> comparator_of(const Deck& deck, std::int64_t modes);

}  // namespace fathom
