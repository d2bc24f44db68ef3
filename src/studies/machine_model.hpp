#pragma once

// What a plan knows of a machine: room for a run, and rates by which counted work becomes seconds.
// Pure.

#include "eigen/request.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace fathom {

/// The nodes that a run may have.
struct Machine {
  int nodes = 1;
  int cores = 1;        ///< of a node
  double memory = 0;    ///< bytes of a node that a run may take
  std::string limit;    ///< where that number is from: "cgroup", "--memory" …
  double baseline = 0;  ///< bytes a rank that the program takes empty, libraries and runtime
  int ranks_a_node(int ranks) const { return (ranks + nodes - 1) / nodes; }
  /// Bytes above the baseline for each rank of the fullest node.
  double memory_a_rank(int ranks) const { return memory / ranks_a_node(ranks) - baseline; }
};

/// One solver at one rank count: seconds at two orders.
struct SolverTiming {
  Backend backend = Backend::elpa2;
  bool vectors = false;
  int ranks = 1;
  std::int64_t small_order = 0, large_order = 0;
  double small_seconds = 0, large_seconds = 0;
  /// Through both: n³ and n² by their weights, neither below zero.
  double seconds(std::int64_t n) const;
};

/// Rates of one rank while as many as `ranks` work at once, and of one alone. The defaults are
/// round numbers of a present core.
struct MachineModel {
  std::string source = "default rates";  ///< or the file of a calibration
  bool calibrated = false;
  int ranks = 1;                ///< of the readings of all at once
  double dgemm_alone = 5e10;    ///< flop/s
  double dgemm = 4e10;          ///< flop/s a rank
  double distributed = 3.2e10;  ///< flop/s a rank of distributed products
  double normals = 3.7e8;       ///< random normals a second and rank
  double memory = 6e9;          ///< bytes a second and rank, read or written
  double exchange = 2e9;        ///< bytes a second that a rank receives
  double write = 4e8;           ///< bytes a second to the file system, one writer
  double baseline = 6e7;        ///< bytes of the empty program
  std::vector<SolverTiming> solvers;

  /// Of one rank where so many work at once: between the two readings in the logarithm of the
  /// ranks, the latter beyond.
  double dgemm_on(int ranks) const;
  /// Wall seconds of a solve of all eigenvalues on so many ranks. Where the solver was timed on one
  /// rank and on more, the power of the rank count between them goes on; where on one count alone,
  /// the ranks' power 0.9.
  double solve_seconds(Backend backend, bool vectors, std::int64_t n, int ranks) const;
};

}  // namespace fathom
