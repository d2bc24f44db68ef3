#pragma once

// One point of a sweep as a deck of its own: what one task of a job array runs.

#include "deck/deck.hpp"

#include <cstdint>
#include <string>

namespace fathom {

/// "kernel.degree = 2, run.seed = 1". Local.
std::string set_text(const SweepPoint& point);

/// The deck of point `number` of a sweep, the first is 1, in full: every key with its value, no
/// [sweep], a title that names the point. Unless --set names the run folder, points go to folders
/// of their own in the deck's: output/quickstart/0003. A deck without a sweep is its own point 1.
/// Error(usage) for any other number. Local.
Source point_source(const Deck& deck, std::int64_t number);

}  // namespace fathom
