#pragma once

// From text to a flat list of assignments with their positions. The only part that knows the TOML
// library.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fathom::deck {

/// Where something stands. Lines and columns count from 1, columns in characters, not bytes.
/// Overrides have no line: `override_index` says which of them it is.
struct Place {
  int line = 0;
  int column = 0;
  int length = 1;
  std::optional<std::size_t> override_index{};

  auto operator<=>(const Place&) const = default;
};

/// A value as TOML has it, before the key table is asked what it may be.
struct RawValue {
  enum class Kind { integer, real, boolean, text, array, table, date };
  Kind kind = Kind::table;
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::string text;             ///< of a string
  std::vector<RawValue> items;  ///< of an array
  std::string spelling;         ///< as given to --set, otherwise empty
  Place place;
};

/// One assignment. Sections are taken apart: path is {"kernel", "features"}.
struct Assignment {
  std::vector<std::string> path;
  RawValue value;
  Place place;  ///< of the key
};

/// A fault that ends reading: not TOML.
struct SyntaxFault {
  std::string message;
  Place place;
};

struct Reading {
  std::vector<Assignment> assignments;  ///< sorted by place
  std::vector<Assignment> headers;      ///< every table, named by its path
  std::optional<SyntaxFault> fault;
};

/// Reads a deck. Any text is accepted: what is not TOML comes back as the fault.
Reading read_toml(std::string_view text);

/// Reads the right-hand side of an override. What is not a TOML value is taken as a string; none
/// where it is not text at all (empty, or not UTF-8).
std::optional<RawValue> read_override_value(std::string_view text);

/// A key path such as kernel.features or sweep."kernel.degree"; empty where it is not one.
std::vector<std::string> read_key_path(std::string_view text);

/// The key that an override such as `run."output" = x` is for, run.output; empty where it names
/// none.
std::string override_key(std::string_view text);

/// Depth of nesting that a deck may have; more is refused before parsing.
inline constexpr int max_nesting = 16;

}  // namespace fathom::deck
