#pragma once

// The assembly of a symmetric matrix from signals: what is asked, what comes back.

#include "dist/interfaces.hpp"
#include "gram/assembly_keeper.hpp"
#include "gram/movement.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace fathom {

struct AssemblyOptions {
  Movement movement = Movement::automatic;
  std::int64_t chunk = 0;  ///< inner indices at a time; 0 = as memory allows
  /// Called on every rank after a chunk: done of total inner indices. Must not communicate.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
  /// Where the assembly may be interrupted; outlives it. Null: nothing is kept.
  AssemblyKeeper* keeper = nullptr;
};

/// Seconds of this rank, by phase.
struct AssemblySeconds {
  double signals = 0;        ///< making them
  double communication = 0;  ///< moving them, waiting included
  double products = 0;       ///< dgemm on the triangle
  double map = 0;            ///< the kernel's elementwise map, scaling, error estimate
  double mirror = 0;         ///< upper triangle from the lower one
  double total = 0;
};

/// What was done, for the log and the run file.
struct AssemblyReport {
  Movement movement = Movement::in_place;
  std::string reason;         ///< why this movement, in one line
  std::int64_t chunk = 0;     ///< inner indices at a time
  AssemblySeconds seconds;    ///< of this rank
  double useful_flops = 0;    ///< all ranks: n²·inner for the triangle, each signal once
  double signal_flops = 0;    ///< all ranks: of signals, as often as they were made; 0: not counted
  double product_flops = 0;   ///< all ranks: done by dgemm on the triangle, waste included
  std::string normalization;  ///< "K = F F^T / d, …"
  std::string kernel;  ///< "random features, population covariance, monomial of degree 2, …"
  std::string note;    ///< what else is to be said (symmetrised, …); may be empty
};

struct Assembly {
  SymmetricMatrix symmetric;
  AssemblyReport report;
};

}  // namespace fathom
