#pragma once

// The folder of one run: who may write into it, its small files, and its status.
//
//   run.h5               the result; there only once it is complete and verified
//   fathom.log           the log (written by the run room)
//   status.json          what the run is doing; replaced as a whole, never seen half-written
//   deck.toml            the deck as it was given
//   deck.resolved.toml   the deck with every default filled in; itself a valid deck
//   checkpoint/          what an unfinished run goes on from (checkpoint.hpp); may lie elsewhere
//   STOP                 made by the user: the run ends at its next safe point and takes it away
//   .fathom.lock         held while a run writes here; gone afterwards
//
// A new folder is made beside its name, as .NAME.new-PID, and renamed when decks and status stand
// in it: so a folder of a run that was killed at any moment can be gone on with. In a folder that
// was there before (empty, or to be overwritten) a run that is killed in its first moments may
// leave less than both decks: then it can be begun again.

#include "comm/communicator.hpp"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace fathom {

/// What status.json says. Times are ISO 8601 UTC and kept by the folder.
struct RunStatus {
  std::string state = "running";  ///< running | finished | failed | checkpointed
  std::string phase{};            ///< what is being done, a few words
  int exit_code = 0;              ///< meaningful once the state is not "running"
  std::string message{};          ///< one line; the error's text where the state is "failed"
  std::string stop_requested{};   ///< by whom or what the run was asked to end; empty: by nobody
  double seconds_left = std::numeric_limits<double>::infinity();  ///< to the wall limit
  double phase_seconds = 0;                                       ///< that the phase lasts
  double phase_done = 0, phase_total = 0;  ///< of what the phase counts; 0 of 0: it does not
  std::int64_t points_done = 0;            ///< of a sweep; 0 of 1 for a single run
  std::int64_t points_total = 1;
  std::vector<std::string> files{};  ///< finished output files, relative to the folder
};

/// Every rank holds one; only rank 0 touches the disk. Move-only. The destructor gives the lock
/// back.
class RunFolder {
 public:
  /// Makes the folder (and its parents), takes its lock and writes both decks and the first status.
  /// With overwrite the files listed above are removed from an existing folder, and nothing else.
  /// Error(exists) where the folder holds anything and overwrite is false, or where another run
  /// holds its lock; Error(io) where the path cannot be a folder to write in. Collective, agreed.
  static RunFolder open(const Communicator& comm, const std::filesystem::path& path, bool overwrite,
                        const std::string& deck_text, const std::string& resolved_deck_text);
  /// Takes the lock of the folder of an unfinished run, reads its decks and its status, removes
  /// what it was writing when it was killed, and publishes "running". A run with a result is
  /// unfinished where its status has no last word or its checkpoint is left. Error(input) where
  /// this is no folder of a run or its status is damaged; Error(exists) where the run is finished
  /// or another one holds the lock. Collective, agreed.
  static RunFolder reopen(const Communicator& comm, const std::filesystem::path& path);
  ~RunFolder();
  RunFolder(RunFolder&&) noexcept;
  RunFolder& operator=(RunFolder&&) noexcept;

  const std::filesystem::path& path() const;  ///< absolute
  std::filesystem::path run_file() const { return path() / "run.h5"; }
  std::filesystem::path log_file() const { return path() / "fathom.log"; }
  std::filesystem::path status_file() const { return path() / "status.json"; }
  std::filesystem::path checkpoint_folder() const { return path() / "checkpoint"; }
  std::filesystem::path stop_file() const { return path() / "STOP"; }
  const Communicator& comm() const;

  /// The decks as given to open() or found by reopen(); the same on every rank.
  const std::string& deck_text() const;
  const std::string& resolved_deck_text() const;
  /// What status.json said when reopen() found it; on rank 0, elsewhere as of a new run.
  const RunStatus& status_found() const;
  /// Whether reopen() found a run.h5, whole or not; the same on every rank.
  bool has_result() const;

  /// Replaces status.json; does nothing on ranks other than 0. Local. A status that cannot be
  /// written does not end a run: the reason comes back, empty where all is well. speak_for_root:
  /// for a rank that ends the job while rank 0 is stuck and cannot tell.
  std::string publish(const RunStatus& status, bool speak_for_root = false) noexcept;
  /// The same of a run in progress, on rank 0. False, and nothing written, where another rank has
  /// spoken for it: that rank's word is the last. Local.
  bool publish_in_progress(const RunStatus& status) noexcept;
  /// status.json again as reopen() found it: for who was refused before anything changed. False,
  /// and nothing written, where that was no last word. On rank 0, local.
  bool give_back_status() noexcept;
  const RunStatus& status() const;  ///< as last published on this rank

 private:
  struct State;
  explicit RunFolder(std::unique_ptr<State> state);
  void write_first_files(const std::filesystem::path& place) const;
  std::string status_text() const;
  std::string state_on_disk() const noexcept;  // whichever rank wrote it; empty: unreadable
  std::string replace_status(const RunStatus& status, bool speak_for_root) noexcept;
  std::unique_ptr<State> state_;
};

/// Absolute, without "." and "..", which behind a symbolic link leads out of the link's target, and
/// without a "/" at its end. Local.
std::filesystem::path settled_path(const std::filesystem::path& path);

/// "2026-01-31T12:34:56Z". Local.
std::string utc_now();

/// Writes a whole file so that a reader sees the old or the new text, never a part: temporary name,
/// fsync, rename, fsync of the folder. Error(io) with path and reason. Local.
void write_file_atomically(const std::filesystem::path& path, const std::string& text);

}  // namespace fathom
