#include "store/matrix_file.hpp"

#include "base/fault.hpp"
#include "dist/operations.hpp"
#include "store/array_reader.hpp"
#include "store/npy.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <system_error>

#include <fmt/ranges.h>

namespace fathom {
namespace {

/// Edits (insert, delete, replace) between two names.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replace, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string available_datasets(const hdf5::Object& file, const std::string& wanted) {
  const std::vector<std::string> names = hdf5::list_datasets(file);
  if (names.empty()) return "the file holds no datasets";
  std::string text =
      "the file holds " +
      fmt::format("{}",
                  fmt::join(names.begin(),
                            names.begin() + std::min<std::ptrdiff_t>(std::ssize(names), 20), ", "));
  if (names.size() > 20) text += fmt::format(" and {} more", names.size() - 20);
  if (wanted.empty()) return text;
  const std::string full = wanted.starts_with('/') ? wanted : "/" + wanted;
  const auto nearest = std::ranges::min_element(
      names, {}, [&](const std::string& name) { return edit_distance(name, full); });
  return text + "; did you mean '" + *nearest + "'?";
}

ArrayHeader hdf5_header(const std::string& path, const std::string& dataset,
                        const std::string& what) {
  const hdf5::Object file = hdf5::open_file(path);
  if (dataset.empty())
    throw Error(ExitCode::input, "{}: a dataset must be named; {}", what,
                available_datasets(file, dataset));
  if (!hdf5::exists(file, dataset))
    throw Error(ExitCode::input, "{}: there is no such dataset; {}", what,
                available_datasets(file, dataset));
  if (hdf5::is_group(file, dataset))
    throw Error(ExitCode::input, "{}: is a group, not a dataset; {}", what,
                available_datasets(file, dataset));
  const hdf5::Object opened = hdf5::open_dataset(file, dataset);
  const hdf5::DatasetInfo info = hdf5::describe(opened);
  const bool floating = info.element == hdf5::ElementClass::floating;
  if (!(floating && (info.item_bytes == 4 || info.item_bytes == 8)) &&
      info.element != hdf5::ElementClass::integer)
    throw Error(ExitCode::input,
                "{}: the type {} is not supported; valid are float32 and float64, or integers "
                "where labels are read",
                what, info.type_name);
  ArrayHeader header;
  header.shape = info.shape;
  header.type = info.type_name;
  header.item_bytes = info.item_bytes;
  header.floating = floating;
  header.big_endian = info.big_endian;
  header.is_signed = info.is_signed;
  check_shape(header, what);
  if (info.stored_bytes == 0)
    throw Error(ExitCode::input, "{}: has a shape but its values were never written", what);
  return header;
}

void require_regular_file(const std::string& path) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (status.type() == std::filesystem::file_type::not_found)
    throw Error(ExitCode::input, "{}: does not exist (looked for it from {})", path,
                std::filesystem::current_path(problem).string());
  if (status.type() == std::filesystem::file_type::directory)
    throw Error(ExitCode::input, "{}: is a folder; an HDF5 or .npy file is expected", path);
  if (status.type() == std::filesystem::file_type::none)
    throw Error(ExitCode::input, "{}: cannot be reached: {}", path, problem.message());
  if (status.type() != std::filesystem::file_type::regular)
    throw Error(ExitCode::input, "{}: is not a regular file", path);
}

}  // namespace

void MatrixFile::read_header() {
  fault_point("store.read_header");
  require_regular_file(path_);
  const PosixFile file = PosixFile::open(path_, PosixFile::Mode::read);
  file_bytes_ = file.size();
  const std::string start = file.read_start(npy_header_limit);
  if (is_npy(start)) {
    if (!dataset_.empty())
      throw Error(ExitCode::input,
                  "{}: is a .npy file, which holds one array; the dataset '{}' "
                  "cannot be named in it",
                  path_, dataset_);
    format_ = FileFormat::npy;
    header_ = parse_npy_header(start, file_bytes_, what_);
    return;
  }
  if (!hdf5::is_hdf5(path_))
    throw Error(ExitCode::input,
                "{}: is neither an HDF5 nor a .npy file ({} bytes; its first bytes are neither "
                "signature)",
                path_, file_bytes_);
  format_ = FileFormat::hdf5;
  try {
    header_ = hdf5_header(path_, dataset_, what_);
  } catch (const hdf5::Failure& failure) {
    throw Error(ExitCode::input, "{}: damaged or unreadable: {}", what_, failure.what());
  }
}

MatrixFile MatrixFile::open(const Communicator& comm, const std::string& path,
                            const std::string& dataset) {
  MatrixFile file;
  file.name(path, dataset);
  comm.agree([&] { file.read_header(); });
  std::array<double, 6> low = {
      static_cast<double>(file.rows()),        static_cast<double>(file.cols()),
      static_cast<double>(file.file_bytes_),   static_cast<double>(file.header_.item_bytes),
      static_cast<double>(file.header_.order), static_cast<double>(file.header_.floating)};
  std::array<double, 6> high = low;
  comm.min(low);
  comm.max(high);
  if (low != high)
    throw Error(ExitCode::input,
                "{}: the ranks see different files under this name; it must lie on a file system "
                "that all nodes share",
                file.what_);
  return file;
}

MatrixFile MatrixFile::open(const std::string& path, const std::string& dataset) {
  MatrixFile file;
  file.name(path, dataset);
  file.read_header();
  return file;
}

void MatrixFile::name(const std::string& path, const std::string& dataset) {
  path_ = path;
  dataset_ = dataset;
  what_ = dataset.empty() ? path : path + ":" + dataset;
}

double MatrixFile::input_epsilon() const {
  return header_.floating && header_.item_bytes == 4 ? 0x1p-24 : 0x1p-53;
}

void MatrixFile::require_square() const {
  if (rows() != cols())
    throw Error(ExitCode::input, "{}: has shape ({}); a Gram matrix must be square", what_,
                fmt::join(header_.shape, ", "));
}

DistMatrix MatrixFile::read(const ProcessGrid& grid, std::int64_t mb, std::int64_t nb,
                            std::int64_t rows_wanted, std::int64_t panel_bytes) const {
  const std::int64_t n = rows_wanted == 0 ? rows() : rows_wanted, d = cols();
  FATHOM_ASSERT(n >= 1 && n <= rows(), "{} rows of {}", n, rows());
  DistMatrix matrix = DistMatrix::make(grid, n, d, mb, nb);
  if (header_.order == StorageOrder::row_major)
    read_by_rows(matrix, panel_bytes);
  else
    read_by_columns(matrix, panel_bytes);
  return matrix;
}

void MatrixFile::read_by_rows(DistMatrix& matrix, std::int64_t panel_bytes) const {
  const Communicator& comm = matrix.grid().parent();
  const std::int64_t n = matrix.rows(), d = matrix.cols(), ranks = comm.size();
  // Half of the panel is the rows as they lie in the file, half the same by columns.
  const std::int64_t share =
      std::clamp<std::int64_t>(panel_bytes / (16 * d), 1, (n + ranks - 1) / ranks);
  const ProcessGrid column(comm, {comm.size(), 1});
  DistMatrix panel = DistMatrix::make(column, share * ranks, d, share, d);
  std::vector<double> buffer;
  for (std::int64_t first = 0; first < n; first += share * ranks) {
    comm.agree([&] {
      fault_point("store.read");
      const std::int64_t mine = first + comm.rank() * share;
      const std::int64_t count = std::clamp<std::int64_t>(n - mine, 0, share);
      if (count == 0) return;
      buffer.resize(static_cast<std::size_t>(share * d));
      ArrayReader(*this).rows(mine, count, buffer.data());
      const MatrixView<double> local = panel.local();
      for (std::int64_t j = 0; j < d; ++j)
        for (std::int64_t i = 0; i < count; ++i)
          local(i, j) = buffer[static_cast<std::size_t>(i * d + j)];
    });
    redistribute_block(panel, GlobalIndex(0), GlobalIndex(0), matrix, GlobalIndex(first),
                       GlobalIndex(0), std::min(share * ranks, n - first), d);
  }
}

void MatrixFile::read_by_columns(DistMatrix& matrix, std::int64_t panel_bytes) const {
  const Communicator& comm = matrix.grid().parent();
  const std::int64_t n = matrix.rows(), d = matrix.cols(), ranks = comm.size();
  const std::int64_t share =
      std::clamp<std::int64_t>(panel_bytes / (8 * n), 1, (d + ranks - 1) / ranks);
  const ProcessGrid row(comm, {1, comm.size()});
  DistMatrix panel = DistMatrix::make(row, n, share * ranks, n, share);
  for (std::int64_t first = 0; first < d; first += share * ranks) {
    comm.agree([&] {
      fault_point("store.read");
      const std::int64_t mine = first + comm.rank() * share;
      const std::int64_t count = std::clamp<std::int64_t>(d - mine, 0, share);
      if (count == 0) return;
      ArrayReader reader(*this);
      for (std::int64_t j = 0; j < count; ++j)
        reader.column(mine + j, 0, n, panel.local().col(j));
    });
    redistribute_block(panel, GlobalIndex(0), GlobalIndex(0), matrix, GlobalIndex(0),
                       GlobalIndex(first), n, std::min(share * ranks, d - first));
  }
}

void MatrixFile::read_rows(std::span<const std::int64_t> items, MatrixView<double> out) const {
  FATHOM_ASSERT(out.rows == cols() && out.cols == std::ssize(items), "{} x {} for {} rows of {}",
                out.rows, out.cols, items.size(), cols());
  FATHOM_ASSERT(std::ranges::is_sorted(items) &&
                    (items.empty() || (items.front() >= 0 && items.back() < rows())),
                "{} rows asked of {}", items.size(), rows());
  fault_point("store.read");
  if (items.empty()) return;
  ArrayReader reader(*this);
  std::vector<double> buffer;
  constexpr std::int64_t buffer_length = std::int64_t{1} << 20;
  if (header_.order == StorageOrder::row_major) {
    const std::int64_t longest = std::max<std::int64_t>(1, buffer_length / cols());
    for (std::int64_t q = 0; q < out.cols;) {
      std::int64_t run = 1;
      while (q + run < out.cols && run < longest && items[q + run] == items[q] + run)
        ++run;
      buffer.resize(static_cast<std::size_t>(run * cols()));
      reader.rows(items[q], run, buffer.data());
      for (std::int64_t r = 0; r < run; ++r)
        std::copy_n(buffer.data() + r * cols(), cols(), out.col(q + r));
      q += run;
    }
    return;
  }
  for (std::int64_t k = 0; k < cols(); ++k)
    for (std::int64_t q = 0; q < out.cols;) {
      const std::int64_t first = items[q],
                         count = std::min(buffer_length, items.back() - first + 1);
      buffer.resize(static_cast<std::size_t>(count));
      reader.column(k, first, count, buffer.data());
      for (; q < out.cols && items[q] < first + count; ++q)
        out(k, q) = buffer[static_cast<std::size_t>(items[q] - first)];
    }
}

std::vector<double> MatrixFile::read_replicated(const Communicator& comm,
                                                std::int64_t rows_wanted) const {
  const std::int64_t n = rows_wanted == 0 ? rows() : rows_wanted, d = cols();
  FATHOM_ASSERT(n >= 1 && n <= rows(), "{} rows of {}", n, rows());
  std::vector<double> values;
  comm.agree([&] {
    fault_point("store.read");
    values.resize(static_cast<std::size_t>(n * d));
    if (!comm.root()) return;
    ArrayReader reader(*this);
    if (header_.order == StorageOrder::row_major) return reader.rows(0, n, values.data());
    std::vector<double> column(static_cast<std::size_t>(n));
    for (std::int64_t j = 0; j < d; ++j) {
      reader.column(j, 0, n, column.data());
      for (std::int64_t i = 0; i < n; ++i)
        values[static_cast<std::size_t>(i * d + j)] = column[static_cast<std::size_t>(i)];
    }
  });
  comm.broadcast(values);
  return values;
}

}  // namespace fathom
