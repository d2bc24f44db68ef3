#pragma once

// Modes of a spectrum, numbered from 1 in falling order, and how untrusted ones are left out.

#include "base/assert.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace fathom {

/// Modes first … last, both included, 1-based. Empty where last < first.
struct ModeRange {
  std::int64_t first = 1;
  std::int64_t last = 0;

  std::int64_t count() const { return last < first ? 0 : last - first + 1; }
  bool contains(std::int64_t mode) const { return first <= mode && mode <= last; }
  bool operator==(const ModeRange&) const = default;
};

/// The spectrum with NaN in the place of every mode whose state is not 1 (trusted). All functions
/// of this room leave out modes that are NaN or not positive, so this is how trust reaches them.
/// Local.
/// @pre state.size() == eigenvalue.size()
template <class State>
std::vector<double> trusted_values(std::span<const double> eigenvalue,
                                   std::span<const State> state) {
  FATHOM_ASSERT(state.size() == eigenvalue.size(), "{} states for {} eigenvalues", state.size(),
                eigenvalue.size());
  std::vector<double> value(eigenvalue.begin(), eigenvalue.end());
  for (std::size_t j = 0; j < value.size(); ++j)
    if (static_cast<int>(state[j]) != 1) value[j] = std::numeric_limits<double>::quiet_NaN();
  return value;
}

}  // namespace fathom
