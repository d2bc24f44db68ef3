#pragma once

// SLEPc's Krylov–Schur for the largest eigenvalues of a symmetric operator, every call checked.
// Only where FATHOM_HAVE_SLEPC is defined.

#include "bindings/mpi.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace fathom {

/// y ← A x on this rank's rows; collective.
using RowwiseApply = std::function<void(std::span<const double> x, std::span<double> y)>;

struct SlepcResult {
  std::vector<double> eigenvalue;  ///< descending, the same on every rank
  std::vector<double> vectors;     ///< local_n × count, column-major
  std::int64_t iterations = 0;     ///< restarts
};

/// The `count` largest eigenpairs of an n × n symmetric operator whose vectors are cut into
/// consecutive row ranges of local_n, to an absolute residual of `tolerance`. Starts the library on
/// first use. Error(solver) where it does not converge or a call fails; whatever `apply` throws.
/// Collective over comm. @pre 1 ≤ count < n, the local_n sum up to n
SlepcResult slepc_largest(MPI_Comm comm, std::int64_t n, std::int64_t local_n, std::int64_t count,
                          double tolerance, const RowwiseApply& apply);

/// Ends the library if it was started. Local; before MPI ends.
void slepc_finalize();

}  // namespace fathom
