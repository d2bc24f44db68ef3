#pragma once

// Joins reading, assigning and resolving to a Deck, or to the report of all its faults.

#include "deck/assigner.hpp"
#include "deck/deck.hpp"

namespace fathom::deck {

/// More points than four digits can number are refused: groups are named /sweep/0001 and on.
inline constexpr std::int64_t most_points = 9999;

class Builder {
 public:
  Builder(Source source, std::span<const std::string> overrides);

  /// The deck; Error(deck) with every fault.
  Deck build();

 private:
  std::int64_t count_points(const Assigner& assigner);
  GivenKeys at_point(const Assigner& assigner, std::int64_t point) const;
  std::string label(const Assigner& assigner, const GivenKeys& given) const;
  /// Resolves every point; adds their faults, each once.
  std::vector<Deck> resolve_points(const Assigner& assigner, std::int64_t count);
  Deck resolved(const Resolver& resolver) const;
  void throw_if_faulty() const;

  std::shared_ptr<const Deck::Origin> origin_;
  std::string stem_;
  Faults faults_;
};

}  // namespace fathom::deck
