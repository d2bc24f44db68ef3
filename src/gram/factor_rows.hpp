#pragma once

// Rows of vectors brought to the rank that holds the matching rows or columns of a chunk.

#include "gram/data_rows.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// Rows first … first + axis.extent() − 1 of `rows`, those that the chunk's axis gives to this
/// rank: dim × local count, made by slabs of coordinates or, where the rows are held by a matrix,
/// brought as a whole.
class BroughtRows {
 public:
  enum class Along { grid_rows, grid_columns };

  /// Collective over the grid's parent. `rows` outlives this object. keep: all coordinates at once,
  /// where they are made. Error(no_fit) where memory ends.
  BroughtRows(const DataRows& rows, std::int64_t first, const ProcessGrid& grid,
              const CyclicAxis& axis, Along along, bool keep);

  std::int64_t count() const { return std::ssize(items_); }
  bool kept() const { return kept_; }
  /// Coordinates first … first + length − 1: length × count(). Valid until the next call. Local.
  MatrixView<const double> slab(std::int64_t first, std::int64_t length);

 private:
  void bring(const DistMatrix& held, std::int64_t first, const ProcessGrid& grid,
             const CyclicAxis& axis, Along along);

  const DataRows& rows_;
  std::vector<std::int64_t> items_;
  std::vector<double> data_;  // dim × count where kept, else the last slab
  bool kept_;
};

/// out(j, i) = in(i, j), by tiles that stay in cache. Local.
void copy_transposed(MatrixView<const double> in, MatrixView<double> out);

}  // namespace fathom
