#pragma once

// The value of one deck key, and its printed forms.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fathom {

/// What a key can hold. Words such as "auto" and paths are strings; [nprow, npcol] is a list.
using DeckValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>>;

/// As TOML: strings quoted and escaped, reals in the shortest form that reads back the same.
std::string to_toml(const DeckValue& value);

/// As a person reads it: like TOML, but strings without quotes.
std::string to_plain(const DeckValue& value);

/// A TOML basic string, quoted, with every control character escaped.
std::string toml_string(std::string_view text);

}  // namespace fathom
