#include "store/run_folder.hpp"

#include "base/fault.hpp"
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

#include <fcntl.h>
#include <fmt/chrono.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr std::array own_files = {"run.h5",    "fathom.log",         "status.json", "STOP",
                                  "deck.toml", "deck.resolved.toml", ".fathom.lock"};
constexpr const char* partial_prefix = "run.h5.tmp-";

bool is_ours(const std::string& name) {
  return std::ranges::find(own_files, name) != own_files.end() || name.starts_with(partial_prefix);
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

/// Held by flock for as long as the process lives, so that a killed run leaves no stale lock; the
/// text inside tells a refused run who holds it.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& path) : path_(path) {
    for (;;) {
      file_ = PosixFile::open(path_, PosixFile::Mode::read_write);
      if (::flock(file_.descriptor(), LOCK_EX | LOCK_NB) != 0) refuse(errno);
      // The holder before may have removed the file between open and lock.
      struct stat here {
      }, there{};
      if (::fstat(file_.descriptor(), &here) == 0 && ::stat(path_.c_str(), &there) == 0 &&
          here.st_ino == there.st_ino)
        break;
    }
    if (::ftruncate(file_.descriptor(), 0) != 0)
      throw Error(ExitCode::io, "{}: cannot be written: {}", path_.string(), errno_text(errno));
    file_.write_all(fmt::format("pid {} on {} since {}\n", ::getpid(), host_name(), utc_now()));
  }
  ~FolderLock() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  void refuse(int error) const {
    if (error == EINTR) return;
    // Without locks on this file system only the check for an existing output protects.
    if (error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP) return;
    if (error != EWOULDBLOCK)
      throw Error(ExitCode::io, "{}: cannot be locked: {}", path_.string(), errno_text(error));
    std::string holder = file_.read_start(200);
    while (!holder.empty() && holder.back() == '\n')
      holder.pop_back();
    throw Error(ExitCode::exists, "{}: another run is writing into this folder ({})",
                path_.parent_path().string(), holder.empty() ? "unknown process" : holder);
  }
  fs::path path_;
  PosixFile file_;
};

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

void remove_own_files(const fs::path& path) {
  for (const std::string& name : entries(path)) {
    if (!is_ours(name) || name == ".fathom.lock") continue;
    std::error_code problem;
    fs::remove(path / name, problem);
    if (problem)
      throw Error(ExitCode::io, "{}: the old file cannot be removed: {}", (path / name).string(),
                  problem.message());
  }
}

/// A write past a size limit shall fail with a reason, not kill the process.
void let_size_limits_fail() {
  struct sigaction now {};
  if (::sigaction(SIGXFSZ, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
    std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace

struct RunFolder::State {
  fs::path path;
  const Communicator* comm = nullptr;
  std::optional<FolderLock> lock;
  RunStatus status;
  std::string started;
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
    state.lock.emplace(state.path / ".fathom.lock");
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
  return folder;
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
    std::error_code problem;
    fs::rename(partial, path, problem);
    if (problem)
      throw Error(ExitCode::io, "{}: cannot be renamed to {}: {}", partial.string(),
                  path.filename().string(), problem.message());
    sync_folder(path.parent_path());
  } catch (...) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    throw;
  }
}

}  // namespace fathom
