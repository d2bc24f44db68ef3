#pragma once

// How products that take hours survive the end of the run: between two of them Lanczos shows what
// it has to someone who may keep it, and before the first one it asks whether something was kept.

#include "comm/communicator.hpp"
#include "comm/process_grid.hpp"
#include "dist/dist_matrix.hpp"
#include "eigen/lanczos.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace fathom {

/// How far Lanczos is; the same on every rank. With the vectors, all that it goes on from.
struct LanczosMark {
  std::int64_t done = 0;  ///< products; 0: nothing yet
  std::vector<Tridiagonal> probe;
  double norm = 0;            ///< the largest |Ritz value| so far
  double largest_defect = 0;  ///< of QᵀAQ from a tridiagonal matrix so far
};

/// Orthonormal vectors of m start vectors, one of each a step; rows of length n dealt out over the
/// ranks in one run each.
class LanczosVectors {
 public:
  /// Allocates nothing. Local.
  LanczosVectors(const Communicator& comm, std::int64_t n, std::int64_t m, std::int64_t steps);
  /// std::bad_alloc. Local.
  void allocate();

  std::int64_t order() const { return axis_.extent(); }
  std::int64_t probes() const { return probes_; }
  std::int64_t steps() const { return steps_; }
  const CyclicAxis& axis() const { return axis_; }
  /// This rank's rows of the first `count` vectors of a start vector. Local.
  MatrixView<double> of(std::int64_t probe, std::int64_t count);

  /// Vectors of so many steps: column probe + probes()·(step − first) of an n × probes()·count
  /// matrix over all ranks. Collective.
  DistMatrix copy(std::int64_t first, std::int64_t count);
  /// The same back. Local.
  void set(std::int64_t first, const DistMatrix& vectors);

 private:
  const Communicator& comm_;
  std::int64_t probes_, steps_;
  CyclicAxis axis_;
  std::int64_t rows_;                // of this rank
  std::vector<double> values_;       // rows × steps, one start vector after the other
  std::optional<ProcessGrid> grid_;  // once it is needed
};

class LanczosKeeper {
 public:
  virtual ~LanczosKeeper() = default;

  /// What was kept of a run with as many vectors of this length: its mark, and in `vectors` those
  /// of the steps 0 … done. done = 0 where there is nothing. Collective.
  virtual LanczosMark resume(LanczosVectors& vectors) = 0;

  /// Before a product, the vectors 0 … done being made: may keep them with the mark, and may end
  /// the run: AgreedError(checkpointed). Collective.
  virtual void between(const LanczosMark& mark, LanczosVectors& vectors) = 0;
};

}  // namespace fathom
