#pragma once

// The largest eigenpairs of an assembled matrix by SLEPc's Krylov–Schur.

#include "dist/dist_matrix.hpp"

#include <optional>
#include <vector>

namespace fathom {

struct KrylovSchurResult {
  std::vector<double> eigenvalue;     ///< descending
  std::optional<DistMatrix> vectors;  ///< n × count in the layout of the matrix, blocks mb × nb
};

/// The `count` largest eigenpairs, iterated until the residuals are below √n ε ‖A‖. The matrix is
/// only multiplied with (local block products), not changed. Converged eigenvalues are exact to
/// their residual, but a Krylov method can miss one of a multiple eigenvalue. Error(solver) where
/// it does not converge, Error(deck) in a build without SLEPc. Collective over the grid's parent.
/// @pre 1 ≤ count < n
KrylovSchurResult krylov_schur(const DistMatrix& a, SymmetricFill fill, std::int64_t count);

}  // namespace fathom
