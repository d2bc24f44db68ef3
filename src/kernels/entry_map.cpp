#include "kernels/entry_map.hpp"

#include <algorithm>
#include <array>

namespace fathom {

MapError& MapError::operator+=(const MapError& other) {
  slope_squared += other.slope_squared;
  truncation_squared += other.truncation_squared;
  value_squared += other.value_squared;
  return *this;
}

namespace {

/// Row of the block whose global index is that of the column, or −1.
std::int64_t diagonal_row(const MapSide& rows, std::int64_t first_row, std::int64_t count,
                          std::int64_t index) {
  const auto begin = rows.index.begin() + first_row;
  const auto found = std::lower_bound(begin, begin + count, index);
  return found != begin + count && *found == index ? found - begin : -1;
}

}  // namespace

MapError EntryMap::apply(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                         std::int64_t first_col, MatrixView<double> block) const {
  FATHOM_ASSERT(first_row >= 0 && first_row + block.rows <= rows.size(),
                "rows {} + {} of a side of {}", first_row, block.rows, rows.size());
  FATHOM_ASSERT(first_col >= 0 && first_col + block.cols <= cols.size(),
                "columns {} + {} of a side of {}", first_col, block.cols, cols.size());
  MapError error;
  for (std::int64_t j = 0; j < block.cols; ++j) {
    double* column = block.col(j);
    const auto index = cols.index[static_cast<std::size_t>(first_col + j)];
    const std::int64_t diagonal = diagonal_row(rows, first_row, block.rows, index);
    // The diagonal's pair quantity is left out of the error sums: its two sides are mapped apart.
    const auto map_rows = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i += column_chunk) {
        const auto count = static_cast<std::size_t>(std::min(column_chunk, end - i));
        error += map_column(rows, first_row + i, cols, first_col + j, {column + i, count});
      }
    };
    if (diagonal < 0) {
      map_rows(0, block.rows);
    } else {
      map_rows(0, diagonal);
      column[diagonal] = rows.diagonal[static_cast<std::size_t>(first_row + diagonal)];
      map_rows(diagonal + 1, block.rows);
    }
  }
  return error;
}

double EntryMap::entry(double a, double b, double pair) const {
  const std::array<std::int64_t, 1> row_index = {0}, col_index = {1};
  const MapSide rows = side({&a, 1}, row_index), cols = side({&b, 1}, col_index);
  apply(rows, 0, cols, 0, {&pair, 1, 1, 1});
  return pair;
}

}  // namespace fathom
