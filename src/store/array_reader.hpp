#pragma once

// Serial reads of blocks of a MatrixFile, each as doubles. Local; private to the store.

#include "bindings/hdf5.hpp"
#include "store/matrix_file.hpp"
#include "store/posix_file.hpp"

#include <cstdint>

namespace fathom {

class ArrayReader {
 public:
  /// Error(input) where the file cannot be opened or is not the one whose header was read.
  explicit ArrayReader(const MatrixFile& file);

  /// Rows [row, row + count), row-major count × cols. @pre row-major file
  void rows(std::int64_t row, std::int64_t count, double* out);
  /// Entries [row, row + count) of one column. @pre column-major file
  void column(std::int64_t col, std::int64_t row, std::int64_t count, double* out);

 private:
  void elements(std::int64_t first, std::int64_t count, double* out);

  const MatrixFile& file_;
  PosixFile npy_;
  hdf5::Object hdf5_file_, dataset_;
  std::vector<char> raw_;
};

}  // namespace fathom
