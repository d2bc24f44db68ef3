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

/// The near-square shape for at most `ranks` ranks: nprow ≤ npcol, npcol a multiple of nprow where
/// that idles few ranks, never more ranks than blocks of an n × n matrix. Ranks left over stay
/// idle. Pure.
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
  int blacs_context() const;                ///< -1 on idle ranks
  const Communicator& parent() const;       ///< all ranks, idle ones too
  const Communicator& active_comm() const;  ///< the active ranks in grid order; null on idle ranks
  const Communicator& row_comm()
      const;  ///< ranks of my grid row, ordered by mycol; null on idle ranks
  const Communicator& column_comm()
      const;  ///< ranks of my grid column, ordered by myrow; null on idle ranks

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace fathom
