#include "base/assert.hpp"
#include "base/fault.hpp"
#include "dist/operations.hpp"
#include "store/checkpoint.hpp"
#include "store/checkpoint_state.hpp"
#include "store/record_file.hpp"
#include "store/written_values.hpp"

#include <algorithm>
#include <bit>
#include <system_error>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr const char* shape_name = "matrix.shape";  // rows, cols, width, lower, generation
constexpr const char* hash_name = "matrix.hash";    // two words a chunk

/// n × width a rank, side by side: chunk c of a round of chunks lies whole on rank c.
DistMatrix make_panel(const Communicator& comm, std::int64_t rows, std::int64_t width) {
  const ProcessGrid row(comm, {1, comm.size()});
  return DistMatrix::make(row, rows, width * comm.size(), rows, width);
}

/// One column after the other of what a chunk keeps: action(pointer, bytes, byte in the file).
template <class Action>
void for_columns(MatrixView<double> local, std::int64_t columns, std::int64_t top,
                 std::int64_t place, Action&& action) {
  const std::int64_t bytes = 8 * (local.rows - top);
  for (std::int64_t j = 0; j < columns; ++j)
    action(local.col(j) + top, bytes, place + j * bytes);
}

/// The lower triangle only is kept, and what stands above it shall not decide about hashes.
void clear_above(MatrixView<double> local, std::int64_t columns, std::int64_t top) {
  for (std::int64_t j = 1; j < columns; ++j)
    std::fill_n(local.col(j) + top, j, 0.0);
}

void set_hash(std::vector<std::int64_t>& hashes, std::int64_t chunk, const Hash128& hash) {
  for (std::size_t word = 0; word < 2; ++word)
    hashes[2 * static_cast<std::size_t>(chunk) + word] = std::bit_cast<std::int64_t>(hash[word]);
}

bool same_hash(std::span<const std::int64_t> hashes, std::int64_t chunk, const Hash128& hash) {
  const auto at = 2 * static_cast<std::size_t>(chunk);
  return std::bit_cast<std::uint64_t>(hashes[at]) == hash[0] &&
         std::bit_cast<std::uint64_t>(hashes[at + 1]) == hash[1];
}

Hash128 read_chunk(const PosixFile& file, MatrixView<double> local, std::int64_t columns,
                   std::int64_t top, std::int64_t place) {
  Hasher hasher;
  for_columns(local, columns, top, place,
              [&](double* column, std::int64_t bytes, std::int64_t where) {
                file.read_at(where, bytes, column);
                hasher.add(column, static_cast<std::size_t>(bytes));
              });
  return hasher.value();
}

}  // namespace

Checkpoint::Chunks::Chunks(std::int64_t n, std::int64_t d, std::int64_t w, bool triangle)
    : rows(n), cols(d), width(w), lower(triangle) {
  offset.push_back(0);
  for (std::int64_t chunk = 0; first(chunk) < cols; ++chunk)
    offset.push_back(offset.back() + 8 * columns(chunk) * (rows - top(chunk)));
}

std::int64_t Checkpoint::Chunks::columns(std::int64_t chunk) const {
  return std::min(width, cols - first(chunk));
}

std::optional<fs::path> Checkpoint::columns_of(std::string_view key, const Record& record) const {
  if (!record.has(shape_name)) return std::nullopt;
  const Chunks chunks = chunks_of(record);
  fs::path path = state_->columns(key, generation_of(record));
  const std::int64_t bytes = PosixFile::open(path, PosixFile::Mode::read).size();
  if (bytes != chunks.bytes())
    throw Error(ExitCode::input, "{}: is damaged: {} bytes instead of {}", path.string(), bytes,
                chunks.bytes());
  return path;
}

Checkpoint::Chunks Checkpoint::chunks_of(const Record& record) {
  const auto& shape = record.get<std::int64_t>(shape_name);
  if (shape.size() != 5 || shape[0] < 1 || shape[1] < 1 || shape[2] < 1)
    throw Error(ExitCode::input, "a record of the checkpoint describes no matrix");
  Chunks chunks(shape[0], shape[1], shape[2], shape[3] != 0);
  if (std::ssize(record.get<std::int64_t>(hash_name)) != 2 * chunks.count())
    throw Error(ExitCode::input, "a record of the checkpoint has no hash for each chunk");
  return chunks;
}

std::int64_t Checkpoint::generation_of(const Record& record) {
  return record.get<std::int64_t>(shape_name).at(4);
}

void Checkpoint::write_chunks(const DistMatrix& matrix, const Chunks& chunks, const fs::path& path,
                              std::vector<std::int64_t>& hashes) const {
  const Communicator& comm = *state_->comm;
  PosixFile file;
  comm.agree_on_root([&] {
    file = PosixFile::open(path, PosixFile::Mode::write_new);
    file.reserve(0, chunks.bytes());
    file.sync();
  });
  comm.agree([&] {
    fault_point("store.checkpoint");
    file = PosixFile::open(path, PosixFile::Mode::read_write);
  });
  DistMatrix panel = make_panel(comm, chunks.rows, chunks.width);
  for (std::int64_t round = 0; round < chunks.count(); round += comm.size()) {
    const std::int64_t first = chunks.first(round), top = chunks.top(round);
    redistribute_block(matrix, GlobalIndex(top), GlobalIndex(first), panel, GlobalIndex(top),
                       GlobalIndex(0), chunks.rows - top,
                       std::min(comm.size() * chunks.width, chunks.cols - first));
    comm.agree([&] {
      const std::int64_t chunk = round + comm.rank();
      if (chunk >= chunks.count()) return;
      if (chunks.lower) clear_above(panel.local(), chunks.columns(chunk), chunks.top(chunk));
      Hasher hasher;
      for_columns(panel.local(), chunks.columns(chunk), chunks.top(chunk),
                  chunks.offset[static_cast<std::size_t>(chunk)],
                  [&](const double* column, std::int64_t bytes, std::int64_t where) {
                    hasher.add(column, static_cast<std::size_t>(bytes));
                    file.write_at(where, bytes, column);
                  });
      set_hash(hashes, chunk, hasher.value());
    });
  }
  comm.agree([&] {
    file.sync();
    if (fault_armed("store.checkpoint", "corrupt")) flip_byte(path, chunks.bytes() / 2);
  });
  // Not before every rank has written all: a page of the file may hold parts of two chunks.
  comm.agree([&] {
    file.drop_cache();
    for (std::int64_t chunk = comm.rank(); chunk < chunks.count(); chunk += comm.size())
      if (!same_hash(hashes, chunk,
                     read_chunk(file, panel.local(), chunks.columns(chunk), chunks.top(chunk),
                                chunks.offset[static_cast<std::size_t>(chunk)])))
        throw Error(ExitCode::io, "{}: columns {} to {} do not read back as they were written",
                    path.string(), chunks.first(chunk) + 1,
                    chunks.first(chunk) + chunks.columns(chunk));
    file.close();
  });
}

void Checkpoint::keep_matrix(std::string_view key, const DistMatrix& matrix, SymmetricFill fill,
                             const Record& about, std::int64_t chunk_bytes) const {
  if (!on()) return;
  const Communicator& comm = *state_->comm;
  const std::int64_t n = matrix.rows(), d = matrix.cols();
  FATHOM_ASSERT(matrix.grid().parent().size() == comm.size(), "a matrix of {} ranks in a run of {}",
                matrix.grid().parent().size(), comm.size());
  FATHOM_ASSERT(n >= 1 && d >= 1 && (fill == SymmetricFill::full || n == d), "{} x {}", n, d);
  const Chunks chunks(n, d, std::clamp<std::int64_t>(chunk_bytes / (8 * n), 1, d),
                      fill == SymmetricFill::lower);
  std::int64_t generation = 0;
  if (comm.root()) {
    try {
      const Record before = read_record(state_->record(key), std::string(key), state_->identity);
      if (before.has(shape_name)) generation = 1 - generation_of(before);
    } catch (const Error&) {
      // None was kept, or none that could still be found.
    }
  }
  generation = comm.max(generation);
  const fs::path path = state_->columns(key, generation);
  std::vector<std::int64_t> hashes;
  comm.agree([&] { hashes.assign(2 * static_cast<std::size_t>(chunks.count()), 0); });
  try {
    write_chunks(matrix, chunks, path, hashes);
    comm.sum(hashes);  // each was set by one rank
    comm.agree_on_root([&] {
      sync_folder(state_->folder);
      Record record = about;
      record.values[shape_name] =
          std::vector<std::int64_t>{n, d, chunks.width, chunks.lower ? 1 : 0, generation};
      record.values[hash_name] = hashes;
      keep(key, record);
    });
  } catch (...) {
    std::error_code ignored;
    if (comm.root()) fs::remove(path, ignored);
    throw;
  }
  std::error_code ignored;
  if (comm.root()) fs::remove(state_->columns(key, 1 - generation), ignored);
}

void Checkpoint::read_chunks(const Chunks& chunks, const fs::path& path,
                             std::span<const std::int64_t> hashes, DistMatrix& into) const {
  const Communicator& comm = *state_->comm;
  DistMatrix panel = make_panel(comm, chunks.rows, chunks.width);
  PosixFile file;
  comm.agree([&] {
    fault_point("store.checkpoint_read");
    file = PosixFile::open(path, PosixFile::Mode::read);
    if (chunks.lower) into.fill(0.0);
    panel.fill(0.0);
  });
  for (std::int64_t round = 0; round < chunks.count(); round += comm.size()) {
    comm.agree([&] {
      const std::int64_t chunk = round + comm.rank();
      if (chunk >= chunks.count()) return;
      const std::int64_t columns = chunks.columns(chunk), top = chunks.top(chunk);
      if (!same_hash(hashes, chunk,
                     read_chunk(file, panel.local(), columns, top,
                                chunks.offset[static_cast<std::size_t>(chunk)])))
        throw Error(ExitCode::input, "{}: is damaged: columns {} to {} differ from their hash",
                    path.string(), chunks.first(chunk) + 1, chunks.first(chunk) + columns);
      // Rows above, left from the round before, belong to the strict upper triangle.
      for (std::int64_t j = 0; j < columns; ++j)
        std::fill_n(panel.local().col(j), top, 0.0);
    });
    const std::int64_t first = chunks.first(round), top = chunks.top(round);
    redistribute_block(panel, GlobalIndex(top), GlobalIndex(0), into, GlobalIndex(top),
                       GlobalIndex(first), chunks.rows - top,
                       std::min(comm.size() * chunks.width, chunks.cols - first));
  }
}

std::optional<Record> Checkpoint::find_matrix(std::string_view key, DistMatrix& into) {
  if (!on()) return std::nullopt;
  const Communicator& comm = *state_->comm;
  std::optional<Record> record;
  comm.agree([&] { record = find(key); });
  const std::int64_t found = comm.sum(std::int64_t{record ? 1 : 0});
  if (found == 0) return std::nullopt;
  std::optional<Chunks> chunks;
  fs::path path;
  comm.agree([&] {
    if (found != comm.size())
      throw Error(ExitCode::input, "{}: is seen by {} of {} ranks", state_->record(key).string(),
                  found, comm.size());
    chunks = chunks_of(*record);
    if (chunks->rows != into.rows() || chunks->cols != into.cols())
      throw Error(ExitCode::input, "{}: holds a matrix of {} x {}, not of {} x {}",
                  state_->record(key).string(), chunks->rows, chunks->cols, into.rows(),
                  into.cols());
    path = *columns_of(key, *record);
  });
  read_chunks(*chunks, path, record->get<std::int64_t>(hash_name), into);
  record->values.erase(shape_name);
  record->values.erase(hash_name);
  return record;
}

}  // namespace fathom
