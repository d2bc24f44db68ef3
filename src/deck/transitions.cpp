#include "deck/transitions.hpp"

#include "base/closed_classes.hpp"

#include <cmath>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

constexpr double sum_tolerance = 1e-9;
constexpr std::int64_t most = 1024;  ///< symbols, and states

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

/// Σ_x T^(x), row by row.
std::vector<double> over_symbols(const RealTensor& t) {
  const std::size_t square = t.entry.size() / static_cast<std::size_t>(t.extent[0]);
  std::vector<double> sum(square, 0.0);
  for (std::size_t i = 0; i < t.entry.size(); ++i)
    sum[i % square] += t.entry[i];
  return sum;
}

}  // namespace

std::vector<EntryFault> examine_transitions(const DeckValue& value) {
  const RealTensor& t = std::get<RealTensor>(value);
  std::vector<EntryFault> faults = examine_shape(t);
  if (!faults.empty()) return faults;
  const std::vector<double> chain = over_symbols(t);
  const auto states = static_cast<std::size_t>(t.extent[1]);
  for (std::size_t i = 0; i < states; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < states; ++j)
      sum += chain[i * states + j];
    if (!(std::abs(sum - 1) <= sum_tolerance))
      faults.push_back(
          {{0, i},
           fmt::format("is of state {}, whose probabilities over all symbols and next states "
                       "sum to {:.12g}; they must sum to 1 within {}",
                       i, sum, sum_tolerance)});
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
