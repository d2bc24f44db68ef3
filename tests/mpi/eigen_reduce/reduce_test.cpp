// The streaming QR: any grid, any chunk, any shape, against the product FᵀF and singular values in
// long double.

#include "dist/operations.hpp"
#include "eigen/streaming_qr.hpp"
#include "matrix_factor.hpp"
#include "oracle.hpp"
#include "reference.hpp"
#include "silent.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using test::between;
using test::for_each_grid;
using test::gathered;
using test::MatrixFactor;
using test::product;
using test::Serial;
using test::singular_values;
using test::transposed;
using test::value;
using test::with_spectrum;

MatrixFactor factor_of(const Serial& f) {
  return MatrixFactor(f.rows, f.cols, [&f](std::int64_t i, std::int64_t j) { return f(i, j); });
}

double frobenius(const Serial& a) {
  long double sum = 0;
  for (const double x : a.data)
    sum += static_cast<long double>(x) * static_cast<long double>(x);
  return static_cast<double>(std::sqrt(sum));
}

void expect_triangle_of(const ReducedFactor& reduced, const Serial& f) {
  const Serial r = gathered(reduced.a);
  ASSERT_FALSE(reduced.transposed);
  ASSERT_EQ(r.rows, f.cols);
  ASSERT_EQ(r.cols, f.cols);
  for (std::int64_t j = 0; j < r.cols; ++j)
    for (std::int64_t i = j + 1; i < r.rows; ++i)
      EXPECT_EQ(r(i, j), 0.0) << i << ", " << j;
  const double size = frobenius(f);
  EXPECT_LE(test::distance(product(transposed(r), r), product(transposed(f), f)),
            1e-14 * size * size);
  EXPECT_NEAR(reduced.frobenius, size, 4 * 0x1p-53 * size);
}

template <class Body>
void for_each_layout(Body&& body) {
  for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
    for (const std::int64_t block : {3, 16}) {
      SCOPED_TRACE(name + " nb " + std::to_string(block));
      body(grid, block);
    }
  });
}

TEST(StreamingQr, any_grid_any_chunk) {
  const std::int64_t p = 61, n = 19;
  const Serial f(p, n, [](std::int64_t i, std::int64_t j) { return value(i, j); });
  for_each_layout([&](const ProcessGrid& grid, std::int64_t block) {
    test::Silent progress;
    for (const std::int64_t chunk : {0, 1, 7, 19, 1000}) {
      if (chunk == 1 && block == 3 && grid.parent().size() > 2) continue;
      SCOPED_TRACE("chunk " + std::to_string(chunk));
      const MatrixFactor factor = factor_of(f);
      const ReducedFactor reduced = reduce_factor(grid, block, factor, {.chunk = chunk}, progress);
      expect_triangle_of(reduced, f);
      EXPECT_EQ(factor.rows_handed_out(), p);
      EXPECT_EQ(reduced.chunk, chunk == 0 ? 2 * n : std::min(chunk, p));
      EXPECT_TRUE(std::isinf(reduced.relative_error));
      EXPECT_GT(reduced.flops, 2.0 * n * n * (p - n / 3.0) * 0.99);
    }
  });
}

/// The stated bound of every singular value holds and is not idle.
TEST(StreamingQr, singular_values_within_the_bound) {
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  test::Silent progress;
  for (const double alpha : {0.0, 1.0, 5.0})
    for (const std::int64_t p : {40, 100}) {
      const std::int64_t n = 40;
      const Serial f =
          with_spectrum(p, n, [&](std::int64_t j) { return std::pow(double(j + 1), -alpha); });
      const auto exact = singular_values<long double>(f);
      for (const std::int64_t chunk : {7, 40, 100}) {
        SCOPED_TRACE("alpha " + std::to_string(alpha) + " chunk " + std::to_string(chunk));
        const ReducedFactor reduced =
            reduce_factor(grid, 16, factor_of(f), {.chunk = chunk}, progress);
        const double off =
            between(singular_values<long double>(gathered(reduced.a)), exact).absolute;
        EXPECT_LE(off, reduced.backward_error);
        EXPECT_LE(reduced.backward_error, 2000 * std::max(off, 0x1p-56));
        if (alpha == 5.0 && chunk > 7) {
          EXPECT_LE(reduced.backward_error, 8 * 0x1p-53);
        }
      }
    }
}

TEST(StreamingQr, square_factor_is_held_to_the_last_bit) {
  for (const int exponent : {0, 900, -900}) {
    const Serial f(21, 21, [&](std::int64_t i, std::int64_t j) {
      return std::ldexp(value(i, j), exponent + 20 * int(i % 3));
    });
    for_each_layout([&](const ProcessGrid& grid, std::int64_t block) {
      test::Silent progress;
      for (const std::int64_t chunk : {0, 1, 5, 20, 21}) {
        const ReducedFactor reduced =
            reduce_factor(grid, block, factor_of(f), {.chunk = chunk}, progress);
        EXPECT_EQ(gathered(reduced.a).data, f.data) << exponent << " chunk " << chunk;
        EXPECT_EQ(reduced.backward_error, 0.0);
        EXPECT_FALSE(reduced.transposed);
      }
    });
  }
}

TEST(StreamingQr, wide_factor_is_held_transposed) {
  const Serial f(7, 33, [](std::int64_t i, std::int64_t j) { return value(i, j); });
  for_each_layout([&](const ProcessGrid& grid, std::int64_t block) {
    test::Silent progress;
    for (const std::int64_t chunk : {0, 1, 3}) {
      const ReducedFactor reduced =
          reduce_factor(grid, block, factor_of(f), {.chunk = chunk}, progress);
      EXPECT_TRUE(reduced.transposed);
      EXPECT_EQ(test::distance(gathered(reduced.a), transposed(f)), 0.0);
      EXPECT_EQ(reduced.backward_error, 0.0);
      EXPECT_NEAR(reduced.frobenius, frobenius(f), 1e-14);
    }
  });
}

TEST(StreamingQr, degenerate_factors) {
  const ProcessGrid grid(Communicator::world(), {Communicator::world().size(), 1});
  test::Silent progress;
  const Serial zero(12, 5);
  const Serial one(12, 5,
                   [](std::int64_t i, std::int64_t j) { return double(i + 1) * double(j - 2); });
  const Serial row(1, 1, [](std::int64_t, std::int64_t) { return -3.0; });
  const Serial column(9, 1, [](std::int64_t i, std::int64_t) { return double(9 - i); });
  const Serial late(12, 5,
                    [](std::int64_t i, std::int64_t j) { return i < 7 ? 0.0 : value(i, j); });
  for (const Serial* f : {&zero, &one, &row, &column, &late})
    for (const bool check_rows : {false, true})
      for (const std::int64_t chunk : {0, 1, 4}) {
        SCOPED_TRACE(std::to_string(f->rows) + " x " + std::to_string(f->cols) +
                     (check_rows ? " rows checked" : ""));
        const ReducedFactor reduced = reduce_factor(
            grid, 2, factor_of(*f), {.chunk = chunk, .check_rows = check_rows}, progress);
        const auto found = singular_values<long double>(gathered(reduced.a));
        const auto exact = singular_values<long double>(*f);
        EXPECT_LE(between(found, exact).absolute, reduced.backward_error);
        EXPECT_TRUE(std::isfinite(reduced.backward_error));
        // One column, one element: relative accuracy is known even there. A singular triangle: not.
        EXPECT_EQ(std::isfinite(reduced.relative_error), check_rows && f->cols == 1);
      }
}

TEST(StreamingQr, numbers_near_the_ends_of_the_range) {
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  test::Silent progress;
  for (const double size : {0x1p-1000, 0x1p+1000, 0x1p-400})
    for (const bool check_rows : {false, true}) {
      const MatrixFactor factor(30, 9,
                                [&](std::int64_t i, std::int64_t j) { return size * value(i, j); });
      const MatrixFactor plain(30, 9, [&](std::int64_t i, std::int64_t j) { return value(i, j); });
      const ReduceOptions options{.chunk = 8, .check_rows = check_rows};
      const ReducedFactor far = reduce_factor(grid, 4, factor, options, progress);
      const ReducedFactor near = reduce_factor(grid, 4, plain, options, progress);
      const Serial r = gathered(far.a), expected = gathered(near.a);
      for (std::size_t k = 0; k < r.data.size(); ++k)
        EXPECT_NEAR(r.data[k] / size, expected.data[k], 1e-14);
      EXPECT_NEAR(far.frobenius / size, near.frobenius, 1e-14);
      EXPECT_NEAR(far.backward_error / size, near.backward_error, 1e-17);
      EXPECT_EQ(std::isfinite(far.relative_error), check_rows);
    }
}

void expect_error(const MatrixFactor& factor, const ReduceOptions& options, ExitCode code,
                  const std::string& text) {
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  test::Silent progress;
  try {
    reduce_factor(grid, 4, factor, options, progress);
    FAIL() << "no error: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

TEST(StreamingQr, a_nan_is_reported_at_its_place) {
  for (const double bad : {double(NAN), double(INFINITY)})
    for (const auto& [rows, cols] : {std::pair<std::int64_t, std::int64_t>{30, 6}, {25, 40}})
      for (const bool check_rows : {false, true}) {
        const MatrixFactor factor(rows, cols, [bad](std::int64_t i, std::int64_t j) {
          return i == 23 && j == 4 ? bad : value(i, j);
        });
        expect_error(factor, {.chunk = 7, .check_rows = check_rows}, ExitCode::numeric,
                     "row 23, column 4");
      }
}

TEST(StreamingQr, rows_that_rise_beyond_the_range_are_refused) {
  const MatrixFactor factor(
      30, 6, [](std::int64_t i, std::int64_t j) { return value(i, j) * (i < 8 ? 1e-200 : 1e200); });
  expect_error(factor, {.chunk = 4}, ExitCode::numeric, "too far above");
}

TEST(StreamingQr, many_small_rows_behind_a_large_one_are_felt) {
  constexpr std::int64_t p = 20000;
  constexpr double small = 1e-8;
  const MatrixFactor factor(p, 1,
                            [](std::int64_t i, std::int64_t) { return i == 0 ? 1.0 : small; });
  const auto exact = static_cast<double>(std::sqrt(1.0L + (p - 1.0L) * small * small));
  for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
    SCOPED_TRACE(name);
    test::Silent progress;
    for (const std::int64_t chunk : {0, 2}) {
      const ReducedFactor reduced = reduce_factor(grid, 16, factor, {.chunk = chunk}, progress);
      const double off = std::abs(std::abs(gathered(reduced.a)(0, 0)) - exact);
      EXPECT_LE(off, reduced.backward_error) << chunk;
      if (chunk == 0) {
        EXPECT_LE(off, 1e-14);
      }
    }
  });
}

TEST(StreamingQr, memory_bounds_the_chunk) {
  const ProcessGrid grid(Communicator::world(), {1, 1});
  test::Silent progress;
  const MatrixFactor factor(900, 200, [](std::int64_t i, std::int64_t j) { return value(i, j); });
  const std::int64_t row = 200 * 8;
  EXPECT_EQ(reduce_factor(grid, 16, factor, {}, progress).chunk, 400);
  EXPECT_EQ(reduce_factor(grid, 16, factor, {.memory = row * 800}, progress).chunk, 300);
  EXPECT_EQ(reduce_factor(grid, 16, factor, {.memory = 1}, progress).chunk, 256);
  EXPECT_EQ(reduce_factor(grid, 16, factor, {.memory = row * 9000}, progress).chunk, 900);
}

}  // namespace
}  // namespace fathom
