// Rows of graded factors that are added up instead of reduced: no false alarm of their check, and
// bounds that hold, whatever their number and size.

#include "eigen/streaming_qr.hpp"
#include "matrix_factor.hpp"
#include "oracle.hpp"
#include "reference.hpp"
#include "silent.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using test::between;
using test::gathered;
using test::MatrixFactor;
using test::Quad;
using test::Serial;
using test::singular_values;
using test::value;

/// n × n rows of norm about 1 and `more` rows below.
void expect_bounds(std::int64_t n, std::int64_t more, const MatrixFactor::Value& below,
                   std::int64_t chunk) {
  const auto entry = [&](std::int64_t i, std::int64_t j) {
    return i < n ? value(i, j) + (i == j ? 2.0 : 0.0) : below(i - n, j);
  };
  test::Silent progress;
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  const MatrixFactor factor(n + more, n, entry, {.graded = true});
  const ReducedFactor reduced =
      reduce_factor(grid, 4, factor, {.chunk = chunk, .check_rows = true}, progress);
  EXPECT_TRUE(progress.warnings.empty()) << progress.warnings.front();
  // Exact products in quadruple precision, and their triangle, are as good as the rows.
  const auto order = static_cast<std::size_t>(n);
  std::vector<std::vector<Quad>> gram(order, std::vector<Quad>(order, Quad(0))), column = gram;
  std::vector<double> row(order);
  for (std::int64_t i = 0; i < n + more; ++i) {
    for (std::size_t j = 0; j < order; ++j)
      row[j] = entry(i, static_cast<std::int64_t>(j));
    for (std::size_t j = 0; j < order; ++j)
      for (std::size_t k = 0; k <= j; ++k)
        gram[j][k] += Quad(row[j]) * row[k];
  }
  for (std::size_t j = 0; j < order; ++j)
    for (std::size_t k = 0; k <= j; ++k) {
      Quad sum = gram[j][k];
      for (std::size_t l = 0; l < k; ++l)
        sum -= column[l][j] * column[l][k];
      column[k][j] = k == j ? test::root(sum) : sum / column[k][k];
    }
  const auto exact = singular_values<Quad>(std::move(column));
  const auto off = between(singular_values<Quad>(gathered(reduced.a)), exact);
  EXPECT_LE(off.relative, reduced.relative_error);
  EXPECT_LE(off.absolute, reduced.backward_error);
}

TEST(SmallRows, squares_in_the_range_of_denormal_numbers) {
  for (const double size : {1e-150, 1e-155, 1e-160, 1e-165, 1e-300})
    expect_bounds(
        6, 30, [size](std::int64_t i, std::int64_t j) { return size * value(i, j, 3); }, 10);
}

TEST(SmallRows, many_of_one_size) {
  for (const std::int64_t n : {1, 5})
    expect_bounds(
        n, 100000, [](std::int64_t i, std::int64_t j) { return 1e-2 * value(i, j, 3); }, 1000);
}

/// Rounded the same way again and again.
TEST(SmallRows, many_that_are_equal) {
  for (const auto& [n, chunk] : {std::pair<std::int64_t, std::int64_t>{1, 0}, {1, 100}, {2, 1000}})
    for (const double x : {0.01, 0.0123})
      expect_bounds(
          n, 400000, [x = x](std::int64_t, std::int64_t j) { return x / (1.0 + double(j)); },
          chunk);
}

TEST(SmallRows, falling) {
  for (const std::int64_t n : {3, 40})
    expect_bounds(
        n, 400,
        [](std::int64_t i, std::int64_t j) {
          return std::pow(10.0, -0.1 * double(i)) * value(i, j, 3);
        },
        40);
}

}  // namespace
}  // namespace fathom
