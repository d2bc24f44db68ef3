#pragma once

// Column-major views of plain memory, as BLAS sees them.

#include "base/assert.hpp"

#include <cstdint>

namespace fathom {

/// rows × cols, column-major, leading dimension ld ≥ max(1, rows). Does not own.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld = 1;

  T& operator()(std::int64_t i, std::int64_t j) const { return data[i + j * ld]; }
  T* col(std::int64_t j) const { return data + j * ld; }

  /// @pre i0 + nrows ≤ rows, j0 + ncols ≤ cols
  MatrixView block(std::int64_t i0, std::int64_t j0, std::int64_t nrows, std::int64_t ncols) const {
    FATHOM_ASSERT(i0 >= 0 && j0 >= 0 && i0 + nrows <= rows && j0 + ncols <= cols,
                  "block ({}, {}) + {} x {} of a {} x {} view", i0, j0, nrows, ncols, rows, cols);
    return {data + i0 + j0 * ld, nrows, ncols, ld};
  }

  operator MatrixView<const T>() const { return {data, rows, cols, ld}; }
};

}  // namespace fathom
