#include "base/error.hpp"
#include "bindings/blas.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(Tridiagonal, nodes_and_weights_of_gauss_legendre_quadrature) {
  // Three points on [-1, 1]: nodes −√(3/5), 0, √(3/5), weights 5/18, 8/18, 5/18 of a unit measure.
  const std::vector<double> alpha(3, 0.0), beta{1 / std::sqrt(3.0), 2 / std::sqrt(15.0)};
  const lapack::TridiagonalEigen found = lapack::tridiagonal_eigen(alpha, beta);
  const double node = std::sqrt(0.6);
  const double nodes[] = {-node, 0, node}, weights[] = {5.0 / 18, 8.0 / 18, 5.0 / 18};
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(found.eigenvalue[k], nodes[k], 1e-15);
    EXPECT_NEAR(found.first_component[k] * found.first_component[k], weights[k], 1e-15);
  }
}

TEST(Tridiagonal, vectors_of_the_second_difference) {
  // 2 − 2cos(πj/(k+1)) with vectors sin(πij/(k+1)).
  constexpr std::int64_t k = 20;
  const std::vector<double> alpha(k, 2.0), beta(k - 1, -1.0);
  std::vector<double> vectors(k * k);
  const MatrixView<double> z{vectors.data(), k, k, k};
  const std::vector<double> value = lapack::tridiagonal_eigen(alpha, beta, z);
  for (std::int64_t j = 0; j < k; ++j) {
    const double angle = std::numbers::pi * double(j + 1) / double(k + 1);
    EXPECT_NEAR(value[static_cast<std::size_t>(j)], 2 - 2 * std::cos(angle), 1e-14);
    const double sign = z(0, j) > 0 ? 1 : -1;
    for (std::int64_t i = 0; i < k; ++i)
      EXPECT_NEAR(sign * z(i, j), std::sqrt(2.0 / (k + 1)) * std::sin(angle * double(i + 1)),
                  1e-13);
  }
}

TEST(Tridiagonal, orders_one_and_none) {
  const double four[] = {4.0};
  const lapack::TridiagonalEigen one = lapack::tridiagonal_eigen(four, {});
  EXPECT_EQ(one.eigenvalue[0], 4.0);
  EXPECT_EQ(std::abs(one.first_component[0]), 1.0);
  EXPECT_TRUE(lapack::tridiagonal_eigen({}, {}).eigenvalue.empty());
}

TEST(Tridiagonal, refuses_what_is_not_finite) {
  const std::vector<double> alpha{1, std::numeric_limits<double>::quiet_NaN()}, beta{1};
  try {
    lapack::tridiagonal_eigen(alpha, beta);
    FAIL() << "a NaN went through";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numeric);
  }
}

}  // namespace
}  // namespace fathom
