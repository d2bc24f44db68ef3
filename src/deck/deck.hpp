#pragma once

// The input deck: read, checked and resolved, so that every key that applies has a value.

#include "base/error.hpp"
#include "deck/value.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fathom {

/// The deck as given.
struct Source {
  std::string path;
  std::string text;
};

struct SweepPoint;

namespace deck {
class Builder;
}

/// A resolved deck. A plain value, cheap to copy. All of it is local.
///
/// Keys are full paths such as "kernel.features". Asking for a name that is not in the key table,
/// for another type than the table says, or for a key that is not set, is a bug of the caller
/// (assertion): ask has() first where a key may be unset or may not belong to the chosen study.
///
/// Where the deck has a [sweep], the deck itself answers as its first point.
class Deck {
 public:
  std::int64_t integer(std::string_view key) const;
  double real(std::string_view key) const;
  bool flag(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  const std::vector<std::int64_t>& integers(std::string_view key) const;
  const RealTensor& tensor(std::string_view key) const;
  double seconds(std::string_view key) const;  ///< of a duration
  const DeckValue& value(std::string_view key) const;

  /// The key belongs to this deck's study, source and kernel, and has a value.
  bool has(std::string_view key) const;
  /// The key holds a word, not a number, list or duration: "auto" of solver.block, "all" of
  /// solver.eigenvalues.
  bool is_word(std::string_view key) const;
  /// has(key), and the value is the default: neither the deck nor --set gave it.
  bool is_default(std::string_view key) const;

  /// Every applicable key and its value in TOML; then each axis of the sweep, as "sweep.KEY" and
  /// its list.
  std::vector<std::pair<std::string, std::string>> resolved() const;
  /// The same as a deck. A valid one that resolves to the same values and to the
  /// same text.
  std::string resolved_toml() const;

  const Source& source() const;
  /// The --set overrides as given.
  const std::vector<std::string>& overrides() const;

  /// The points of [sweep]: the cartesian product of its lists in the order of the deck, the last
  /// key fastest. Empty without a [sweep], and for the deck of a point.
  std::vector<SweepPoint> sweep() const;

 private:
  friend class deck::Builder;
  struct Setting {
    DeckValue value;
    bool is_default = false;
  };
  struct Axis {
    std::size_t key = 0;
    std::vector<DeckValue> values;
  };
  struct Origin {
    Source source;
    std::vector<std::string> overrides;
  };

  const Setting* find(std::string_view key) const;
  bool same_at_all_points(std::size_t key) const;

  std::shared_ptr<const Origin> origin_;
  std::vector<std::optional<Setting>> settings_;  // by position in the key table
  std::vector<Axis> axes_;
  std::shared_ptr<const std::vector<SweepPoint>> points_;
};

/// One point of a sweep.
struct SweepPoint {
  std::vector<std::pair<std::string, std::string>> set;  ///< swept key and its value, printable
  Deck deck;                                             ///< resolved with these values
};

/// Reads and resolves a deck; overrides are "key=value" as given to --set.
/// Error(deck) whose what() lists every fault; Error(input) if the file cannot be read. Local.
Deck load_deck(const std::filesystem::path& path, std::span<const std::string> overrides = {});

/// The same for a deck that is in memory; source.path is what messages name.
Deck parse_deck(Source source, std::span<const std::string> overrides = {});

/// What a key ("kernel.features"), a section ("kernel") or all keys ("") mean: type, default,
/// range, where it belongs. Error(usage) with the nearest name for any other word.
std::string explain(std::string_view key);

/// JSON Schema (draft 2020-12) of a deck, for editors.
std::string json_schema();

/// docs/deck.md: the reference of all keys in Markdown, made from the key table.
std::string key_reference();

}  // namespace fathom
