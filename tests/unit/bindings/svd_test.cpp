#include "base/error.hpp"
#include "bindings/blas.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

struct Matrix {
  std::int64_t rows, cols;
  std::vector<double> data;
  Matrix(std::int64_t r, std::int64_t c)
      : rows(r), cols(c), data(static_cast<std::size_t>(std::max<std::int64_t>(1, r * c))) {}
  double& operator()(std::int64_t i, std::int64_t j) {
    return data[static_cast<std::size_t>(i + j * rows)];
  }
  MatrixView<double> view() { return {data.data(), rows, cols, std::max<std::int64_t>(1, rows)}; }
};

/// H₁·diag(σ)·H₂ with the reflections of (1, 2, …, m) and (1, 1, …, 1): known vectors.
Matrix reflected(std::int64_t m, std::int64_t n, const std::vector<double>& sigma) {
  Matrix a(m, n);
  const double left = double(m) * double(m + 1) * double(2 * m + 1) / 6.0;
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t k = 0; k < std::min(m, n); ++k) {
        const double u = (i == k) - 2 * double(i + 1) * double(k + 1) / left;
        const double v = (j == k) - 2.0 / double(n);
        a(i, j) += u * sigma[static_cast<std::size_t>(k)] * v;
      }
  return a;
}

std::vector<double> falling(std::int64_t count) {
  std::vector<double> sigma(static_cast<std::size_t>(count));
  for (std::size_t k = 0; k < sigma.size(); ++k)
    sigma[k] = 1.0 / double((k + 1) * (k + 1));
  return sigma;
}

/// max |A − U·diag(σ)·Vᵀ|, vt or v as given by `transposed`.
double residual(Matrix a, Matrix& u, const std::vector<double>& sigma, Matrix& v, bool transposed) {
  double largest = 0;
  for (std::int64_t j = 0; j < a.cols; ++j)
    for (std::int64_t i = 0; i < a.rows; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < std::ssize(sigma); ++k)
        sum += u(i, k) * sigma[static_cast<std::size_t>(k)] * (transposed ? v(k, j) : v(j, k));
      largest = std::max(largest, std::abs(sum - a(i, j)));
    }
  return largest;
}

TEST(Svd, divide_and_conquer_with_vectors_of_any_shape) {
  for (const auto& [m, n] : {std::pair{9, 9}, {14, 6}, {6, 14}, {1, 5}, {5, 1}, {1, 1}, {60, 40}}) {
    const std::int64_t k = std::min(m, n);
    const std::vector<double> sigma = falling(k);
    Matrix a = reflected(m, n, sigma), u(m, k), vt(k, n);
    Matrix copy = a;
    const std::vector<double> found = lapack::svd(copy.view(), u.view(), vt.view());
    for (std::size_t i = 0; i < sigma.size(); ++i)
      EXPECT_NEAR(found[i], sigma[i], 1e-14);
    EXPECT_LT(residual(a, u, found, vt, true), 1e-14) << m << " x " << n;
  }
}

/// D·B with D = 10^(−3i) and B = 2I + the strictly upper part of ones/(1 + j − i): σ from the
/// product with long doubles by Jacobi rotations on the rows.
TEST(Svd, jacobi_keeps_relative_accuracy_on_graded_rows) {
  constexpr std::int64_t n = 8;
  Matrix rows(n, n), columns(n, n);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = i; j < n; ++j) {
      rows(i, j) = std::pow(10.0, -3.0 * double(i)) * (i == j ? 2.0 : 1.0 / double(1 + j - i));
      columns(j, i) = rows(i, j);
    }
  std::vector<std::vector<long double>> x(n, std::vector<long double>(n));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      x[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = rows(i, j);
  for (int sweep = 0; sweep < 20; ++sweep)
    for (std::size_t p = 0; p + 1 < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        long double a = 0, b = 0, c = 0;
        for (std::size_t k = 0; k < n; ++k) {
          a += x[p][k] * x[p][k];
          b += x[q][k] * x[q][k];
          c += x[p][k] * x[q][k];
        }
        if (c == 0) continue;
        const long double zeta = (b - a) / (2 * c),
                          t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta)),
                          cosine = 1 / std::sqrt(1 + t * t), sine = cosine * t;
        for (std::size_t k = 0; k < n; ++k) {
          const long double old = x[p][k];
          x[p][k] = cosine * old - sine * x[q][k];
          x[q][k] = sine * old + cosine * x[q][k];
        }
      }
  std::vector<double> exact;
  for (const auto& row : x) {
    long double square = 0;
    for (const long double v : row)
      square += v * v;
    exact.push_back(static_cast<double>(std::sqrt(square)));
  }
  std::sort(exact.rbegin(), exact.rend());

  Matrix a = columns, v(n, n);
  const std::vector<double> jacobi = lapack::jacobi_svd(a.view(), v.view());
  EXPECT_LT(residual(columns, a, jacobi, v, false), 1e-14);
  Matrix b = rows, u(n, n), w(n, n);
  const std::vector<double> both = lapack::preconditioned_jacobi_svd(b.view(), u.view(), w.view());
  EXPECT_LT(residual(rows, u, both, w, false), 1e-14);
  Matrix c = rows, d = rows;
  const std::vector<double> values =
      lapack::preconditioned_jacobi_svd(c.view(), {nullptr, 0, 0, 1}, {nullptr, 0, 0, 1});
  const std::vector<double> right =
      lapack::preconditioned_jacobi_svd(d.view(), {nullptr, 0, 0, 1}, w.view());
  for (std::size_t i = 0; i < n; ++i) {
    for (const double found : {jacobi[i], both[i], values[i], right[i]})
      EXPECT_NEAR(found / exact[i], 1.0, 1e-14) << i;
  }
  // What the norm-wise route does with the rows in rising order: the last values are noise.
  Matrix e(n, n);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      e(i, j) = rows(n - 1 - i, j);
  Matrix f = e;
  const std::vector<double> pivoted =
      lapack::preconditioned_jacobi_svd(f.view(), {nullptr, 0, 0, 1}, {nullptr, 0, 0, 1});
  for (std::size_t i = 0; i < n; ++i)
    EXPECT_NEAR(pivoted[i] / exact[i], 1.0, 1e-14) << i;
  const std::vector<double> plain = lapack::singular_values(e.view());
  EXPECT_GT(std::abs(plain[n - 1] / exact[n - 1] - 1), 1e-3);
}

TEST(Svd, zero_one_column_and_nothing) {
  Matrix zero(4, 3), u(4, 3), vt(3, 3), v(3, 3);
  for (const double s : lapack::svd(zero.view(), u.view(), vt.view()))
    EXPECT_EQ(s, 0.0);
  Matrix again(4, 3);
  for (const double s : lapack::jacobi_svd(again.view(), v.view()))
    EXPECT_EQ(s, 0.0);
  Matrix third(4, 3);
  for (const double s : lapack::preconditioned_jacobi_svd(third.view(), u.view(), v.view()))
    EXPECT_EQ(s, 0.0);
  Matrix column(2, 1), one(1, 1);
  column(0, 0) = 3;
  column(1, 0) = -4;
  EXPECT_NEAR(lapack::jacobi_svd(column.view(), one.view())[0], 5.0, 1e-15);
  EXPECT_TRUE(lapack::jacobi_svd({nullptr, 2, 0, 2}, {nullptr, 0, 0, 1}).empty());
}

TEST(Svd, refuses_nan_and_infinity_instead_of_looping) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Matrix a = reflected(5, 4, falling(4)), u(5, 4), vt(4, 4);
    a(3, 2) = bad;
    for (int routine = 0; routine < 3; ++routine) {
      Matrix copy = a;
      try {
        if (routine == 0) lapack::svd(copy.view(), u.view(), vt.view());
        if (routine == 1) lapack::jacobi_svd(copy.view(), vt.view());
        if (routine == 2) lapack::preconditioned_jacobi_svd(copy.view(), u.view(), vt.view());
        FAIL() << "routine " << routine << " took " << bad;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::numeric);
        EXPECT_NE(std::string(error.what()).find("(3, 2)"), std::string::npos) << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace fathom
