#include "store/run_folder.hpp"

#include "base/fault.hpp"
#include "store/checkpoint.hpp"
#include "store/folder_lock.hpp"
#include "store/posix_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <optional>
#include <system_error>

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr std::array own_files = {"run.h5",    "fathom.log",         "status.json", "STOP",
                                  "deck.toml", "deck.resolved.toml", ".fathom.lock"};
constexpr const char* checkpoint_name = "checkpoint";

/// What a killed run was writing: one of our names and ".tmp-" with its process.
bool is_partial(const std::string& name) {
  return std::ranges::any_of(
      own_files, [&](const std::string& own) { return name.starts_with(own + ".tmp-"); });
}

bool is_ours(const std::string& name) {
  return std::ranges::find(own_files, name) != own_files.end() || name == checkpoint_name ||
         is_partial(name);
}

void make_folder(const fs::path& path) {
  std::error_code problem;
  for (fs::path part = path;; part = part.parent_path()) {
    const auto status = fs::status(part, problem);
    if (status.type() == fs::file_type::directory) break;
    if (fs::exists(status))
      throw Error(ExitCode::io, "{}: the output folder cannot be made: {} is a file", path.string(),
                  part.string());
    if (part == part.parent_path()) break;
  }
  fs::create_directories(path, problem);
  if (problem)
    throw Error(ExitCode::io, "{}: the output folder cannot be made: {}", path.string(),
                problem.message());
  if (::access(path.c_str(), W_OK | X_OK) != 0)
    throw Error(ExitCode::io, "{}: the output folder is not writable: {}", path.string(),
                errno_text(errno));
}

std::vector<std::string> entries(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator it(path, problem), end; !problem && it != end; it.increment(problem))
    names.push_back(it->path().filename().string());
  if (problem)
    throw Error(ExitCode::io, "{}: the output folder cannot be listed: {}", path.string(),
                problem.message());
  return names;
}

void refuse_existing(const fs::path& path) {
  std::error_code problem;
  if (!fs::is_directory(path, problem)) return;
  const std::vector<std::string> names = entries(path);
  for (const std::string& name : names) {
    if (name == ".fathom.lock") continue;
    const bool ours = std::ranges::any_of(names, is_ours);
    const bool finished = std::ranges::find(names, "run.h5") != names.end();
    const char* what = !ours      ? "is a folder that is not empty"
                       : finished ? "holds the output of a run"
                                  : "holds a run that did not finish (status.json says why)";
    throw Error(ExitCode::exists,
                "{}: {} and is not overwritten unless run.overwrite = true; or choose another "
                "run.output",
                path.string(), what);
  }
}

void remove_old(const fs::path& path) {
  std::error_code problem;
  fs::remove(path, problem);
  if (problem)
    throw Error(ExitCode::io, "{}: the old file cannot be removed: {}", path.string(),
                problem.message());
}

/// The checkpoint's files, and its folder where nothing else is in it.
void remove_checkpoint(const fs::path& folder) {
  std::error_code not_empty;
  if (fs::is_directory(folder, not_empty))
    for (const std::string& name : entries(folder))
      if (is_checkpoint_file(name) || name == FolderLock::file_name) remove_old(folder / name);
  fs::remove(folder, not_empty);
}

void remove_own_files(const fs::path& path) {
  for (const std::string& name : entries(path))
    if (name == checkpoint_name)
      remove_checkpoint(path / name);
    else if (is_ours(name) && name != FolderLock::file_name)
      remove_old(path / name);
}

std::string text_of(const fs::path& path) {
  const PosixFile file = PosixFile::open(path, PosixFile::Mode::read);
  return file.read_start(file.size());
}

/// Error(input) where the text is no status of ours.
RunStatus parse_status(const std::string& text, std::string& started) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    started = json.at("started");
    return {.state = json.at("state"),
            .phase = json.at("phase"),
            .exit_code = json.at("exit_code"),
            .message = json.at("message"),
            .points_done = json.at("progress").at("points_done"),
            .points_total = json.at("progress").at("points_total"),
            .files = json.at("files")};
  } catch (const nlohmann::json::exception& fault) {
    throw Error(ExitCode::input, "is damaged: {}", fault.what());
  }
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
  const Communicator* comm = nullptr;
  std::optional<FolderLock> lock;
  RunStatus status;
  RunStatus found;
  std::string started;
  std::string deck_text, resolved_deck_text;
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
    std::error_code problem;
    state.path = fs::absolute(path, problem).lexically_normal();
  });
  comm.agree_on_root([&] {
    let_size_limits_fail();
    if (!overwrite) refuse_existing(state.path);
    make_folder(state.path);
    state.lock.emplace(state.path);
    // Once more under the lock: another run may have finished in between.
    if (!overwrite) refuse_existing(state.path);
  });
  // Only now, when every rank is well, what was there is given up.
  comm.agree_on_root([&] {
    remove_own_files(state.path);
    state.status.phase = "start";
    try {
      write_file_atomically(state.path / "deck.toml", deck_text);
      write_file_atomically(state.path / "deck.resolved.toml", resolved_deck_text);
      const std::string trouble = folder.publish(state.status);
      if (!trouble.empty()) throw Error(ExitCode::io, trouble);
    } catch (const Error&) {
      remove_own_files(state.path);
      throw;
    }
  });
  state.deck_text = deck_text;
  state.resolved_deck_text = resolved_deck_text;
  return folder;
}

RunFolder RunFolder::reopen(const Communicator& comm, const fs::path& path) {
  RunFolder folder(std::make_unique<State>());
  State& state = *folder.state_;
  state.comm = &comm;
  comm.agree([&] {
    fault_point("store.open_output");
    std::error_code problem;
    state.path = fs::absolute(path, problem).lexically_normal();
  });
  comm.agree_on_root([&] {
    let_size_limits_fail();
    std::error_code problem;
    if (!fs::is_directory(state.path, problem))
      throw Error(ExitCode::input, "{}: is no folder of a run", state.path.string());
    for (const char* name : {"deck.toml", "deck.resolved.toml", "status.json"})
      if (!fs::exists(state.path / name, problem))
        throw Error(ExitCode::input, "{}: is no folder of a run: it holds no {}",
                    state.path.string(), name);
    state.lock.emplace(state.path);
    if (fs::exists(folder.run_file(), problem))
      throw Error(ExitCode::exists,
                  "{}: holds the result of a finished run: there is nothing to resume",
                  state.path.string());
    state.deck_text = text_of(state.path / "deck.toml");
    state.resolved_deck_text = text_of(state.path / "deck.resolved.toml");
    try {
      state.found = parse_status(text_of(folder.status_file()), state.started);
    } catch (const Error& error) {
      throw Error(error.code(), "{}: {}", folder.status_file().string(), error.what());
    }
    for (const std::string& name : entries(state.path))
      if (is_partial(name)) remove_old(state.path / name);
    state.status.phase = "resume";
    state.status.points_done = state.found.points_done;
    state.status.points_total = state.found.points_total;
    const std::string trouble = folder.publish(state.status);
    if (!trouble.empty()) throw Error(ExitCode::io, trouble);
  });
  comm.broadcast(state.deck_text);
  comm.broadcast(state.resolved_deck_text);
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

std::string RunFolder::replace_status(const RunStatus& status, bool speak_for_root) noexcept {
  try {
    state_->status = status;
    if (!state_->comm->root() && !speak_for_root) return {};
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
        {"progress",
         {{"points_done", status.points_done},
          {"points_total", status.points_total},
          {"phase_seconds", std::round(status.phase_seconds * 10) / 10},
          {"phase_done", status.phase_done},
          {"phase_total", status.phase_total}}},
        {"seconds_left", seconds_left},
        {"files", status.files},
    };
    write_file_atomically(
        status_file(),
        json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
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
