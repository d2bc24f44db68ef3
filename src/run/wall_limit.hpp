#pragma once

// How long a run may last: by its deck, by the Slurm job it runs in.

#include "comm/communicator.hpp"
#include "deck/deck.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace fathom {

struct WallLimit {
  double seconds = std::numeric_limits<double>::infinity();  ///< from now on; infinite: none
  std::string name = {};  ///< "the wall limit of 30m", "the end of Slurm job 17"; empty: none
  std::string note = {};  ///< one line for the log: which limit, or why there is none
};

/// What a Slurm job tells of its own end.
struct SlurmJob {
  std::string id;  ///< empty: not in a job
  /// Infinite for a job without a limit; none where Slurm did not tell.
  std::optional<double> seconds_left;
};

/// run.wall_limit, of which `since_start` seconds are over; a duration never reaches past the end
/// of the job. Pure.
WallLimit choose_wall_limit(const Deck& deck, double since_start, const SlurmJob& job);

/// SLURM_JOB_END_TIME (seconds since 1970) where it is set; else squeue is asked, for ten seconds
/// at most. Local.
SlurmJob ask_slurm();

/// "1-02:03:04", "02:03", "UNLIMITED" as squeue prints the time left; none for anything else. Pure.
std::optional<double> read_slurm_time(std::string_view text);

/// The root's, on every rank; Slurm is asked only where the deck does not say "none". Collective.
WallLimit find_wall_limit(const Communicator& comm, const Deck& deck, double since_start);

}  // namespace fathom
