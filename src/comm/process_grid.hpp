#pragma once

// A two-dimensional process grid with its BLACS context.

#include "comm/communicator.hpp"

#include <cstdint>
#include <memory>

namespace fathom {

struct GridShape {
  int nprow = 1;
  int npcol = 1;
  friend bool operator==(const GridShape&, const GridShape&) = default;
};

enum class GridOrder { row_major, column_major };

/// The shape for at most `ranks` ranks: the nprow ≤ npcol with the greatest worth
/// nprow·npcol / (1 + (npcol/nprow − 1)/10), less 5 % where npcol is no multiple of nprow; neither
/// of them beyond the number of blocks of an n × n matrix. Ranks left over stay idle: 2 → 1×2,
/// 3 → 1×3, 4 and 5 → 2×2, 6 and 7 → 2×3, 8 → 2×4, 9 to 11 → 3×3, 12 → 3×4. Pure.
GridShape choose_grid(int ranks, std::int64_t n, std::int64_t nb);

/// nprow × npcol ranks of a communicator; ranks beyond them are idle: active() is false, myrow =
/// mycol = -1. BLACS is asked back what it made. Shared ownership by handle: copies refer to the
/// same context, freed with the last one.
class ProcessGrid {
 public:
  /// Collective over comm, idle ranks included. Error(usage) where the shape does not fit
  /// comm.size().
  ProcessGrid(const Communicator& comm, GridShape shape, GridOrder order = GridOrder::row_major);

  bool active() const;
  int nprow() const;
  int npcol() const;
  int myrow() const;
  int mycol() const;
  GridShape shape() const { return {nprow(), npcol()}; }
  int blacs_context() const;  ///< -1 on idle ranks
  /// A 1 × parent().size() context over all ranks, idle ones too, as redistribution wants it.
  int union_context() const;
  GridOrder order() const;
  int rank_of(int row, int col) const;      ///< rank in parent() and in active_comm(); pure
  const Communicator& parent() const;       ///< a duplicate of comm: all ranks, idle ones too
  const Communicator& active_comm() const;  ///< the active ranks as in parent(); null on idle ranks
  /// Ranks of my grid row, ordered by mycol; null on idle ranks.
  const Communicator& row_comm() const;
  /// Ranks of my grid column, ordered by myrow; null on idle ranks.
  const Communicator& column_comm() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace fathom
