#pragma once

// A guard in front of the TOML parser, whose tables are freed recursively: text that nests deeper
// than any deck could need is refused before it is parsed.

#include "deck/toml_reader.hpp"

#include <optional>
#include <string_view>

namespace fathom::deck {

/// The place where brackets or dotted keys first nest deeper than `limit`; none where they do not.
std::optional<Place> too_deep(std::string_view text, int limit);

}  // namespace fathom::deck
