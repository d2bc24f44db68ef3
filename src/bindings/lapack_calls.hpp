#pragma once

// How a LAPACK call's info becomes an error. For the sources of this room alone.

#include "base/error.hpp"
#include "bindings/blas.hpp"

#include <cstdint>

#include <lapacke.h>

namespace fathom::lapack {

/// Error(no_fit) for a workspace, Error(internal) for an argument, Error(solver) where the routine
/// did not converge.
inline void check(lapack_int info, const char* routine, std::int64_t n) {
  if (info == 0) return;
  if (info == LAPACK_WORK_MEMORY_ERROR)
    throw Error(ExitCode::no_fit, "{}: no memory for the workspace at n = {}", routine, n);
  if (info < 0) throw Error(ExitCode::internal, "{}: argument {} is not valid", routine, -info);
  throw Error(ExitCode::solver, "{} did not converge at n = {} (info = {})", routine, n, info);
}

}  // namespace fathom::lapack
