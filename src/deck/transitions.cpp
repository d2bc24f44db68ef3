#include "deck/transitions.hpp"

#include "base/closed_classes.hpp"
#include "base/transition_tensors.hpp"

#include <cmath>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

constexpr std::int64_t most = most_transition_states;

std::vector<EntryFault> examine_shape(const RealTensor& t) {
  const auto [symbols, from, to] = t.extent;
  std::vector<EntryFault> faults;
  if (symbols < 2)
    faults.push_back({{},
                      "has one symbol, so there is nothing to predict: it must have two or "
                      "more, T[symbol][from][to]"});
  if (symbols > most)
    faults.push_back({{}, fmt::format("has {} symbols; there can be {}", symbols, most)});
  if (from != to)
    faults.push_back(
        {{0},
         fmt::format("is {} x {}: T[symbol][from][to] has as many states to come from as to go "
                     "to",
                     from, to)});
  else if (from > most)
    faults.push_back({{0}, fmt::format("has {} states; there can be {}", from, most)});
  return faults;
}

/// Entries that are neither zero nor large enough to be divided by.
std::vector<EntryFault> examine_entries(const RealTensor& t) {
  const auto states = static_cast<std::size_t>(t.extent[1]);
  std::vector<EntryFault> faults;
  for (std::size_t i = 0; i < t.entry.size(); ++i)
    if (t.entry[i] > 0 && t.entry[i] < least_transition)
      faults.push_back(
          {{i / (states * states), i / states % states, i % states},
           fmt::format("is {:.6g}, too small to be divided by: it must be 0 or at least {}",
                       t.entry[i], least_transition)});
  return faults;
}

}  // namespace

std::vector<EntryFault> examine_transitions(const DeckValue& value) {
  const RealTensor& t = std::get<RealTensor>(value);
  std::vector<EntryFault> faults = examine_shape(t);
  if (!faults.empty()) return faults;
  faults = examine_entries(t);
  if (!faults.empty()) return faults;
  const std::vector<double> chain = sum_over_symbols(t.extent[1], t.entry);
  const auto states = static_cast<std::size_t>(t.extent[1]);
  for (std::size_t i = 0; i < states; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < states; ++j)
      sum += chain[i * states + j];
    if (!(std::abs(sum - 1) <= transition_sum_tolerance))
      faults.push_back(
          {{0, i},
           fmt::format("is of state {}, whose probabilities over all symbols and next states "
                       "sum to {:.12g}; they must sum to 1 within {}",
                       i, sum, transition_sum_tolerance)});
  }
  if (!faults.empty()) return faults;
  const auto classes = closed_classes(t.extent[1], chain);
  if (classes.size() > 1)
    faults.push_back({{},
                      fmt::format("has no unique stationary distribution: states {} and {} "
                                  "belong to sets that are never left",
                                  classes[0].front(), classes[1].front())});
  return faults;
}

}  // namespace fathom::deck
