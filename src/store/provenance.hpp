#pragma once

// Where a result comes from: enough to make it again.

#include "comm/process_grid.hpp"
#include "store/run_file.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fathom {

/// Version of fathom, and the commit it was built from ("unknown" outside a git checkout, "-dirty"
/// appended where files were changed).
const char* fathom_version();
const char* fathom_git_hash();

struct Provenance {
  std::string deck, resolved_deck;  ///< full texts
  std::string deck_path, command_line;
  std::string version, git_hash, compiler, build_type;
  std::vector<std::pair<std::string, std::string>> libraries;  ///< attribute name, version
  std::string blas_loaded;  ///< the BLAS that is really in the process
  std::string hosts;        ///< "node1 x 32, node2 x 32"
  int ranks = 1;
  GridShape grid;  ///< of the last solve
  std::int64_t block = 0;
  std::vector<std::int64_t> seeds;
  std::string started, finished;                           ///< ISO 8601 UTC
  std::vector<std::pair<std::string, std::string>> slurm;  ///< "slurm_job_id" …, those that are set
};

/// Fills what can be found out here; decks, command line, grid, block and seeds are the caller's.
/// Collective.
Provenance collect_provenance(const Communicator& comm);

/// As attributes of the group, normally /provenance.
void write_provenance(const RunGroup& group, const Provenance& provenance);

}  // namespace fathom
