#pragma once

// The one table of deck keys: defaults, ranges, documentation and where a key belongs all come
// from here, for validation, echo, explain, JSON schema and the reference alike.

#include "deck/value.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fathom::deck {

enum class Type {
  integer,
  real,
  boolean,
  text,
  path,
  word,
  duration,  ///< range in seconds
  integer_pair,
  integer_list,  ///< one at least, none twice
  real_tensor,   ///< lists of lists of lists
};

/// Bounds of a number (of each number of a list). Reals must be finite besides.
struct Range {
  std::optional<double> min{};
  std::optional<double> max{};
  bool open_min = false;  ///< the value must be above min, not at it
  bool open_max = false;
};

/// A key has one of these words (booleans as "true", "false").
struct Requirement {
  std::string_view key;
  std::vector<std::string_view> values;
};

/// All requirements hold.
using Condition = std::vector<Requirement>;

/// Where the condition holds, only these of the key's words are possible.
struct Narrowing {
  Condition where;
  std::vector<std::string_view> words;
};

/// What is known of a deck while its keys are resolved.
class Known {
 public:
  virtual ~Known() = default;
  /// The value of a key; null where it is unset, does not belong, or is not known because of a
  /// fault.
  virtual const DeckValue* find(std::string_view key) const = 0;
  /// File name of the deck without folder and suffix.
  virtual const std::string& stem() const = 0;

  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<std::string> text(std::string_view key) const;
};

/// Gives the default that depends on other keys; none where there is no such default.
using Derive = std::optional<DeckValue> (*)(const Known&);

/// What is wrong with a value whose entries are each possible.
struct EntryFault {
  std::vector<std::size_t> entry;  ///< which part of it, list by list; empty: the whole
  std::string message;
};

/// What a key asks of its value besides type and range. All faults at once.
using Examine = std::vector<EntryFault> (*)(const DeckValue&);

struct Key {
  std::string_view path{};
  Type type = Type::integer;
  std::string_view doc{};
  std::vector<std::string_view> words{};  ///< all of a word's values; for other types extra words
  Range range{};
  Examine examine = nullptr;
  std::string_view unit{};
  std::optional<DeckValue> fallback{};  ///< the default
  Derive derive = nullptr;              ///< or the default that depends on other keys
  std::string_view default_text{};      ///< how to say the derived default, or what unset means
  bool required = false;                ///< must be set wherever it belongs and has no default
  std::vector<Condition> belongs{};     ///< any of these; empty: always
  std::vector<Narrowing> narrowed{};
  bool sweepable = false;
  bool input_file = false;  ///< a path that starts at the folder of the deck
};

struct Section {
  std::string_view name;  ///< empty for the keys above all sections
  std::string_view doc;
};

/// The table, in the order of sections and of the reference.
std::span<const Key> all_keys();

/// The sections in their order, [sweep] included although it has no keys of its own.
std::span<const Section> all_sections();

/// Position in all_keys(), or none.
std::optional<std::size_t> find_key(std::string_view path);

/// "kernel" of "kernel.features", empty for a key above all sections.
std::string_view section_of(std::string_view path);
/// "features" of "kernel.features".
std::string_view leaf_of(std::string_view path);

/// What values are possible, as a noun phrase: "an integer from 1 to 8".
std::string expected(const Key& key);
/// The same of a part of a list, so many lists deep: 0 is one number.
std::string expected_part(const Key& key, int depth);
/// Where the key belongs: `kernel.activation = "monomial"`; empty: everywhere.
std::string belonging(const Key& key);
/// A condition in words: `kernel.type = "nngp" or "ntk", and …`.
std::string say(const Condition& condition);
/// The default in words; "required" or "unset" where there is none.
std::string default_of(const Key& key);

}  // namespace fathom::deck
