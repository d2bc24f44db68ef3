#include "bindings/blas.hpp"

#include "base/error.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <class T>
MatrixView<T> view(std::vector<T>& data, std::int64_t rows, std::int64_t cols) {
  return {data.data(), rows, cols, rows};
}

TEST(Blas, is_openblas_and_says_so) {
  EXPECT_THAT(blas_loaded(), HasSubstr("OpenBLAS"));
  const int before = blas_threads();
  set_blas_threads(1);
  EXPECT_EQ(blas_threads(), 1);
  set_blas_threads(before);
}

TEST(Blas, gemm_on_a_block_of_a_larger_array) {
  // A = [1 3; 2 4] inside 3 rows, B = [1 0; 1 2].
  std::vector<double> a{1, 2, -9, 3, 4, -9}, b{1, 1, 0, 2}, c{10, 10, 10, 10};
  const MatrixView<double> block{a.data(), 2, 2, 3};
  blas::gemm(Op::none, Op::none, 1.0, block, view(b, 2, 2), 0.5, view(c, 2, 2));
  EXPECT_THAT(c, ElementsAre(9, 11, 11, 13));
  blas::gemm(Op::transpose, Op::none, 1.0, block, view(b, 2, 2), 0.0, view(c, 2, 2));
  EXPECT_THAT(c, ElementsAre(3, 7, 4, 8));
  blas::gemm(Op::none, Op::transpose, 1.0, block, view(b, 2, 2), 0.0, view(c, 2, 2));
  EXPECT_THAT(c, ElementsAre(1, 2, 7, 10));
}

TEST(Blas, gemm_of_floats) {
  std::vector<float> a{1, 2, 3, 4}, b{1, 1, 0, 2}, c(4);
  blas::gemm(Op::none, Op::none, 1.0f, view(a, 2, 2), view(b, 2, 2), 0.0f, view(c, 2, 2));
  EXPECT_THAT(c, ElementsAre(4, 6, 6, 8));
}

TEST(Blas, empty_products_touch_nothing) {
  std::vector<double> c{5};
  const MatrixView<double> nothing{nullptr, 0, 0, 1};
  blas::gemm(Op::none, Op::none, 1.0, {nullptr, 0, 3, 1}, {nullptr, 3, 0, 3}, 0.0, nothing);
  blas::gemm(Op::none, Op::none, 1.0, {nullptr, 1, 0, 1}, {nullptr, 0, 1, 1}, 2.0, view(c, 1, 1));
  EXPECT_THAT(c, ElementsAre(10));
}

TEST(Blas, syrk_writes_one_triangle) {
  std::vector<double> a{1, 2, 3, 4}, c(4, 7.0);
  blas::syrk(Triangle::lower, Op::none, 1.0, view(a, 2, 2), 0.0, view(c, 2, 2));
  EXPECT_THAT(c, ElementsAre(10, 14, 7, 20));
  c.assign(4, 7.0);
  blas::syrk(Triangle::upper, Op::transpose, 1.0, view(a, 2, 2), 0.0, view(c, 2, 2));
  EXPECT_THAT(c, ElementsAre(5, 7, 11, 25));
}

TEST(Blas, symm_reads_one_triangle) {
  std::vector<double> a{1, 2, std::nan(""), 3}, b{1, 1}, c(2);
  blas::symm(Triangle::lower, 1.0, view(a, 2, 2), view(b, 2, 1), 0.0, view(c, 2, 1));
  EXPECT_THAT(c, ElementsAre(3, 5));
}

TEST(Blas, vectors) {
  std::vector<double> a{1, 2, 3, 4}, x{3, 4}, y{1, 1};
  blas::gemv(Op::none, 1.0, view(a, 2, 2), x, 2.0, y);
  EXPECT_THAT(y, ElementsAre(17, 24));
  blas::gemv(Op::transpose, 1.0, view(a, 2, 2), x, 0.0, y);
  EXPECT_THAT(y, ElementsAre(11, 25));
  EXPECT_EQ(blas::nrm2(x), 5);
  EXPECT_EQ(blas::dot(x, y), 133);
  blas::axpy(2.0, x, y);
  blas::scal(-1.0, y);
  EXPECT_THAT(y, ElementsAre(-17, -33));
}

TEST(BlasDeathTest, shapes_that_do_not_conform_are_bugs) {
  std::vector<double> a(6), c(4);
  EXPECT_EXIT(blas::gemm(Op::none, Op::none, 1.0, view(a, 2, 3), view(a, 2, 3), 0.0, view(c, 2, 2)),
              testing::ExitedWithCode(70), "gemm of op\\(A\\) 2 x 3, op\\(B\\) 2 x 3");
  EXPECT_EXIT(lapack::syevd(view(a, 2, 3), Triangle::lower, false), testing::ExitedWithCode(70),
              "syevd of 2 x 3");
}

TEST(Lapack, syevd_of_a_two_by_two) {
  // [2 1; 1 2]: 1 and 3, vectors (1, -1)/√2 and (1, 1)/√2.
  std::vector<double> a{2, 1, 99, 2};
  EXPECT_THAT(lapack::syevd(view(a, 2, 2), Triangle::lower, false),
              testing::Pointwise(testing::DoubleNear(1e-15), {1.0, 3.0}));
  a = {2, 1, 99, 2};
  lapack::syevd(view(a, 2, 2), Triangle::lower, true);
  EXPECT_NEAR(a[0] * a[1], -0.5, 1e-15);
  EXPECT_NEAR(a[2] * a[3], 0.5, 1e-15);
  a = {2, 99, 1, 2};
  EXPECT_NEAR(lapack::syevd(view(a, 2, 2), Triangle::upper, false)[1], 3.0, 1e-15);
}

std::vector<double> second_difference(std::int64_t n) {
  std::vector<double> a(static_cast<std::size_t>(n * n));
  for (std::int64_t i = 0; i < n; ++i) {
    a[static_cast<std::size_t>(i + i * n)] = 2;
    if (i + 1 < n) a[static_cast<std::size_t>(i + 1 + i * n)] = -1;
  }
  return a;
}

TEST(Lapack, syevr_of_the_second_difference) {
  // Eigenvalues 2 − 2 cos(kπ/(n+1)), k = 1 … n.
  const std::int64_t n = 40;
  const auto exact = [&](std::int64_t k) { return 2 - 2 * std::cos(double(k) * M_PI / (n + 1)); };
  std::vector<double> a = second_difference(n), z(static_cast<std::size_t>(n * 3));
  const auto top = lapack::syevr(view(a, n, n), Triangle::lower, n - 3, n - 1, view(z, n, 3));
  ASSERT_EQ(top.size(), 3u);
  for (std::size_t k = 0; k < 3; ++k)
    EXPECT_NEAR(top[k], exact(n - 2 + static_cast<std::int64_t>(k)), 1e-14);
  EXPECT_NEAR(blas::nrm2(std::span(z).first(n)), 1.0, 1e-14);
  a = second_difference(n);
  const auto all = lapack::syevr(view(a, n, n), Triangle::lower, 0, n - 1, {});
  ASSERT_EQ(std::ssize(all), n);
  for (std::int64_t k = 0; k < n; ++k)
    EXPECT_NEAR(all[static_cast<std::size_t>(k)], exact(k + 1), 1e-14);
}

TEST(Lapack, singular_values_descend) {
  std::vector<double> a{0, 3, 0, -4, 0, 0};  // 3 × 2: columns (0, 3, 0) and (-4, 0, 0)
  EXPECT_THAT(lapack::singular_values(view(a, 3, 2)),
              testing::Pointwise(testing::DoubleNear(1e-15), {4.0, 3.0}));
}

TEST(Lapack, workspace_beyond_32_bits_is_refused) {
  // Never touched: the size is refused before anything is read.
  double unused = 0;
  const std::int64_t n = 40'000;
  try {
    lapack::syevd({&unused, n, n, n}, Triangle::lower, true);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::no_fit);
    EXPECT_THAT(error.what(), HasSubstr("workspace of dsyevd"));
  }
}

}  // namespace
}  // namespace fathom
