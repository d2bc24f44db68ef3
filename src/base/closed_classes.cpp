#include "base/closed_classes.hpp"

#include "base/assert.hpp"

namespace fathom {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// States that can be reached from one, itself among them.
std::vector<bool> reachable(std::int64_t from, std::int64_t states, std::span<const double> p) {
  std::vector<bool> seen(at(states));
  std::vector<std::int64_t> open = {from};
  seen[at(from)] = true;
  while (!open.empty()) {
    const std::int64_t i = open.back();
    open.pop_back();
    for (std::int64_t j = 0; j < states; ++j) {
      if (p[at(i * states + j)] <= 0.0 || seen[at(j)]) continue;
      seen[at(j)] = true;
      open.push_back(j);
    }
  }
  return seen;
}

}  // namespace

std::vector<std::vector<std::int64_t>> closed_classes(std::int64_t states,
                                                      std::span<const double> p) {
  FATHOM_ASSERT(std::ssize(p) == states * states, "{} transitions of {} states", p.size(), states);
  std::vector<std::vector<bool>> reach;
  for (std::int64_t i = 0; i < states; ++i)
    reach.push_back(reachable(i, states, p));
  std::vector<std::vector<std::int64_t>> classes;
  std::vector<bool> taken(at(states));
  for (std::int64_t i = 0; i < states; ++i) {
    if (taken[at(i)]) continue;
    std::vector<std::int64_t> members;
    bool closed = true;
    for (std::int64_t j = 0; j < states; ++j) {
      if (!reach[at(i)][at(j)]) continue;
      members.push_back(j);
      closed = closed && reach[at(j)][at(i)];
    }
    if (!closed) continue;
    for (const std::int64_t j : members)
      taken[at(j)] = true;
    classes.push_back(std::move(members));
  }
  return classes;
}

}  // namespace fathom
