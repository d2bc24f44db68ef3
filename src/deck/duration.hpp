#pragma once

// Durations as text: numbers with units d, h, m, s, from the largest unit to the smallest.

#include "deck/value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace fathom::deck {

/// "90s", "1.5h", "1d12h": each unit at most once, decimals allowed, rounded to milliseconds; at
/// most ten thousand days. None, and `why` says what is wrong, for anything else. Local.
std::optional<Duration> read_duration(std::string_view text, std::string& why);

/// The canonical text: "1m30s" for 90 seconds, "0s" for none. Reads back as the same.
/// @pre 0 ≤ seconds, whole milliseconds
std::string duration_text(Duration duration);

/// What read_duration takes, as a regular expression (ECMA 262) for editors.
inline constexpr const char* duration_pattern =
    "^(?=[0-9])([0-9]+([.][0-9]+)?d)?([0-9]+([.][0-9]+)?h)?([0-9]+([.][0-9]+)?m)?"
    "([0-9]+([.][0-9]+)?s)?$";

}  // namespace fathom::deck
