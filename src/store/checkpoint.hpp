#pragma once

// What a run keeps on its way, so that another run with any number of ranks can go on from it.
//
//   KEY.record        named arrays (record_file.hpp), each file replaced as a whole
//   KEY.0.columns     values of a matrix, or KEY.1.columns: the one that the record names counts
//   identity.record   the text that tells whose checkpoint this is
//   .fathom.lock      held while a run writes here
//
// There is no index: each record tells what it is. Every file carries or has a hash, is read again
// from the disk after it was written, and is refused where it is damaged, of another format, of
// another run or under another key. A matrix is kept under global indices, so that any process
// grid may read it: columns in chunks of a width that the record names, chunk after chunk, each
// column-major; of a lower triangle only rows from the chunk's first column on.

#include "dist/dist_matrix.hpp"
#include "store/record.hpp"
#include "store/run_folder.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fathom {

/// Keys such as "point-0003.spectrum": letters, digits, '-', '_', '.', not first a '.'. At any
/// moment at most one rank writes under one key. Where checkpoints are off, keeping does nothing
/// and nothing is found.
class Checkpoint {
 public:
  Checkpoint();  ///< off
  ~Checkpoint();
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;

  /// For a new run: makes and locks the folder. `identity` is the same on every rank and for every
  /// run that may go on from this one (the deck's text). Error(exists) where the folder holds
  /// records and overwrite is false, or where another run holds its lock; Error(io). Collective,
  /// agreed.
  static Checkpoint begin(const RunFolder& run, const std::filesystem::path& folder,
                          const std::string& identity, bool overwrite = false);
  /// To go on: what a killed run left half-written is removed, every record is checked. A folder
  /// without records is begun. Error(input), naming every file that is damaged, of another format
  /// or of another identity. Collective, agreed.
  static Checkpoint reopen(const RunFolder& run, const std::filesystem::path& folder,
                           const std::string& identity);

  /// The text that a folder's checkpoint belongs to, on every rank; none where there is none or it
  /// cannot be read: then reopen() says what is wrong. Collective.
  static std::optional<std::string> identity_text(const Communicator& comm,
                                                  const std::filesystem::path& folder);

  bool on() const { return state_ != nullptr; }

  /// Keeps or replaces. Error(io): then what was kept before stands. Local.
  void keep(std::string_view key, const Record& record) const;
  /// Error(input) where it is damaged. Local.
  std::optional<Record> find(std::string_view key);

  /// Keeps or replaces a matrix, with an `about` that is the same on every rank. `lower`: the
  /// strict upper triangle is not kept. Beyond the matrix at most chunk_bytes (or one column) a
  /// rank, twice while values travel. Error(io) on every rank: then what was kept before stands.
  /// Collective.
  void keep_matrix(std::string_view key, const DistMatrix& matrix,
                   SymmetricFill fill = SymmetricFill::full, const Record& about = {},
                   std::int64_t chunk_bytes = default_chunk_bytes) const;
  /// Its `about`, and its values in a matrix of any layout over all ranks of the run; of a lower
  /// triangle the strict upper one becomes zero. Error(input) on every rank where it is damaged or
  /// of another shape: then the values of `into` mean nothing. Collective.
  std::optional<Record> find_matrix(std::string_view key, DistMatrix& into);

  /// Keys that begin so, ascending. Local; what other ranks keep at this moment may be missing.
  std::vector<std::string> keys(std::string_view prefix) const;
  /// Forgets what is kept under all keys that begin so. Acts on rank 0 alone. Error(io). Local.
  void drop(std::string_view prefix) const;
  /// Forgets everything, removes the folder and is off from then on: the run is finished. Trouble
  /// leaves files behind and no error. Collective.
  void remove() noexcept;
  /// The same of a run that was killed when it was finished, or half-way through this: in the run's
  /// own folder, or in another one where the identity is there and the same. False where nothing
  /// was removed. Error(exists) where another run holds the lock. Collective, agreed.
  static bool remove_left(const RunFolder& run, const std::filesystem::path& folder,
                          const std::string& identity);

  /// Keys that this rank found, in the order of the first time.
  const std::vector<std::string>& reused() const { return reused_; }

  static constexpr std::int64_t default_chunk_bytes = std::int64_t{32} << 20;

 private:
  struct State;
  struct Chunks;
  static Checkpoint make(const RunFolder& run, const std::filesystem::path& folder,
                         const std::string& identity);
  void write_chunks(const DistMatrix& matrix, const Chunks& chunks,
                    const std::filesystem::path& path, std::vector<std::int64_t>& hashes) const;
  void read_chunks(const Chunks& chunks, const std::filesystem::path& path,
                   std::span<const std::int64_t> hashes, DistMatrix& into) const;
  static Chunks chunks_of(const Record& record);
  static std::int64_t generation_of(const Record& record);
  /// The file of a matrix of the right size; none where the record is of no matrix.
  std::optional<std::filesystem::path> columns_of(std::string_view key, const Record& record) const;
  void note_reuse(std::string_view key);
  std::unique_ptr<State> state_;
  std::vector<std::string> reused_;
};

/// True for names that a checkpoint gives to files. Local.
bool is_checkpoint_file(std::string_view name);

}  // namespace fathom
