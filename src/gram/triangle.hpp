#pragma once

// The lower triangle of a block-cyclic matrix as few large rectangles of one rank's local array.
// Pure.

#include "dist/distribution.hpp"

#include <cstdint>
#include <vector>

namespace fathom {

/// Local rows [row, row + rows) × local columns [col, col + cols).
struct Rectangle {
  std::int64_t row = 0, col = 0, rows = 0, cols = 0;
  friend bool operator==(const Rectangle&, const Rectangle&) = default;
};

/// Disjoint rectangles that cover every local element on or below the global diagonal, by halving
/// the columns down to strips of `leaf` (0: such that at most 3 % of the area lies above the
/// diagonal, but no narrower than 32). Empty on idle ranks.
/// @pre square distribution
std::vector<Rectangle> lower_rectangles(const Distribution& distribution, int myrow, int mycol,
                                        std::int64_t leaf = 0);

/// First local row at or below the diagonal, for every local column.
std::vector<std::int64_t> lower_starts(const Distribution& distribution, int myrow, int mycol);

}  // namespace fathom
