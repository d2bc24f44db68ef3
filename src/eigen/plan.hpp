#pragma once

// Which solver, grid and block size a request gets, and why. Pure functions: no MPI, no matrix.

#include "comm/process_grid.hpp"
#include "eigen/request.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace fathom {

/// What a backend can do in this build.
struct Capabilities {
  bool available = true;    ///< compiled in
  bool all = true;          ///< the whole spectrum
  bool partial = true;      ///< the k largest
  bool values_only = true;  ///< eigenvalues without vectors
  bool vectors = true;
  int max_ranks = 0;           ///< 0: any
  std::int64_t min_block = 1;  ///< smallest block size it runs with
  std::int64_t max_n = 0;      ///< 0: bounded by memory alone
  std::string limits;          ///< one sentence for messages
};
Capabilities capabilities(Backend backend);

/// The user's own grid and block size, where given, and the memory there is.
struct LayoutWish {
  std::optional<GridShape> grid = {};
  std::optional<std::int64_t> block = {};
  /// Bytes a rank: where ELPA does not fit in them, `auto` takes ScaLAPACK for eigenvalues alone.
  std::optional<std::int64_t> memory = {};
};

struct SolverPlan {
  Backend backend = Backend::scalapack;  ///< never automatic
  GridShape grid;
  std::int64_t block = 64;
  std::string reason;  ///< why this solver and this layout, one line for the log
};

/// Chooses for `auto`, and checks what was asked for by name: Error(deck) says what cannot be done
/// and what would be valid. A solver that cannot take this layout (ELPA with blocks of one, fewer
/// blocks than grid rows, tiny n) is replaced by ScaLAPACK or LAPACK, and `reason` says so.
/// @pre n ≥ 1, ranks ≥ 1
SolverPlan plan_solver(const EigenRequest& request, std::int64_t n, int ranks,
                       const LayoutWish& wish = {});

/// Bytes on the fullest rank while the plan runs, certificate included. With vectors the matrix is
/// kept a second time for the residuals.
struct SolverMemory {
  std::int64_t matrix = 0;     ///< the matrix as it is handed to the solver
  std::int64_t vectors = 0;    ///< eigenvectors
  std::int64_t copy = 0;       ///< the matrix kept for the residuals
  std::int64_t workspace = 0;  ///< what the solver allocates itself
  std::int64_t probes = 0;     ///< replicated columns of the certificate
  std::int64_t total() const { return matrix + vectors + copy + workspace + probes; }
};
SolverMemory solver_memory(const SolverPlan& plan, const EigenRequest& request, std::int64_t n);

}  // namespace fathom
