#pragma once

// Is a finished run still what fathom wrote? Local, without MPI.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fathom {

/// What was compared, and every part that is not as it was written.
struct VerifyReport {
  std::filesystem::path file{};
  std::int64_t datasets = 0;  ///< numeric and text
  std::int64_t bytes = 0;     ///< every one of them is covered by a hash
  std::vector<std::string> damage{};
};

/// Of the folder of a run or its run.h5: reads every byte and holds it against the seal; then every
/// dataset against the manifest /provenance/hashes, none missing and none besides; `complete` is 1;
/// and, given a folder, its deck.toml is the deck of the file. HDF5 is not opened where bytes are
/// damaged. Error(input) where there is no finished run, Error(io) where the disk fails.
VerifyReport verify_run(const std::filesystem::path& path);

/// What a run file says of the run that made it.
struct RunSummary {
  int exit_code = 0;
  std::string certificate;    ///< "pass"
  std::string verdict;        ///< what was found, a line each
  std::string resolved_deck;  ///< every default filled in
};

/// @pre verify_run() found it whole. Error(input) where it does not say all of it.
RunSummary read_summary(const std::filesystem::path& file);

}  // namespace fathom
