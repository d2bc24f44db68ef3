#pragma once

// From the values that the deck gives to the values of all keys that belong: conditions, defaults,
// what is missing, and what does not go together.

#include "deck/faults.hpp"
#include "deck/key_table.hpp"

#include <map>

namespace fathom::deck {

/// What the deck, --set or a sweep point says about one key.
struct Given {
  Place place;                     ///< of the value
  std::optional<DeckValue> value;  ///< none: faulty, and reported already
  bool swept = false;
  Place key_place{};
  bool meant = false;  ///< the name says something else, and this key is a guess
};

/// By position in the key table.
using GivenKeys = std::vector<std::optional<Given>>;

/// A fault and what it is about, by which the same fault at several sweep points is known.
struct Issue {
  Fault fault;
  std::string tag;
  bool stranger = false;  ///< a key that does not belong here, but may at another sweep point
};

/// Where faults point to that have no key of their own.
struct Landmarks {
  std::map<std::string, Place, std::less<>> section;  ///< headers that are there
  Place end;                                          ///< past the last line
};

/// Resolves one deck or one sweep point. A key whose fault is reported already is "unknown", and so
/// is what depends on it: one mistake gives one fault.
class Resolver final : public Known {
 public:
  struct Resolved {
    DeckValue value;
    bool is_default = false;
  };

  Resolver(const GivenKeys& given, const Landmarks& landmarks, std::string stem);

  /// Resolves every key and makes all checks.
  void run();
  const std::vector<Issue>& issues() const { return issues_; }
  const std::vector<std::optional<Resolved>>& resolved() const { return resolved_; }

  const DeckValue* find(std::string_view key) const override;
  const std::string& stem() const override { return stem_; }

  /// For the checks that concern several keys.
  bool is_given(std::string_view key) const;
  void complain(std::string_view key, std::string message, std::vector<std::string> hints = {});

 private:
  enum class State { untouched, busy, known, unset, foreign, unknown };
  enum class Answer { no, maybe, yes };

  State resolve(std::size_t index) const;
  State resolve_given(std::size_t index, const Given& given) const;
  State resolve_default(std::size_t index) const;
  State resolve_foreign(std::size_t index) const;
  State missing(std::size_t index) const;
  Answer holds(const Requirement& requirement) const;
  Answer holds(const Condition& condition) const;
  Answer belongs(const Key& key) const;
  bool narrowed_out(const Key& key, const Given& given) const;
  std::string reasons(const Key& key) const;
  Place place_of(std::string_view key) const;
  void report(std::string tag, Place place, std::string message, std::vector<std::string> hints,
              bool stranger = false) const;

  const GivenKeys& given_;
  const Landmarks& landmarks_;
  std::string stem_;
  // Filled as keys are asked for, in any order.
  mutable std::vector<State> states_;
  mutable std::vector<std::optional<Resolved>> resolved_;
  mutable std::vector<Issue> issues_;
  mutable bool met_unknown_ = false;
};

/// Faults of keys that are each possible but do not go together. Reports through complain().
void check_together(Resolver& deck);

}  // namespace fathom::deck
