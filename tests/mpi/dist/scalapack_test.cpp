// The wrapped ScaLAPACK drivers on a matrix whose eigenvalues are known: A = QΛQᵀ with the
// Householder reflection Q = I − 2vvᵀ, so that a_ij = λ_i δ_ij − 2 v_i v_j (λ_i + λ_j − 2 Σ λ_k
// v_k²).

#include "bindings/scalapack.hpp"

#include "dist/operations.hpp"
#include "reference.hpp"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr std::int64_t n = 45;

double eigenvalue(std::int64_t k) {
  return static_cast<double>(k + 1);
}

double reflector(std::int64_t i) {
  const double norm = std::sqrt(double(n) * double(n + 1) * double(2 * n + 1) / 6.0);
  return static_cast<double>(i + 1) / norm;
}

DistMatrix known_matrix(const ProcessGrid& grid, std::int64_t nb) {
  double mean = 0;
  for (std::int64_t k = 0; k < n; ++k)
    mean += eigenvalue(k) * reflector(k) * reflector(k);
  DistMatrix a = DistMatrix::make(grid, n, n, nb, nb);
  a.fill_from([mean](std::int64_t i, std::int64_t j) {
    return (i == j ? eigenvalue(i) : 0.0) -
           2 * reflector(i) * reflector(j) * (eigenvalue(i) + eigenvalue(j) - 2 * mean);
  });
  return a;
}

template <class Body>
void for_each_active(Body&& body) {
  test::for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
    SCOPED_TRACE(name);
    DistMatrix a = known_matrix(grid, 6), z = DistMatrix::make(grid, n, n, 6, 6);
    if (grid.active()) body(a, z);
  });
}

void expect_eigenvalues(std::span<const double> w, std::int64_t first = 0) {
  for (std::size_t k = 0; k < w.size(); ++k)
    EXPECT_NEAR(w[k], eigenvalue(first + static_cast<std::int64_t>(k)), 1e-12 * n);
}

/// Columns of z against the columns of Q, whose signs are free.
void expect_vectors(const DistMatrix& z, std::int64_t count, std::int64_t first = 0) {
  for (std::int64_t j = 0; j < z.local_cols(); ++j)
    for (std::int64_t i = 0; i < z.local_rows(); ++i) {
      const std::int64_t row = z.global_row(LocalIndex(i)).value();
      const std::int64_t col = z.global_col(LocalIndex(j)).value();
      if (col >= count) continue;
      const std::int64_t k = first + col;
      const double wanted = (row == k ? 1.0 : 0.0) - 2 * reflector(row) * reflector(k);
      EXPECT_NEAR(std::abs(z.local()(i, j)), std::abs(wanted), 1e-11);
    }
}

const scalapack::Part no_vectors(const DistMatrix& a) {
  return {nullptr, a.descriptor()};
}

TEST(ScaLapack, pdsyev_values_and_vectors) {
  for_each_active([](DistMatrix& a, DistMatrix& z) {
    std::vector<double> w(n);
    EXPECT_EQ(scalapack::pdsyev(Triangle::lower, n, a.part(), w, z.part()), 0);
    expect_eigenvalues(w);
    expect_vectors(z, n);
  });
  for_each_active([](DistMatrix& a, DistMatrix&) {
    std::vector<double> w(n);
    EXPECT_EQ(scalapack::pdsyev(Triangle::lower, n, a.part(), w, no_vectors(a)), 0);
    expect_eigenvalues(w);
  });
}

TEST(ScaLapack, pdsyevd_vectors) {
  for_each_active([](DistMatrix& a, DistMatrix& z) {
    std::vector<double> w(n);
    EXPECT_EQ(scalapack::pdsyevd(Triangle::lower, n, a.part(), w, z.part()), 0);
    expect_eigenvalues(w);
    expect_vectors(z, n);
  });
}

TEST(ScaLapack, pdsyevr_all_and_a_range) {
  for_each_active([](DistMatrix& a, DistMatrix& z) {
    std::vector<double> w(n);
    EXPECT_EQ(scalapack::pdsyevr(Triangle::lower, n, a.part(), 0, n - 1, w, z.part()), 0);
    expect_eigenvalues(w);
    expect_vectors(z, n);
  });
  for_each_active([](DistMatrix& a, DistMatrix&) {
    std::vector<double> w(n);
    EXPECT_EQ(scalapack::pdsyevr(Triangle::lower, n, a.part(), n - 5, n - 1, w, no_vectors(a)), 0);
    expect_eigenvalues(std::span(w).first(5), n - 5);
  });
}

TEST(ScaLapack, singular_values_of_a_symmetric_matrix) {
  for_each_active([](DistMatrix& a, DistMatrix&) {
    std::vector<double> s(n);
    EXPECT_EQ(scalapack::pdgesvd_values(n, n, a.part(), s), 0);
    std::reverse(s.begin(), s.end());
    expect_eigenvalues(s);
  });
}

TEST(ScaLapack, norms_agree_with_ours) {
  test::for_each_grid(Communicator::world(), [](const ProcessGrid& grid, const std::string& name) {
    const DistMatrix a = known_matrix(grid, 4);
    const double frobenius = frobenius_norm(a, SymmetricFill::full), largest = max_abs(a);
    if (!grid.active()) return;
    EXPECT_NEAR(scalapack::pdlansy('F', Triangle::lower, n, a.part()), frobenius, 1e-12 * frobenius)
        << name;
    EXPECT_EQ(scalapack::pdlange('M', n, n, a.part()), largest) << name;
  });
}

TEST(ScaLapack, adds_a_transpose) {
  test::for_each_grid(Communicator::world(), [](const ProcessGrid& grid, const std::string& name) {
    DistMatrix a = DistMatrix::make(grid, 20, 30, 4, 4), b = DistMatrix::make(grid, 30, 20, 4, 4);
    a.fill_from([](auto i, auto j) { return test::value(i, j, 1); });
    b.fill_from([](auto i, auto j) { return test::value(i, j, 2); });
    if (grid.active())
      scalapack::pdgeadd(Op::transpose, 30, 20, 2.0, std::as_const(a).part(), -1.0, b.part());
    const test::Serial wanted(
        30, 20, [](auto i, auto j) { return 2.0 * test::value(j, i, 1) - test::value(i, j, 2); });
    EXPECT_LT(test::distance(test::gathered(b), wanted), 1e-15) << name;
  });
}

}  // namespace
}  // namespace fathom
