#pragma once

// One front for every dense symmetric eigensolver.

#include "dist/dist_matrix.hpp"
#include "eigen/plan.hpp"
#include "eigen/request.hpp"

#include <optional>
#include <vector>

namespace fathom {

struct EigenResult {
  std::vector<double> eigenvalue;     ///< descending; the same on every rank of the grid's parent
  std::optional<DistMatrix> vectors;  ///< n × count, column j belongs to eigenvalue[j]
  Backend backend = Backend::scalapack;
  double seconds = 0;  ///< of the solve, the largest over the ranks
};

/// Which of a library's algorithms: `standard` is the fastest measured, `second` another one for a
/// second attempt (ScaLAPACK only; elsewhere the same): QR iteration with vectors, divide and
/// conquer without, which needs three more matrices.
enum class Algorithm { standard, second };

/// Runs one backend on one matrix. It does not judge the result: solve_certified does.
class Eigensolver {
 public:
  explicit Eigensolver(Backend backend, Algorithm algorithm = Algorithm::standard)
      : backend_(backend), algorithm_(algorithm) {}

  /// Overwrites `a`. The upper triangle is filled where the backend needs it. Error(solver) on
  /// every rank where the solver reports one, Error(no_fit) where an allocation fails, Error(deck)
  /// where the backend cannot do what is asked. Collective over the grid's parent, idle ranks
  /// included.
  /// @pre a square in shape and blocks, entries finite, the largest near 1 (ELPA's divide and
  /// conquer has absolute tolerances: vectors of a matrix with a norm of 1e-3 lose three digits)
  EigenResult solve(DistMatrix& a, SymmetricFill fill, const EigenRequest& request) const;

 private:
  Backend backend_;
  Algorithm algorithm_;
};

/// Ends the solver libraries that were started; collective over all ranks, before MPI ends. Does
/// nothing where none was used, and may be called twice.
void finalize_solvers();

}  // namespace fathom
