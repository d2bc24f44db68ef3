#pragma once

// A user's array in an HDF5 or .npy file, read in parallel.
//
// HDF5: a dataset of float32, float64 or integers in either byte order, any layout and filter the
// library reads. npy: versions 1 to 3, '<f4' '>f4' '<f8' '>f8' and integers up to 64 bits, C or
// Fortran order. Faults are Error(input) naming the path, what is wrong and what would be valid.

#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fathom {

enum class FileFormat { hdf5, npy };
enum class StorageOrder { row_major, column_major };

/// What the header of a file says about one array.
struct ArrayHeader {
  std::vector<std::int64_t> shape;
  std::string type;  ///< "float32", "float64", "int64", …
  std::int64_t item_bytes = 8;
  bool floating = true;
  bool big_endian = false;
  bool is_signed = true;
  StorageOrder order = StorageOrder::row_major;
  std::int64_t data_offset = 0;  ///< npy only
};

/// An opened array of one or two dimensions; a one-dimensional one is a column. Holds no handle:
/// each read opens the file read-only and serially on the rank that reads.
class MatrixFile {
 public:
  /// Reads the header. `dataset` names an HDF5 dataset and is empty for .npy; the format follows
  /// from the file's first bytes. Agreed: every rank sees the same header or throws the same error.
  /// Collective.
  static MatrixFile open(const Communicator& comm, const std::string& path,
                         const std::string& dataset);
  /// The same by one process for itself. Local.
  static MatrixFile open(const std::string& path, const std::string& dataset);

  std::int64_t rows() const { return header_.shape[0]; }
  std::int64_t cols() const { return header_.shape.size() > 1 ? header_.shape[1] : 1; }
  FileFormat format() const { return format_; }
  const ArrayHeader& header() const { return header_; }
  /// "file.h5:/group/name" or "file.npy", as messages name it.
  const std::string& what() const { return what_; }
  /// Unit roundoff of the stored numbers: 2⁻²⁴ for float32, else 2⁻⁵³.
  double input_epsilon() const;

  void require_square() const;  ///< Error(input) where it is not; local, the same on every rank

  /// The first `rows` rows (0 = all) block-cyclically: each rank reads its share by contiguous
  /// panels of at most panel_bytes, which then travel (pdgemr2d). Collective over the grid's
  /// parent.
  DistMatrix read(const ProcessGrid& grid, std::int64_t mb, std::int64_t nb, std::int64_t rows = 0,
                  std::int64_t panel_bytes = std::int64_t{64} << 20) const;

  /// Chosen rows, one item a column: out(k, q) = A(items[q], k). Memory beyond `out` is bounded.
  /// Local: throws on this rank alone, so call it inside comm.agree.
  /// @pre out is cols() × items.size(); items ascending, 0 ≤ item < rows()
  void read_rows(std::span<const std::int64_t> items, MatrixView<double> out) const;

  /// The first `rows` rows (0 = all), the same on every rank, row-major rows × cols: for targets
  /// and other O(n) data. Rank 0 reads. Collective.
  std::vector<double> read_replicated(const Communicator& comm, std::int64_t rows = 0) const;

 private:
  friend class ArrayReader;
  MatrixFile() = default;
  void name(const std::string& path, const std::string& dataset);
  void read_header();
  void read_by_rows(DistMatrix& matrix, std::int64_t panel_bytes) const;
  void read_by_columns(DistMatrix& matrix, std::int64_t panel_bytes) const;
  std::string path_, dataset_, what_;
  FileFormat format_ = FileFormat::npy;
  ArrayHeader header_;
  std::int64_t file_bytes_ = 0;
};

}  // namespace fathom
