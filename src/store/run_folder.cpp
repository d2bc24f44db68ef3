#include "store/run_folder.hpp"

#include "base/fault.hpp"
#include "store/folder_lock.hpp"
#include "store/output_folder.hpp"
#include "store/posix_file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  const PosixFile file = PosixFile::open(path, PosixFile::Mode::read);
  return file.read_start(file.size());
}

std::string slurm_job() {
  const char* job = std::getenv("SLURM_JOB_ID");
  return job ? job : "";
}

/// With the one of this process behind them, unless it is the last already.
std::string with_this_job(const std::string& jobs) {
  const std::string job = slurm_job();
  if (job.empty() || jobs == job || jobs.ends_with(" " + job)) return jobs;
  return jobs.empty() ? job : jobs + " " + job;
}

/// Of a status that is about to be replaced, whatever state it is in.
std::string jobs_told(const fs::path& status_file) noexcept {
  try {
    return nlohmann::json::parse(text_of(status_file)).value("jobs", "");
  } catch (const std::exception&) {
    return "";
  }
}

struct FoundStatus {
  RunStatus status;
  std::string started, jobs;
};

/// Error(input) where the text is no status of ours.
FoundStatus parse_status(const std::string& text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    return {{.state = json.at("state"),
             .phase = json.at("phase"),
             .exit_code = json.at("exit_code"),
             .message = json.at("message"),
             .points_done = json.at("progress").at("points_done"),
             .points_total = json.at("progress").at("points_total"),
             .files = json.at("files")},
            json.at("started"),
            json.value("jobs", "")};
  } catch (const nlohmann::json::exception& fault) {
    throw Error(ExitCode::input, "is damaged: {}", fault.what());
  }
}

/// The last word of a run that has a result; a diverged one has a code of its own.
bool is_over(const RunStatus& status) {
  return status.state == "finished" ||
         (status.state == "failed" && status.exit_code == static_cast<int>(ExitCode::numeric));
}

/// A write past a size limit shall fail with a reason, not kill the process.
void let_size_limits_fail() {
  struct sigaction now {};
  if (::sigaction(SIGXFSZ, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
    std::signal(SIGXFSZ, SIG_IGN);
}

/// Held while status.json is read and replaced, so that a rank's last word is not lost between the
/// two. It is waited for a second at most: the rank that has it may be stuck in its write.
class StatusTurn {
 public:
  explicit StatusTurn(const fs::path& folder) noexcept {
    constexpr int tries = 100;
    constexpr useconds_t pause = 10'000;
    try {
      folder_ = PosixFile::open(folder, PosixFile::Mode::folder);
      for (int i = 0; i < tries; ++i) {
        if (::flock(folder_.descriptor(), LOCK_EX | LOCK_NB) == 0) return;
        if (errno != EWOULDBLOCK && errno != EINTR) return;  // no locks on this file system
        ::usleep(pause);
      }
    } catch (const std::exception&) {
      return;  // the write itself will say what is wrong with the folder
    }
  }

 private:
  PosixFile folder_;  // closing it gives the turn back
};

}  // namespace

struct RunFolder::State {
  fs::path path;
  fs::path beside;  // where the folder is made; empty: in its place
  const Communicator* comm = nullptr;
  std::optional<FolderLock> lock;
  RunStatus status;
  RunStatus found;
  std::string found_text;  // empty: there was none
  bool has_result = false;
  std::string started;
  std::string jobs;  // of Slurm that had a part in the run, in their order
  std::string deck_text, resolved_deck_text;

  State() = default;
  ~State() {
    lock.reset();
    if (!beside.empty()) remove_beside(beside);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Takes the place for a new run, beside its name where there is none of that name yet.
  void take(bool overwrite) {
    if (!overwrite) refuse_existing(path);
    if (auto made = make_beside(path)) beside = std::move(*made);
    if (beside.empty()) make_folder(path);
    fault_point("store.begin_output");
    lock.emplace(beside.empty() ? path : beside);
    fault_point("store.begin_output");
    // Once more under the lock: another run may have finished in between.
    if (!overwrite) refuse_existing(path);
  }

  /// Gives a folder that was made beside its name. False where the file system cannot do that:
  /// then an empty one is taken in its place.
  bool settle(bool overwrite) {
    if (name_beside(beside, path)) {
      lock->moved_to(path);
      beside.clear();
      fault_point("store.begin_output");
      return true;
    }
    lock.reset();
    remove_beside(std::exchange(beside, {}));
    make_folder(path);
    lock.emplace(path);
    if (!overwrite) refuse_existing(path);
    return false;
  }
};

RunFolder::RunFolder(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunFolder::~RunFolder() = default;
RunFolder::RunFolder(RunFolder&&) noexcept = default;
RunFolder& RunFolder::operator=(RunFolder&&) noexcept = default;

RunFolder RunFolder::open(const Communicator& comm, const fs::path& path, bool overwrite,
                          const std::string& deck_text, const std::string& resolved_deck_text) {
  RunFolder folder(std::make_unique<State>());
  State& state = *folder.state_;
  state.comm = &comm;
  state.started = utc_now();
  comm.agree([&] {
    fault_point("store.open_output");
    state.path = settled_path(path);
  });
  comm.agree_on_root([&] {
    let_size_limits_fail();
    state.take(overwrite);
  });
  state.deck_text = deck_text;
  state.resolved_deck_text = resolved_deck_text;
  // Only now, when every rank is well, what was there is given up.
  comm.agree_on_root([&] {
    const bool in_place = state.beside.empty();
    // Where a run is replaced its jobs are told on: a later start of one sees that it was here.
    state.jobs = with_this_job(in_place ? jobs_told(folder.status_file()) : "");
    if (in_place) remove_own_files(state.path);
    state.status.phase = "start";
    try {
      folder.write_first_files(in_place ? state.path : state.beside);
      if (!in_place && !state.settle(overwrite)) folder.write_first_files(state.path);
    } catch (const Error&) {
      if (in_place) remove_own_files(state.path);
      throw;
    }
  });
  return folder;
}

/// The status last: with it the folder is one of a run.
void RunFolder::write_first_files(const fs::path& place) const {
  write_file_atomically(place / "deck.toml", state_->deck_text);
  fault_point("store.begin_output");
  write_file_atomically(place / "deck.resolved.toml", state_->resolved_deck_text);
  fault_point("store.begin_output");
  write_file_atomically(place / "status.json", status_text());
  fault_point("store.begin_output");
}

RunFolder RunFolder::reopen(const Communicator& comm, const fs::path& path) {
  RunFolder folder(std::make_unique<State>());
  State& state = *folder.state_;
  state.comm = &comm;
  comm.agree([&] {
    fault_point("store.open_output");
    state.path = settled_path(path);
  });
  comm.agree_on_root([&] {
    let_size_limits_fail();
    std::error_code problem;
    if (!fs::is_directory(state.path, problem))
      throw Error(ExitCode::input, "{}: is no folder of a run", state.path.string());
    for (const char* name : {"deck.toml", "deck.resolved.toml"})
      if (!fs::exists(state.path / name, problem))
        throw Error(ExitCode::input, "{}: is no folder of a run: it holds no {}{}",
                    state.path.string(), name,
                    fs::exists(state.path / FolderLock::file_name, problem)
                        ? "; what was killed there before it had its decks is begun again by "
                          "fathom run"
                        : "");
    state.lock.emplace(state.path);
    state.has_result = fs::exists(folder.run_file(), problem);
    state.started = utc_now();
    try {
      // A run that was killed before its first word has its decks and nothing to tell.
      if (fs::exists(folder.status_file(), problem)) {
        state.found_text = text_of(folder.status_file());
        FoundStatus found = parse_status(state.found_text);
        state.found = std::move(found.status);
        state.started = std::move(found.started);
        state.jobs = std::move(found.jobs);
      }
    } catch (const Error& error) {
      throw Error(error.code(), "{}: {}", folder.status_file().string(), error.what());
    }
    if (state.has_result && is_over(state.found) && !holds_checkpoint(folder.checkpoint_folder()))
      throw Error(ExitCode::exists,
                  "{}: holds the result of a finished run: there is nothing to resume",
                  state.path.string());
    state.deck_text = text_of(state.path / "deck.toml");
    state.resolved_deck_text = text_of(state.path / "deck.resolved.toml");
    remove_partial_files(state.path);
    state.jobs = with_this_job(state.jobs);
    state.status.phase = "resume";
    state.status.points_done = state.found.points_done;
    state.status.points_total = state.found.points_total;
    const std::string trouble = folder.publish(state.status);
    if (!trouble.empty()) throw Error(ExitCode::io, trouble);
  });
  comm.broadcast(state.deck_text);
  comm.broadcast(state.resolved_deck_text);
  state.has_result = comm.max(std::int64_t{state.has_result}) != 0;
  return folder;
}

const std::string& RunFolder::deck_text() const {
  return state_->deck_text;
}
const std::string& RunFolder::resolved_deck_text() const {
  return state_->resolved_deck_text;
}
const RunStatus& RunFolder::status_found() const {
  return state_->found;
}
bool RunFolder::has_result() const {
  return state_->has_result;
}

const fs::path& RunFolder::path() const {
  return state_->path;
}
const Communicator& RunFolder::comm() const {
  return *state_->comm;
}
const RunStatus& RunFolder::status() const {
  return state_->status;
}

std::string RunFolder::state_on_disk() const noexcept {
  try {
    std::ifstream file(status_file());
    return nlohmann::json::parse(file).at("state").get<std::string>();
  } catch (const std::exception&) {
    return {};
  }
}

std::string RunFolder::publish(const RunStatus& status, bool speak_for_root) noexcept {
  const StatusTurn turn(path());
  return replace_status(status, speak_for_root);
}

bool RunFolder::publish_in_progress(const RunStatus& status) noexcept {
  const StatusTurn turn(path());
  const std::string told = state_on_disk();
  if (!told.empty() && told != state_->status.state) return false;
  replace_status(status, false);
  return true;
}

bool RunFolder::give_back_status() noexcept {
  if (state_->found_text.empty() || state_->found.state == "running") return false;
  const StatusTurn turn(path());
  try {
    write_file_atomically(status_file(), state_->found_text);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::string RunFolder::status_text() const {
  const RunStatus& status = state_->status;
  // JSON has no infinity: null where there is no wall limit.
  nlohmann::ordered_json seconds_left;
  if (std::isfinite(status.seconds_left)) seconds_left = std::round(status.seconds_left);
  const nlohmann::ordered_json json = {
      {"state", status.state},
      {"phase", status.phase},
      {"exit_code", status.exit_code},
      {"message", status.message},
      {"stop_requested", status.stop_requested},
      {"started", state_->started},
      {"updated", utc_now()},
      {"ranks", state_->comm->size()},
      {"host", host_name()},
      {"pid", static_cast<std::int64_t>(::getpid())},
      {"jobs", state_->jobs},
      {"progress",
       {{"points_done", status.points_done},
        {"points_total", status.points_total},
        {"phase_seconds", std::round(status.phase_seconds * 10) / 10},
        {"phase_done", status.phase_done},
        {"phase_total", status.phase_total}}},
      {"seconds_left", seconds_left},
      {"files", status.files},
  };
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string RunFolder::replace_status(const RunStatus& status, bool speak_for_root) noexcept {
  try {
    state_->status = status;
    if (!state_->comm->root() && !speak_for_root) return {};
    write_file_atomically(status_file(), status_text());
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

fs::path settled_path(const fs::path& path) {
  std::error_code problem;
  fs::path whole = fs::absolute(path, problem);
  if (std::ranges::find(whole, fs::path("..")) != whole.end()) {
    const fs::path real = fs::weakly_canonical(whole, problem);
    if (!problem) whole = real;
  }
  whole = whole.lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

std::string utc_now() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

void write_file_atomically(const fs::path& path, const std::string& text) {
  const fs::path partial = path.string() + fmt::format(".tmp-{}", ::getpid());
  try {
    PosixFile file = PosixFile::open(partial, PosixFile::Mode::write_new);
    file.write_all(text);
    file.sync();
    file.close();
    replace_by(partial, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    throw;
  }
}

}  // namespace fathom
