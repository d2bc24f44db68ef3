#include "gram/triangle.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace fathom {
namespace {

/// Rows [.., row_end) of columns [col, col_end), each column from its start downwards.
class Halving {
 public:
  Halving(const std::vector<std::int64_t>& starts, std::int64_t leaf)
      : starts_(starts), leaf_(leaf) {}

  void cover(std::int64_t col, std::int64_t col_end, std::int64_t row_end) {
    if (col >= col_end) return;
    const std::int64_t top = start(col);
    if (top >= row_end) return;
    if (col_end - col <= leaf_) {
      emit(top, row_end, col, col_end);
      return;
    }
    const std::int64_t full = std::min(start(col_end - 1), row_end);
    emit(full, row_end, col, col_end);
    const std::int64_t middle = col + (col_end - col) / 2;
    cover(col, middle, full);
    cover(middle, col_end, full);
  }

  std::vector<Rectangle> take() { return std::move(rectangles_); }

 private:
  std::int64_t start(std::int64_t col) const { return starts_[static_cast<std::size_t>(col)]; }
  void emit(std::int64_t row, std::int64_t row_end, std::int64_t col, std::int64_t col_end) {
    if (row < row_end) rectangles_.push_back({row, col, row_end - row, col_end - col});
  }

  const std::vector<std::int64_t>& starts_;
  std::int64_t leaf_;
  std::vector<Rectangle> rectangles_;
};

}  // namespace

std::vector<std::int64_t> lower_starts(const Distribution& distribution, int myrow, int mycol) {
  const CyclicAxis& rows = distribution.rows;
  const CyclicAxis& cols = distribution.cols;
  std::vector<std::int64_t> starts = cols.global_indices(mycol);
  for (std::int64_t& j : starts)
    j = rows.lower_bound(GlobalIndex(j), myrow).value();
  return starts;
}

std::vector<Rectangle> lower_rectangles(const Distribution& distribution, int myrow, int mycol,
                                        std::int64_t leaf) {
  FATHOM_ASSERT(distribution.rows.extent() == distribution.cols.extent(), "{} x {} is not square",
                distribution.rows.extent(), distribution.cols.extent());
  const std::int64_t rows = distribution.rows.local_extent(myrow);
  const std::int64_t cols = distribution.cols.local_extent(mycol);
  if (rows == 0 || cols == 0) return {};
  // A strip of w of C local columns wastes the share w/C of the triangle.
  if (leaf == 0) leaf = std::max<std::int64_t>(32, cols * 3 / 100);
  const std::vector<std::int64_t> starts = lower_starts(distribution, myrow, mycol);
  Halving halving(starts, leaf);
  halving.cover(0, cols, rows);
  return halving.take();
}

}  // namespace fathom
