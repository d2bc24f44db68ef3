#pragma once

// The value of one deck key, and its printed forms.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fathom {

/// Reals in lists of lists of lists, as long as each other at each level.
struct RealTensor {
  std::array<std::int64_t, 3> extent{};  ///< outermost list first
  std::vector<double> entry;             ///< innermost list fastest

  bool operator==(const RealTensor&) const = default;
};

/// "90s", "1h30m".
struct Duration {
  double seconds = 0;  ///< whole milliseconds, so that its text reads back as the same

  bool operator==(const Duration&) const = default;
};

/// What a key can hold. Words such as "auto" and paths are strings; [nprow, npcol] is a list.
using DeckValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>,
                               RealTensor, Duration>;

/// As TOML: strings quoted and escaped, reals in the shortest form that reads back the same.
std::string to_toml(const DeckValue& value);

/// As a person reads it: like TOML, but strings without quotes.
std::string to_plain(const DeckValue& value);

/// A TOML basic string, quoted, with every control character escaped.
std::string toml_string(std::string_view text);

}  // namespace fathom
