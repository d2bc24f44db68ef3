#pragma once

// MPI, and a check of its return codes.

#include "base/error.hpp"

#include <string>

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

/// First line of what the MPI library says of itself: "Open MPI v4.1.4, …". Local.
inline std::string mpi_library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  check_mpi(MPI_Get_library_version(text, &length), "MPI_Get_library_version");
  const std::string version(text, static_cast<std::size_t>(length));
  return version.substr(0, version.find_first_of(std::string("\n\0", 2)));
}

}  // namespace fathom
