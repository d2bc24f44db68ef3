#include "store/output_folder.hpp"

#include "base/error.hpp"
#include "store/checkpoint.hpp"
#include "store/folder_lock.hpp"
#include "store/posix_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr const char* resolved_deck = "deck.resolved.toml";
constexpr std::array own_files = {resolved_deck, "run.h5",    "fathom.log",         "status.json",
                                  "STOP",        "deck.toml", FolderLock::file_name};
constexpr const char* checkpoint_name = "checkpoint";

bool is_partial(const std::string& name) {
  return std::ranges::any_of(
      own_files, [&](const std::string& own) { return name.starts_with(own + ".tmp-"); });
}

bool is_ours(const std::string& name) {
  return std::ranges::find(own_files, name) != own_files.end() || name == checkpoint_name ||
         is_partial(name);
}

/// Decks without a status, and the lock of who was about to write one. Who put a deck there
/// himself has no lock beside it.
bool only_begun(const std::vector<std::string>& names) {
  const auto first_file = [](const std::string& name) {
    return name == "deck.toml" || name == resolved_deck || name == FolderLock::file_name ||
           is_partial(name);
  };
  return std::ranges::find(names, FolderLock::file_name) != names.end() &&
         std::ranges::all_of(names, first_file);
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
    for (const std::string& name : folder_entries(folder))
      if (is_checkpoint_file(name) || name == FolderLock::file_name) remove_old(folder / name);
  fs::remove(folder, not_empty);
}

std::string beside_prefix(const fs::path& path) {
  return fmt::format(".{}.new-", path.filename().string());
}

/// No run takes so long from making such a folder to naming it: by its lock alone, one that has
/// just been made and is not locked yet would look like one that was left.
constexpr std::chrono::hours abandoned_after{1};

/// Those of processes that are gone.
void remove_left_beside(const fs::path& path) {
  for (const std::string& name : folder_entries(path.parent_path())) {
    if (!name.starts_with(beside_prefix(path))) continue;
    const fs::path left = path.parent_path() / name;
    std::error_code gone;
    const auto changed = fs::last_write_time(left, gone);
    if (gone || fs::file_time_type::clock::now() - changed < abandoned_after) continue;
    try {
      const FolderLock nobody_else(left);
    } catch (const Error&) {
      continue;
    }
    remove_beside(left);
  }
}

}  // namespace

void remove_partial_files(const fs::path& folder) {
  for (const std::string& name : folder_entries(folder))
    if (is_partial(name)) remove_old(folder / name);
}

void make_folder(const fs::path& path) {
  std::error_code problem;
  for (fs::path part = path;; part = part.parent_path()) {
    const auto status = fs::status(part, problem);
    if (status.type() == fs::file_type::directory) break;
    if (fs::exists(status))
      throw Error(ExitCode::io, "{}: the output folder cannot be made: {} is a file", path.string(),
                  part.string());
    if (fs::is_symlink(part, problem))
      throw Error(ExitCode::io,
                  "{}: the output folder cannot be made: {} is a symbolic link to {}, which is not "
                  "there",
                  path.string(), part.string(), fs::read_symlink(part, problem).string());
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

void refuse_existing(const fs::path& path) {
  std::error_code problem;
  if (!fs::is_directory(path, problem)) return;
  const std::vector<std::string> names = folder_entries(path);
  if (names.empty() || only_begun(names)) return;
  const bool ours = std::ranges::any_of(names, is_ours);
  const auto there = [&](const char* name) {
    return std::ranges::find(names, name) != names.end();
  };
  const char* what =
      !ours             ? "is a folder that is not empty"
      : there("run.h5") ? "holds the output of a run"
      : there("status.json")
          ? "holds a run that did not finish (status.json says why; go on with it by "
            "fathom resume)"
          : "holds files named as those of a run";
  throw Error(ExitCode::exists,
              "{}: {} and is not overwritten unless run.overwrite = true; or choose another "
              "run.output",
              path.string(), what);
}

void remove_own_files(const fs::path& path) {
  for (const char* name : own_files)
    if (name != std::string_view(FolderLock::file_name)) remove_old(path / name);
  remove_checkpoint(path / checkpoint_name);
  remove_partial_files(path);
}

bool holds_checkpoint(const fs::path& checkpoint_folder) {
  std::error_code problem;
  return fs::is_directory(checkpoint_folder, problem) &&
         std::ranges::any_of(folder_entries(checkpoint_folder), is_checkpoint_file);
}

std::optional<fs::path> make_beside(const fs::path& path) {
  std::error_code problem;
  if (fs::exists(fs::symlink_status(path, problem)) || !path.has_filename()) return std::nullopt;
  make_folder(path.parent_path());
  remove_left_beside(path);
  const fs::path beside = path.parent_path() / fmt::format("{}{}", beside_prefix(path), ::getpid());
  if (fs::create_directory(beside, problem)) return beside;
  if (problem) return std::nullopt;
  throw Error(ExitCode::exists, "{}: another run is about to begin in this folder", path.string());
}

bool name_beside(const fs::path& beside, const fs::path& path) {
  sync_folder(beside);
  std::error_code problem;
  fs::rename(beside, path, problem);
  if (problem == std::errc::directory_not_empty || problem == std::errc::file_exists ||
      problem == std::errc::not_a_directory)
    throw Error(ExitCode::exists, "{}: another run has begun in this folder", path.string());
  if (problem) return false;
  sync_folder(path.parent_path());
  return true;
}

void remove_beside(const fs::path& beside) noexcept {
  try {
    remove_own_files(beside);
    std::error_code ignored;
    fs::remove(beside / FolderLock::file_name, ignored);
    fs::remove(beside, ignored);
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace fathom
