#pragma once

// run.h5: written serially by rank 0, verified by reading it back, and named run.h5 only then.
//
// Every rank makes the same calls; other ranks than 0 ignore them, so their spans may be empty.
// What fails on rank 0 (a full disk) is kept: later calls do nothing, and settle() or finish()
// throws it on every rank. So no call but these two and columns() communicates.

#include "dist/dist_matrix.hpp"
#include "store/record.hpp"
#include "store/run_folder.hpp"

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fathom {

/// One variable's values, row-major where it has two axes. Refers to memory of the caller.
using Values = std::variant<std::span<const double>, std::span<const std::int64_t>,
                            std::span<const std::int8_t>, std::span<const std::string>>;
/// One attribute's value.
using AttributeValue =
    std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;

class Checkpoint;
class RunFile;

/// A group of the file: a path, cheap to copy, valid as long as its RunFile.
class RunGroup {
 public:
  RunGroup group(std::string_view name) const;  ///< made on first use; "a/b" makes both
  const std::string& path() const { return path_; }

  /// A dimension scale: the coordinate of an axis that variables of this group refer to by name.
  void scale(std::string_view name, Values values) const;
  /// The scale 1, 2, …, count.
  void counting_scale(std::string_view name, std::int64_t count) const;
  /// A variable over scales of this group, slowest first; one or two of them.
  /// @pre values.size() is the product of the scales' lengths
  void variable(std::string_view name, Values values, std::vector<std::string> scales) const;
  /// An attribute of the group (replaced where it exists).
  void attribute(std::string_view name, const AttributeValue& value) const;
  void attribute(std::string_view name, const char* value) const {
    attribute(name, AttributeValue(std::string(value)));
  }
  void attribute(std::string_view name, std::integral auto value) const {
    attribute(name, AttributeValue(static_cast<std::int64_t>(value)));
  }
  /// An attribute of a scale or variable of this group, such as "units" or "long_name".
  void attribute_of(std::string_view variable, std::string_view name,
                    const AttributeValue& value) const;

  /// The columns of a distributed matrix as variable(scales[0] = columns, scales[1] = rows): row k
  /// of the dataset is column k of the matrix. Space is reserved first, then panels below 256 MiB
  /// travel to rank 0 and are written serially. Both scales exist. Collective over the matrix's
  /// parent; throws on every rank. `kept_as` is the key under which a checkpoint keeps the matrix.
  /// @pre a file that keeps a journal is told the key
  void columns(std::string_view name, const DistMatrix& matrix, std::vector<std::string> scales,
               std::string_view kept_as = "") const;

 private:
  friend class RunFile;
  RunGroup(RunFile* file, std::string path) : file_(file), path_(std::move(path)) {}
  RunFile* file_;
  std::string path_;
};

/// The file in the making. Unless finish() returned, no run.h5 is left behind.
class RunFile {
 public:
  /// Opens the temporary file. Collective, agreed.
  explicit RunFile(const RunFolder& folder);
  ~RunFile();
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;

  RunGroup root();
  RunGroup group(std::string_view path) { return root().group(path); }

  /// Flushes, and throws the first failure so far on every rank. After each point of a sweep.
  /// Collective.
  void settle();

  /// From now on every call is noted, for take_journal(). Local.
  void keep_journal();
  /// What was called since the last one; empty arrays on other ranks than 0. Local.
  Record take_journal();
  /// Makes the calls of a journal again: the same groups, values and attributes stand in the file
  /// then, and none of them is noted. The record of rank 0 counts. Matrices come from the
  /// checkpoint under the keys that columns() was told. Error(input) where the record holds no
  /// journal or a matrix cannot be found. Collective.
  void replay(const Record& journal, Checkpoint& checkpoint);

  /// Writes the manifest /provenance/hashes, syncs, closes, reads everything back and compares
  /// hashes with what was handed in, marks complete = 1, syncs, renames to run.h5. Error(io) where
  /// any of it fails: then no run.h5 exists. No call may follow. Collective.
  void finish();

 private:
  friend class RunGroup;
  struct State;
  const Communicator& comm() const;
  bool pause_journal();  ///< true where one was kept; what it holds stays
  std::unique_ptr<State> state_;
};

}  // namespace fathom
