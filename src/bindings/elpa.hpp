#pragma once

// ELPA's one- and two-stage dense symmetric eigensolvers, every call checked.

#include "bindings/mpi.hpp"

#include <cstdint>
#include <span>

namespace fathom {

enum class ElpaStage { one = 1, two = 2 };

/// A block-cyclic n × n matrix, first block on grid process (0, 0), square blocks.
struct ElpaLayout {
  MPI_Comm comm = MPI_COMM_NULL;  ///< exactly the ranks of the grid
  int myrow = 0, mycol = 0;
  std::int64_t n = 0;
  std::int64_t block = 0;
  std::int64_t local_rows = 0;  ///< also the leading dimension of both arrays
  std::int64_t local_cols = 0;
};

/// The `count` smallest eigenvalues, ascending, into eigenvalue[0, count); the rest of it is
/// workspace. Both triangles of `a` must be filled; it is overwritten. vectors: null, or an array
/// shaped as `a` whose first `count` global columns receive the eigenvectors. Error(solver) with
/// ELPA's own text, on the ranks where ELPA reports it. Starts the library on first use. Collective
/// over the layout's communicator.
/// @pre eigenvalue.size() == n, 1 ≤ count ≤ n, every rank owns at least one row and one column
void elpa_eigen(const ElpaLayout& layout, ElpaStage stage, std::int64_t count, double* a,
                std::span<double> eigenvalue, double* vectors);

/// Ends the library if it was started. Local; before MPI ends.
void elpa_finalize();

/// API version the library was asked for, e.g. 20221109.
int elpa_api_version();

}  // namespace fathom
