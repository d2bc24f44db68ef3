#pragma once

// The largest eigenpairs of an operator or an assembled matrix by SLEPc's Krylov–Schur.

#include "dist/interfaces.hpp"

#include <optional>
#include <vector>

namespace fathom {

struct KrylovSchurResult {
  std::vector<double> eigenvalue;     ///< descending
  std::optional<DistMatrix> vectors;  ///< n × count
};

/// The `count` largest eigenpairs, iterated until the residuals are below max(√n ε, the operator's
/// relative error)·‖A‖. Converged eigenvalues are exact to their residual, but a Krylov method can
/// miss one of a multiple eigenvalue. The vectors stand in consecutive row slices, on a P × 1 grid
/// over comm. Error(solver) where it does not converge, Error(deck) in a build without SLEPc,
/// whatever the operator throws on all ranks. Collective over comm. @pre 1 ≤ count < n
KrylovSchurResult krylov_schur(const Communicator& comm, const LinearOperator& a,
                               std::int64_t count);

/// The same of a matrix, which is only multiplied with, not changed; the vectors come in the layout
/// of the matrix, blocks mb × nb. Collective over the grid's parent.
KrylovSchurResult krylov_schur(const DistMatrix& a, SymmetricFill fill, std::int64_t count);

}  // namespace fathom
