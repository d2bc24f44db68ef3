#pragma once

// How sizes, letters and info travel between us and ScaLAPACK. For the sources of this room alone.

#include "base/blas_int.hpp"
#include "bindings/scalapack.hpp"

#include <algorithm>
#include <cstdint>

namespace fathom::scalapack {

inline const char* letter(Op op) {
  return op == Op::none ? "N" : "T";
}

inline const char* letter(Triangle triangle) {
  return triangle == Triangle::lower ? "L" : "U";
}

/// A size as Fortran wants it.
inline int size(std::int64_t value) {
  return to_blas_int(value, "matrix dimension");
}

/// A global 0-based index as Fortran wants it.
inline int origin(std::int64_t zero_based) {
  return to_blas_int(zero_based + 1, "matrix index");
}

inline void check_arguments(int info, const char* routine) {
  if (info < 0)
    throw Error(ExitCode::internal, "{}: argument {} is not valid (info = {})", routine,
                info > -100 ? -info : -info / 100, info);
}

/// Length from a workspace query; negative where the routine's own 32-bit count wrapped round.
inline int work_length(double asked, std::int64_t floor, const char* routine) {
  const auto length = static_cast<std::int64_t>(asked);
  if (length < 1 || floor > length) to_blas_int(std::max(floor, std::int64_t{1} << 31), routine);
  return to_blas_int(length, routine);
}

}  // namespace fathom::scalapack
