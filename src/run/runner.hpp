#pragma once

// `fathom run`: from a deck to a finished run folder, and what happens when that fails.

#include "base/error.hpp"
#include "comm/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

struct RunArguments {
  std::string deck_path;
  std::vector<std::string> overrides;   ///< as given to --set
  std::optional<std::int64_t> point{};  ///< of the sweep, 1 the first: it alone is run
  std::string command_line;
  /// Folder of the run to go on with, by its own deck; that of deck_path, if any, must say the
  /// same.
  std::string resume{};
};

/// Runs the deck, or goes on with a run, and returns the exit code, the same on every rank; the
/// root prints the log and, where it failed, one message. Where an error strikes some ranks while
/// the others wait for them, the whole job is aborted with that error's code. Collective.
ExitCode run_deck(const MpiSession& session, const RunArguments& arguments);

}  // namespace fathom
