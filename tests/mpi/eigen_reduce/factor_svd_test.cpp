// Singular values and vectors of reduced factors, by every method.

#include "eigen/factor_svd.hpp"

#include "base/error.hpp"
#include "dist/operations.hpp"
#include "oracle.hpp"
#include "reference.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using test::between;
using test::for_each_grid;
using test::gathered;
using test::product;
using test::Quad;
using test::Serial;
using test::singular_values;
using test::transposed;
using test::value;
using test::with_spectrum;

DistMatrix distributed(const ProcessGrid& grid, const Serial& a, std::int64_t block) {
  DistMatrix d = DistMatrix::make(grid, a.rows, a.cols, block, block);
  d.fill_from([&](std::int64_t i, std::int64_t j) { return a(i, j); });
  return d;
}

bool single(const ProcessGrid& grid) {
  return grid.nprow() == 1 && grid.npcol() == 1;
}

TEST(FactorSvd, values_and_vectors_by_every_method_on_any_grid) {
  for (const auto& [p, q] :
       {std::pair<std::int64_t, std::int64_t>{21, 21}, {30, 11}, {7, 1}, {1, 1}}) {
    const Serial a =
        with_spectrum(p, q, [](std::int64_t j) { return 1 / double((j + 1) * (j + 1)); });
    const auto exact = singular_values<long double>(a);
    for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
      for (const auto method : {FactorSvdMethod::automatic, FactorSvdMethod::scalapack,
                                FactorSvdMethod::lapack, FactorSvdMethod::jacobi})
        for (const int wanted : {0, 1, 2, 3}) {
          if (!single(grid) && method > FactorSvdMethod::scalapack) continue;
          SCOPED_TRACE(name +
                       fmt::format(" {} x {}, method {}, vectors {}", p, q, int(method), wanted));
          DistMatrix d = distributed(grid, a, 4);
          const FactorSvd svd = factor_svd(d, wanted & 1, wanted & 2, method);
          ASSERT_EQ(std::ssize(svd.singular_value), q);
          for (std::size_t k = 0; k < exact.size(); ++k)
            EXPECT_NEAR(svd.singular_value[k], double(exact[k]), 20 * 0x1p-53);
          EXPECT_EQ(svd.right.has_value(), (wanted & 1) != 0);
          EXPECT_EQ(svd.left.has_value(), (wanted & 2) != 0);
          if (wanted != 3) continue;
          const Serial v = gathered(*svd.right), u = gathered(*svd.left);
          const Serial scaled(p, q, [&](std::int64_t i, std::int64_t j) {
            return u(i, j) * svd.singular_value[static_cast<std::size_t>(j)];
          });
          EXPECT_LT(test::distance(product(scaled, transposed(v)), a), 1e-14);
        }
    });
  }
}

TEST(FactorSvd, jacobi_keeps_small_values_of_graded_rows) {
  const ProcessGrid grid(Communicator::world(), {1, 1});
  const std::int64_t n = 16;
  const Serial a(n, n, [](std::int64_t i, std::int64_t j) {
    return i > j ? 0.0 : std::pow(10.0, -2.0 * double(i)) * ((i == j) + 0.3 * value(i, j));
  });
  const auto exact = singular_values<Quad>(a);
  DistMatrix d = distributed(grid, a, 4);
  const FactorSvd svd = factor_svd(d, true, true, FactorSvdMethod::jacobi);
  for (std::size_t k = 0; k < exact.size(); ++k)
    EXPECT_NEAR(svd.singular_value[k] / double(exact[k]), 1.0, 1e-14);
}

TEST(FactorSvd, zero_and_equal_values) {
  for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
    SCOPED_TRACE(name);
    for (const double size : {0.0, 3.0}) {
      DistMatrix d = DistMatrix::make(grid, 9, 9, 2, 2);
      d.fill_from([&](std::int64_t i, std::int64_t j) { return i == j ? size : 0.0; });
      for (const double s : factor_svd(d, true, true).singular_value)
        EXPECT_NEAR(s, size, 1e-15);
    }
  });
}

void expect_error(ExitCode code, const std::string& text, const ProcessGrid& grid, double bad,
                  FactorSvdMethod method) {
  DistMatrix d = DistMatrix::make(grid, 6, 5, 2, 2);
  d.fill_from([&](std::int64_t i, std::int64_t j) { return i == 4 && j == 2 ? bad : value(i, j); });
  try {
    factor_svd(d, false, false, method);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

TEST(FactorSvd, refuses_nan_and_what_needs_one_rank) {
  const Communicator world = Communicator::world();
  const ProcessGrid all(world, {1, world.size()});
  expect_error(ExitCode::numeric, "row 4, column 2", all, NAN, FactorSvdMethod::automatic);
  if (world.size() > 1)
    expect_error(ExitCode::usage, "1 x 1 grid", all, 1.0, FactorSvdMethod::jacobi);
}

}  // namespace
}  // namespace fathom
