#include "store/checkpoint.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "store/checkpoint_state.hpp"
#include "store/posix_file.hpp"
#include "store/record_file.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>

#include <fmt/ranges.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_ending = ".record", columns_ending = ".columns";
constexpr const char* identity_key = "identity";

bool is_key(std::string_view key) {
  return !key.empty() && key.front() != '.' && std::ranges::all_of(key, [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

std::string key_of(const std::string& name) {
  return name.substr(0, name.size() - record_ending.size());
}

void remove_file(const fs::path& path) {
  std::error_code problem;
  fs::remove(path, problem);
  if (problem)
    throw Error(ExitCode::io, "{}: cannot be removed: {}", path.string(), problem.message());
}

/// By its identity record.
bool is_of(const fs::path& folder, const Hash128& identity) {
  try {
    read_record(folder / fmt::format("{}{}", identity_key, record_ending), identity_key, identity);
    return true;
  } catch (const Error& error) {
    if (error.code() != ExitCode::input) throw;
    return false;
  }
}

}  // namespace

bool is_checkpoint_file(std::string_view name) {
  return name.ends_with(record_ending) || name.ends_with(columns_ending) ||
         name.ends_with(".record.tmp");
}

fs::path Checkpoint::State::record(std::string_view key) const {
  FATHOM_ASSERT(is_key(key), "'{}' is no key of a checkpoint", key);
  return folder / fmt::format("{}{}", key, record_ending);
}

fs::path Checkpoint::State::columns(std::string_view key, std::int64_t generation) const {
  FATHOM_ASSERT(is_key(key), "'{}' is no key of a checkpoint", key);
  return folder / fmt::format("{}.{}{}", key, generation, columns_ending);
}

Checkpoint::Checkpoint() = default;
Checkpoint::~Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;

Checkpoint Checkpoint::make(const RunFolder& run, const fs::path& folder,
                            const std::string& identity) {
  Checkpoint checkpoint;
  checkpoint.state_ = std::make_unique<State>();
  State& state = *checkpoint.state_;
  state.comm = &run.comm();
  state.identity = hash_bytes(identity);
  state.comm->agree([&] {
    fault_point("store.checkpoint_open");
    state.folder = settled_path(folder);
  });
  state.comm->agree_on_root([&] {
    std::error_code problem;
    fs::create_directories(state.folder, problem);
    if (problem)
      throw Error(ExitCode::io, "{}: the checkpoint's folder cannot be made: {}",
                  state.folder.string(), problem.message());
    state.lock.emplace(state.folder);
  });
  return checkpoint;
}

Checkpoint Checkpoint::begin(const RunFolder& run, const fs::path& folder,
                             const std::string& identity, bool overwrite) {
  Checkpoint checkpoint = make(run, folder, identity);
  const State& state = *checkpoint.state_;
  state.comm->agree_on_root([&] {
    for (const std::string& name : folder_entries(state.folder)) {
      if (!is_checkpoint_file(name)) continue;
      if (!overwrite)
        throw Error(ExitCode::exists,
                    "{}: holds the checkpoint of a run and is not overwritten unless "
                    "run.overwrite = true",
                    state.folder.string());
      remove_file(state.folder / name);
    }
    checkpoint.keep(identity_key, {{{"text", std::vector<std::string>{identity}}}});
  });
  return checkpoint;
}

Checkpoint Checkpoint::reopen(const RunFolder& run, const fs::path& folder,
                              const std::string& identity) {
  Checkpoint checkpoint = make(run, folder, identity);
  const State& state = *checkpoint.state_;
  state.comm->agree_on_root([&] {
    std::vector<std::string> faults, needed;
    bool known = false, any = false;
    const std::vector<std::string> names = folder_entries(state.folder);
    for (const std::string& name : names) {
      if (!name.ends_with(record_ending)) continue;
      const std::string key = key_of(name);
      any = true;
      known |= key == identity_key;
      try {
        const Record record = read_record(state.folder / name, key, state.identity);
        if (const std::optional<fs::path> columns = checkpoint.columns_of(key, record))
          needed.push_back(columns->filename().string());
      } catch (const Error& error) {
        if (error.code() != ExitCode::input) throw;
        faults.emplace_back(error.what());
      }
    }
    if (any && !known)
      faults.push_back(fmt::format("{}: is missing", state.record(identity_key).string()));
    if (!faults.empty())
      throw Error(ExitCode::input,
                  "{}: the checkpoint cannot be used ({} of its files; one that is removed is "
                  "computed again):\n  {}",
                  state.folder.string(), faults.size(), fmt::join(faults, "\n  "));
    for (const std::string& name : names)
      if (name.ends_with(".record.tmp") ||
          (name.ends_with(columns_ending) && std::ranges::find(needed, name) == needed.end()))
        remove_file(state.folder / name);
    if (!known) checkpoint.keep(identity_key, {{{"text", std::vector<std::string>{identity}}}});
  });
  return checkpoint;
}

std::optional<std::string> Checkpoint::identity_text(const Communicator& comm,
                                                     const fs::path& folder) {
  std::string text;
  if (comm.root()) {
    try {
      const Record record = read_record(folder / fmt::format("{}{}", identity_key, record_ending),
                                        identity_key, std::nullopt);
      text = record.one<std::string>("text");
    } catch (const Error&) {
      text.clear();
    }
  }
  comm.broadcast(text);
  return text.empty() ? std::nullopt : std::optional(text);
}

void Checkpoint::keep(std::string_view key, const Record& record) const {
  if (!on()) return;
  for (const auto& [name, array] : record.values)
    FATHOM_ASSERT(is_key(name), "'{}' is no name in a record", name);
  write_record(state_->record(key), std::string(key), state_->identity, record);
}

std::optional<Record> Checkpoint::find(std::string_view key) {
  if (!on()) return std::nullopt;
  const fs::path path = state_->record(key);
  std::error_code problem;
  const fs::file_status status = fs::status(path, problem);
  if (status.type() == fs::file_type::not_found) return std::nullopt;
  if (status.type() == fs::file_type::none)
    throw Error(ExitCode::io, "{}: cannot be reached: {}", path.string(), problem.message());
  Record record = read_record(path, std::string(key), state_->identity);
  note_reuse(key);
  return record;
}

void Checkpoint::note_reuse(std::string_view key) {
  if (std::ranges::find(reused_, key) == reused_.end()) reused_.emplace_back(key);
}

std::vector<std::string> Checkpoint::keys(std::string_view prefix) const {
  std::vector<std::string> found;
  if (!on()) return found;
  for (const std::string& name : folder_entries(state_->folder))
    if (name.ends_with(record_ending) && name.starts_with(prefix)) {
      const std::string key = key_of(name);
      if (key != identity_key && key.starts_with(prefix)) found.push_back(key);
    }
  return found;
}

void Checkpoint::drop(std::string_view prefix) const {
  if (!on() || !state_->comm->root()) return;
  // Records first: a matrix without its record is nothing, a record without its matrix a fault.
  for (const std::string& key : keys(prefix))
    remove_file(state_->record(key));
  for (const std::string& name : folder_entries(state_->folder))
    if (name.ends_with(columns_ending) && name.starts_with(prefix))
      remove_file(state_->folder / name);
}

void Checkpoint::remove() noexcept {
  if (!on()) return;
  try {
    state_->comm->barrier();
    if (state_->comm->root()) {
      const fs::path identity = state_->record(identity_key);
      for (const std::string& name : folder_entries(state_->folder)) {
        fault_point("store.checkpoint_remove");
        if (is_checkpoint_file(name) && name != identity.filename())
          remove_file(state_->folder / name);
      }
      // Last, so that what is left of a killed run still tells whose it is.
      remove_file(identity);
      state_->lock.reset();
      std::error_code not_empty;
      fs::remove(state_->folder, not_empty);
    }
  } catch (const std::exception&) {
    // What is left takes space and nothing else.
  }
  state_.reset();
}

bool Checkpoint::remove_left(const RunFolder& run, const fs::path& folder,
                             const std::string& identity) {
  bool left = false;
  run.comm().agree_on_root([&] {
    std::error_code problem;
    if (!fs::is_directory(folder, problem)) return;
    left = fs::equivalent(folder, run.checkpoint_folder(), problem) ||
           is_of(folder, hash_bytes(identity));
  });
  if (run.comm().max(std::int64_t{left}) == 0) return false;
  make(run, folder, identity).remove();
  return true;
}

}  // namespace fathom
