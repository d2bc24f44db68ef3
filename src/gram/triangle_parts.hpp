#pragma once

// Work on the lower triangle of a block-cyclic matrix that may stop and go on in another layout:
// what is left of it, as parts under global indices, and the steps in which a layout does a part.
// Pure.

#include "dist/distribution.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fathom {

/// first … end − 1
struct IndexRange {
  std::int64_t first = 0, end = 0;
  std::int64_t count() const { return end - first; }
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

/// The elements (i, j), i ≥ j, of some rows and columns.
struct TrianglePart {
  IndexRange rows, cols;

  std::int64_t elements() const;
  /// The same elements without rows and columns that hold none; 0 × 0 where there are none.
  TrianglePart trimmed() const;
  friend bool operator==(const TrianglePart&, const TrianglePart&) = default;
};

/// The whole triangle of order n.
TrianglePart whole_triangle(std::int64_t n);

/// One side in strips of local indices, the outer one; for each of them the other in its own.
struct StripOrder {
  bool rows_outer = true;
  std::int64_t outer = 1, inner = 1;  ///< local indices in a strip, at most
  friend bool operator==(const StripOrder&, const StripOrder&) = default;
};

/// The steps in which the ranks of a layout do a part together: step s is the strips
/// (s / inner_strips(), s % inner_strips()), each of as many local indices on every process row
/// and column as there are.
class PartSteps {
 public:
  PartSteps(const Distribution& distribution, const TrianglePart& part, const StripOrder& order);

  std::int64_t outer_strips() const { return outer_strips_; }
  std::int64_t inner_strips() const { return inner_strips_; }
  std::int64_t steps() const { return outer_strips_ * inner_strips_; }

  /// Local indices of a strip on the process row or column `proc`; none where it is idle (−1).
  IndexRange outer(std::int64_t strip, int proc) const;
  IndexRange inner(std::int64_t strip, int proc) const;
  /// Whether any process has an element on or below the diagonal where the two strips meet.
  bool needed(std::int64_t outer, std::int64_t inner) const;

  /// What the first `done` steps leave, for any layout: at most two parts. Where strips end inside
  /// blocks some of what is done is among it, less than a block's rows or columns a process.
  std::vector<TrianglePart> left_after(std::int64_t done) const;

 private:
  struct Side {
    CyclicAxis axis;
    IndexRange range;
    std::int64_t length;
    std::int64_t strips() const;
    IndexRange strip(std::int64_t number, int proc) const;
    /// The first global index that is in none of the first strips; the range's end if none.
    std::int64_t first_beyond(std::int64_t strips) const;
    std::int64_t last_of(std::int64_t number) const;   // −1: empty
    std::int64_t first_of(std::int64_t number) const;  // extent: empty
  };
  bool rows_outer_;
  Side outer_, inner_;
  std::int64_t outer_strips_, inner_strips_;
};

/// How far the work on a triangle of order n is: parts that are left, the first of them begun.
struct TriangleProgress {
  std::vector<TrianglePart> left;
  std::int64_t steps = 0;  ///< done of the first part, in the layout and order of the work

  /// Elements that are done whatever the layout that goes on.
  std::int64_t done(const Distribution& distribution, const StripOrder& order) const;
  /// The same for work in another layout or order: nothing is begun.
  TriangleProgress elsewhere(const Distribution& distribution, const StripOrder& order) const;

  /// As numbers, and back; none where they are no such thing for order n.
  std::vector<std::int64_t> numbers() const;
  static std::optional<TriangleProgress> from(std::span<const std::int64_t> numbers,
                                              std::int64_t n);
};

}  // namespace fathom
