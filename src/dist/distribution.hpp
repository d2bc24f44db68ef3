#pragma once

// All block-cyclic arithmetic, in one pure value: testable for any grid without MPI.
//
//   from            to                         through
//   GlobalIndex  →  owner (grid row / column)  block index modulo nprow / npcol
//   GlobalIndex  →  LocalIndex                 (block / nprow)·mb + offset in the block, on the
//   owner LocalIndex   →  GlobalIndex                (local block·nprow + myrow)·mb + offset in the
//   block
//
// Row and column 0 belong to grid row and column 0 (rsrc = csrc = 0).

#include "base/index.hpp"

#include <cstdint>
#include <vector>

namespace fathom {

/// One dimension: extent elements in blocks of `block` dealt out over `procs` processes.
class CyclicAxis {
 public:
  /// @pre extent ≥ 0, block ≥ 1, procs ≥ 1
  CyclicAxis(std::int64_t extent, std::int64_t block, int procs);

  std::int64_t extent() const { return extent_; }
  std::int64_t block() const { return block_; }
  int procs() const { return procs_; }

  int owner(GlobalIndex i) const;                    ///< @pre 0 ≤ i < extent
  LocalIndex local(GlobalIndex i) const;             ///< position on its owner
  GlobalIndex global(LocalIndex l, int proc) const;  ///< @pre 0 ≤ l < local_extent(proc)
  std::int64_t local_extent(int proc) const;         ///< NUMROC; 0 for proc < 0 (idle)
  /// First local index whose global one is ≥ i; local_extent if none.
  LocalIndex lower_bound(GlobalIndex i, int proc) const;
  /// Global index of every local one, ascending; none for proc < 0.
  std::vector<std::int64_t> global_indices(int proc) const;

  /// `count` elements that follow each other both globally (from `global`) and locally (from
  /// `local`).
  struct Run {
    std::int64_t global, local, count;
    friend bool operator==(const Run&, const Run&) = default;
  };
  /// What a process holds of the global range [first, last), ascending, one run a block; none for
  /// proc < 0.
  std::vector<Run> runs(int proc, GlobalIndex first, GlobalIndex last) const;
  std::vector<Run> runs(int proc) const;

  friend bool operator==(const CyclicAxis&, const CyclicAxis&) = default;

 private:
  std::int64_t extent_;
  std::int64_t block_;
  int procs_;
};

/// A matrix's rows and columns over an nprow × npcol grid.
struct Distribution {
  CyclicAxis rows;
  CyclicAxis cols;

  std::int64_t local_size(int myrow, int mycol) const {
    return rows.local_extent(myrow) * cols.local_extent(mycol);
  }
  friend bool operator==(const Distribution&, const Distribution&) = default;
};

}  // namespace fathom
