#pragma once

// MPI, and a check of its return codes.

#include "base/error.hpp"

#include <mpi.h>

namespace fathom {

/// Error(internal) with MPI's own text where an MPI call did not succeed. Local.
inline void check_mpi(int status, const char* call) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(status, text, &length);
  throw Error(ExitCode::internal, "{} failed: {}", call,
              std::string(text, static_cast<std::size_t>(length)));
}

}  // namespace fathom
