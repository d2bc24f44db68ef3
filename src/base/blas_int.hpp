#pragma once

// Checked narrowing to the 32-bit integers of BLAS, LAPACK, ScaLAPACK and MPI counts.

#include "base/error.hpp"

#include <cstdint>
#include <limits>

namespace fathom {

using BlasInt = int;

/// The value as a 32-bit integer; Error(no_fit) naming what overflowed where it does not fit.
inline BlasInt to_blas_int(std::int64_t value, const char* what) {
  if (value < std::numeric_limits<BlasInt>::min() || value > std::numeric_limits<BlasInt>::max())
    throw Error(ExitCode::no_fit, "{} = {} does not fit the 32-bit integers of BLAS and MPI", what,
                value);
  return static_cast<BlasInt>(value);
}

}  // namespace fathom
