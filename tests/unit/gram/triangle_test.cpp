#include "gram/triangle.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

Distribution square(std::int64_t n, std::int64_t nb, int nprow, int npcol) {
  return {CyclicAxis(n, nb, nprow), CyclicAxis(n, nb, npcol)};
}

/// How often the rectangles cover each local element, column-major.
std::vector<int> cover(const std::vector<Rectangle>& rectangles, std::int64_t rows,
                       std::int64_t cols) {
  std::vector<int> count(static_cast<std::size_t>(rows * cols));
  for (const Rectangle& r : rectangles)
    for (std::int64_t j = r.col; j < r.col + r.cols; ++j)
      for (std::int64_t i = r.row; i < r.row + r.rows; ++i)
        ++count.at(static_cast<std::size_t>(i + j * rows));
  return count;
}

TEST(Triangle, one_rank_halved_by_hand) {
  const auto rectangles = lower_rectangles(square(4, 1, 1, 1), 0, 0, 2);

  const std::vector<Rectangle> expected = {{3, 0, 1, 4}, {0, 0, 3, 2}, {2, 2, 1, 2}};
  EXPECT_EQ(rectangles, expected);
}

TEST(Triangle, every_element_below_the_diagonal_once_on_any_grid) {
  for (const std::int64_t n : {1, 2, 7, 37, 64})
    for (const std::int64_t nb : {1, 3, 16})
      for (const auto& [nprow, npcol] : {std::pair(1, 1), {1, 2}, {2, 1}, {2, 3}, {3, 2}, {1, 5}})
        for (const std::int64_t leaf : {1, 4, 0})
          for (int r = 0; r < nprow; ++r)
            for (int c = 0; c < npcol; ++c) {
              SCOPED_TRACE(fmt::format("n {} nb {} grid {}x{} at ({}, {}) leaf {}", n, nb, nprow,
                                       npcol, r, c, leaf));
              const Distribution d = square(n, nb, nprow, npcol);
              const auto rows = d.rows.global_indices(r), cols = d.cols.global_indices(c);
              const auto count =
                  cover(lower_rectangles(d, r, c, leaf), std::ssize(rows), std::ssize(cols));
              for (std::size_t j = 0; j < cols.size(); ++j)
                for (std::size_t i = 0; i < rows.size(); ++i) {
                  const int times = count[i + j * rows.size()];
                  ASSERT_LE(times, 1);
                  if (rows[i] >= cols[j]) {
                    ASSERT_EQ(times, 1) << i << " " << j;
                  }
                }
            }
}

TEST(Triangle, wastes_less_than_five_per_cent) {
  for (const auto& [nprow, npcol] : {std::pair(1, 1), {1, 2}, {2, 2}, {2, 4}}) {
    const std::int64_t n = 6000;
    const Distribution d = square(n, 48, nprow, npcol);
    double area = 0;
    std::size_t most = 0;
    for (int r = 0; r < nprow; ++r)
      for (int c = 0; c < npcol; ++c) {
        const auto rectangles = lower_rectangles(d, r, c);
        most = std::max(most, rectangles.size());
        for (const Rectangle& x : rectangles)
          area += static_cast<double>(x.rows * x.cols);
      }
    const double useful = 0.5 * static_cast<double>(n) * static_cast<double>(n + 1);
    EXPECT_LT(area / useful, 1.05) << nprow << "x" << npcol;
    EXPECT_LT(most, 200u);
  }
}

TEST(Triangle, idle_ranks_hold_nothing) {
  EXPECT_TRUE(lower_rectangles(square(10, 2, 2, 2), -1, -1).empty());
  EXPECT_TRUE(lower_starts(square(10, 2, 2, 2), -1, -1).empty());
}

TEST(Triangle, starts_are_the_first_rows_at_or_below_the_diagonal) {
  // Rows 0 1 | 4 5 on grid row 0, columns 2 3 on grid column 1.
  const auto starts = lower_starts(square(6, 2, 2, 2), 0, 1);

  EXPECT_EQ(starts, (std::vector<std::int64_t>{2, 2}));
}

}  // namespace
}  // namespace fathom
