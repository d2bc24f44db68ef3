#include "store/run_file.hpp"

#include "base/fault.hpp"
#include "bindings/hdf5.hpp"
#include "dist/operations.hpp"
#include "store/journal.hpp"
#include "store/posix_file.hpp"
#include "store/seal.hpp"
#include "store/written_values.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <system_error>

#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t panel_bytes = std::int64_t{128} << 20;

std::string join(const std::string& group, std::string_view name) {
  return fmt::format("{}/{}", group == "/" ? "" : group, name);
}

}  // namespace

struct RunFile::State {
  const RunFolder& folder;
  const Communicator& comm;
  fs::path partial;
  hdf5::Object file;
  FileIdentity identity;
  std::optional<Error> failure;
  std::vector<WrittenDataset> datasets;
  std::map<std::pair<std::string, std::string>, AttributeValue> attributes;
  std::map<std::string, std::int64_t> scale_length;
  Journal journal;
  bool noting = false;
  bool renamed = false;

  explicit State(const RunFolder& f) : folder(f), comm(f.comm()) {}
  ~State() { discard(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Removes the temporary file unless it became the result.
  void discard() noexcept;

  /// Runs the action on rank 0 unless something failed before, and keeps what it throws.
  template <class Action>
  void record(const std::string& what, Action&& action) {
    if (!comm.root() || failure) return;
    try {
      fault_point("store.write");
      action();
    } catch (const hdf5::Failure& error) {
      failure =
          Error(ExitCode::io, "{}: writing {} failed: {}", partial.string(), what, error.what());
    } catch (const Error& error) {
      failure = error;
    } catch (const std::bad_alloc&) {
      failure = Error(ExitCode::no_fit, "no memory left while writing {}", what);
    }
  }
  /// Part of an action that is done: on rank 0, and only where nothing failed.
  template <class... Given>
  void note(Journal::Call call, const Given&... given) {
    if (!noting) return;
    journal.begin(call);
    (journal.put(given), ...);
  }
  void throw_failure() const {
    if (failure) throw *failure;
  }
  void make_groups(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      if (!hdf5::exists(file, part)) hdf5::create_group(file, part);
      if (end == std::string::npos) break;
    }
  }
  std::int64_t length_of(const std::string& scale) const {
    const auto found = scale_length.find(scale);
    FATHOM_ASSERT(found != scale_length.end(), "no scale {}", scale);
    return found->second;
  }
  void attach(const hdf5::Object& dataset, const std::string& group,
              const std::vector<std::string>& scales) const {
    for (std::size_t axis = 0; axis < scales.size(); ++axis)
      hdf5::attach_scale(dataset, hdf5::open_dataset(file, join(group, scales[axis])),
                         static_cast<int>(axis));
  }
  void write_manifest(const RunGroup& group);
  void verify() const;
  void verify_attributes(const hdf5::Object& again) const;
  void seal();
  void publish();
};

RunGroup RunGroup::group(std::string_view name) const {
  if (name.empty()) return *this;
  RunGroup child(file_, join(path_, name));
  RunFile::State& state = *file_->state_;
  state.record(child.path_, [&] {
    state.make_groups(child.path_);
    state.note(Journal::Call::group, child.path_);
  });
  return child;
}

void RunGroup::scale(std::string_view name, Values values) const {
  RunFile::State& state = *file_->state_;
  const std::string path = join(path_, name);
  state.record(path, [&] {
    const std::int64_t length = length_of(values);
    const hdf5::Object dataset = write_dataset(state.file, path, values, std::array{length});
    hdf5::make_scale(dataset, std::string(name));
    state.scale_length[path] = length;
    state.datasets.push_back({path, type_of(values), {length}, {{length, hash_of(values)}}});
    state.note(Journal::Call::scale, path_, std::string(name), values);
  });
}

void RunGroup::counting_scale(std::string_view name, std::int64_t count) const {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    numbers[static_cast<std::size_t>(i)] = i + 1;
  scale(name, numbers);
}

void RunGroup::variable(std::string_view name, Values values,
                        std::vector<std::string> scales) const {
  RunFile::State& state = *file_->state_;
  const std::string path = join(path_, name);
  state.record(path, [&] {
    FATHOM_ASSERT(scales.size() == 1 || scales.size() == 2, "{} over {} scales", path,
                  scales.size());
    std::vector<std::int64_t> shape;
    std::int64_t size = 1;
    for (const std::string& scale : scales) {
      shape.push_back(state.length_of(join(path_, scale)));
      size *= shape.back();
    }
    FATHOM_ASSERT(size == length_of(values), "{} holds {} values for {}", path, length_of(values),
                  size);
    const hdf5::Object dataset = write_dataset(state.file, path, values, shape);
    state.attach(dataset, path_, scales);
    state.datasets.push_back({path, type_of(values), shape, {{shape[0], hash_of(values)}}});
    state.note(Journal::Call::variable, path_, std::string(name), values, scales);
  });
}

void RunGroup::attribute(std::string_view name, const AttributeValue& value) const {
  RunFile::State& state = *file_->state_;
  state.record(path_ + "@" + std::string(name), [&] {
    write_attribute_value(hdf5::open_group(state.file, path_), std::string(name), value);
    state.attributes[{path_, std::string(name)}] = value;
    state.note(Journal::Call::attribute, path_, std::string(name), value);
  });
}

void RunGroup::attribute_of(std::string_view variable, std::string_view name,
                            const AttributeValue& value) const {
  RunFile::State& state = *file_->state_;
  const std::string path = join(path_, variable);
  state.record(path + "@" + std::string(name), [&] {
    write_attribute_value(hdf5::open_dataset(state.file, path), std::string(name), value);
    state.attributes[{path, std::string(name)}] = value;
    state.note(Journal::Call::attribute_of, path_, std::string(variable), std::string(name), value);
  });
}

void RunGroup::columns(std::string_view name, const DistMatrix& matrix,
                       std::vector<std::string> scales, std::string_view kept_as) const {
  RunFile::State& state = *file_->state_;
  const Communicator& comm = matrix.grid().parent();
  FATHOM_ASSERT(comm.size() == state.comm.size() && comm.rank() == state.comm.rank(),
                "a matrix of {} ranks in the file of {}", comm.size(), state.comm.size());
  const std::string path = join(path_, name);
  const std::int64_t n = matrix.rows(), count = matrix.cols();
  WrittenDataset written{path, hdf5::Type::float64, {count, n}, {}};
  hdf5::Object dataset;
  const auto agreed = [&](auto&& action) {
    state.record(path, action);
    comm.agree([&] {
      fault_point("store.write");
      state.throw_failure();
    });
  };
  agreed([&] {
    FATHOM_ASSERT(scales.size() == 2 && state.length_of(join(path_, scales[0])) == count &&
                      state.length_of(join(path_, scales[1])) == n,
                  "{} of {} x {} over other scales", path, count, n);
    FATHOM_ASSERT(!state.noting || !kept_as.empty(), "{} cannot be noted without its key", path);
    dataset = hdf5::create_dataset(state.file, path, hdf5::Type::float64, written.shape, true);
    state.attach(dataset, path_, scales);
    hdf5::flush(state.file);
    PosixFile::open(state.partial, PosixFile::Mode::read_write)
        .reserve(hdf5::file_offset(dataset), 8 * n * count);
  });
  const std::int64_t width = std::clamp<std::int64_t>(panel_bytes / (8 * n), 1, count);
  const ProcessGrid root_only(comm, {1, 1});
  DistMatrix panel = DistMatrix::make(root_only, n, width, n, width);
  for (std::int64_t first = 0; first < count; first += width) {
    const std::int64_t now = std::min(width, count - first);
    redistribute_block(matrix, GlobalIndex(0), GlobalIndex(first), panel, GlobalIndex(0),
                       GlobalIndex(0), n, now);
    agreed([&] {
      const double* data = panel.local().data;
      hdf5::write_block(dataset, hdf5::Type::float64, std::array{first, std::int64_t{0}},
                        std::array{now, n}, data);
      written.parts.push_back({now, hash_of(std::span(data, static_cast<std::size_t>(now * n)))});
    });
  }
  state.datasets.push_back(std::move(written));
  if (comm.root())
    state.note(Journal::Call::columns, path_, std::string(name), std::string(kept_as), scales, n,
               count);
}

RunFile::RunFile(const RunFolder& folder) : state_(std::make_unique<State>(folder)) {
  State& state = *state_;
  state.partial = folder.run_file().string() + ".tmp-" + std::to_string(::getpid());
  state.record("the file", [&] {
    state.file = hdf5::create_file(state.partial);
    state.identity = identity_of(state.partial);
  });
  settle();
}

RunFile::~RunFile() = default;

RunGroup RunFile::root() {
  return {this, "/"};
}

const Communicator& RunFile::comm() const {
  return state_->comm;
}

void RunFile::keep_journal() {
  state_->noting = true;
}

bool RunFile::pause_journal() {
  return std::exchange(state_->noting, false);
}

Record RunFile::take_journal() {
  return state_->journal.take();
}

void RunFile::settle() {
  State& state = *state_;
  state.record("the file", [&] {
    hdf5::flush(state.file);
    // Writing to a file whose folder was removed succeeds until the end of the run, for nothing.
    if (identity_of(state.partial) != state.identity)
      throw Error(ExitCode::io, "{}: was replaced by another file", state.partial.string());
  });
  state.comm.agree([&] {
    fault_point("store.write");
    state.throw_failure();
  });
}

void RunFile::State::discard() noexcept {
  if (!comm.root() || renamed) return;
  std::error_code ignored;
  if (failure) {
    // A file that could not be written cannot be closed cleanly either. Its space is given back all
    // the same: the status still has to be written.
    file.leak();
    fs::resize_file(partial, 0, ignored);
  }
  file.reset();
  fs::remove(partial, ignored);
}

void RunFile::State::write_manifest(const RunGroup& group) {
  std::vector<std::string> paths, hashes;
  for (const WrittenDataset& written : datasets) {
    std::string text;
    for (const WrittenDataset::Part& part : written.parts)
      text += fmt::format("{}{:016x}", text.empty() ? "" : " ", part.hash);
    paths.push_back(written.path);
    hashes.push_back(text);
  }
  group.attribute("algorithm", "XXH3 64-bit of the little-endian values, by panels where several");
  group.attribute("sealed", 1);
  group.counting_scale("entry", std::ssize(paths));
  group.variable("path", paths, {"entry"});
  group.variable("hash", hashes, {"entry"});
}

void RunFile::State::verify() const {
  const hdf5::Object again = hdf5::open_file(partial);
  for (const WrittenDataset& written : datasets)
    if (!reads_back(again, written))
      throw Error(ExitCode::io, "{}: {} does not read back as it was written", partial.string(),
                  written.path);
  verify_attributes(again);
}

void RunFile::State::verify_attributes(const hdf5::Object& again) const {
  for (const auto& [key, value] : attributes)
    if (!reads_back(again, key.first, key.second, value))
      throw Error(ExitCode::io, "{}: attribute {} of {} does not read back as it was written",
                  partial.string(), key.second, key.first);
}

void RunFile::State::seal() {
  {
    const hdf5::Object whole = hdf5::open_file(partial);
    verify_attributes(whole);
    append_seal(partial, sealed_values(whole, datasets));
  }
  if (fault_armed("store.seal", "corrupt"))
    flip_byte(partial, PosixFile::open(partial, PosixFile::Mode::read).size() / 2);
  const SealReport report = check_seal(partial);
  if (!report.faults.empty())
    throw Error(ExitCode::io, "{}: does not read back as it was written: {}", partial.string(),
                report.faults.front());
}

void RunFile::State::publish() {
  std::error_code problem;
  fs::rename(partial, folder.run_file(), problem);
  if (problem)
    throw Error(ExitCode::io, "{}: cannot be renamed to run.h5: {}", partial.string(),
                problem.message());
  try {
    sync_folder(folder.path());
  } catch (const Error&) {
    fs::rename(folder.run_file(), partial, problem);
    throw;
  }
  renamed = true;
}

void RunFile::finish() {
  State& state = *state_;
  const RunGroup manifest = group("provenance/hashes");
  if (state.comm.root()) state.write_manifest(manifest);
  settle();
  state.record("the end of the file", [&] {
    const std::int64_t offset = first_value_offset(state.file, state.datasets);
    state.file.close("closing the file");
    sync_file(state.partial);
    if (fault_armed("store.verify", "corrupt")) flip_byte(state.partial, offset);
    fault_point("store.verify");
    state.verify();
    state.file = hdf5::open_file(state.partial, true);
    const std::int64_t complete = 1;
    hdf5::write_attribute(hdf5::open_group(state.file, "/"), "complete", hdf5::Type::int64, {},
                          &complete);
    hdf5::flush(state.file);
    state.file.close("closing the file");
    sync_file(state.partial);
    state.attributes[{"/", "complete"}] = complete;
    state.seal();
  });
  state.comm.agree([&] {
    if (!state.comm.root()) fault_point("store.verify");
    state.throw_failure();
  });
  state.comm.agree([] { fault_point("store.rename"); });
  state.record("run.h5", [&] { state.publish(); });
  state.comm.agree([&] { state.throw_failure(); });
}

}  // namespace fathom
