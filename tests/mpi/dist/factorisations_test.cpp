#include "dist/factorisations.hpp"

#include "dist/operations.hpp"
#include "reference.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using test::distance;
using test::for_each_grid;
using test::gathered;
using test::product;
using test::Serial;
using test::transposed;
using test::value;

DistMatrix random_matrix(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols,
                         std::int64_t block) {
  DistMatrix a = DistMatrix::make(grid, rows, cols, block, block);
  a.fill_from([](std::int64_t i, std::int64_t j) { return value(i, j); });
  return a;
}

Serial identity(std::int64_t n) {
  return Serial(n, n, [](std::int64_t i, std::int64_t j) { return i == j ? 1.0 : 0.0; });
}

template <class Body>
void for_each_layout(Body&& body) {
  for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
    for (const std::int64_t block : {1, 3, 16}) {
      if (grid.parent().size() > 4 && block != 3) continue;  // many small messages on few cores
      SCOPED_TRACE(name + " nb " + std::to_string(block));
      body(grid, block);
    }
  });
}

TEST(Factorisations, triangle_of_the_first_rows_and_no_others) {
  for_each_layout([](const ProcessGrid& grid, std::int64_t block) {
    for (const std::int64_t rows : {23, 11, 4, 1}) {
      DistMatrix a = random_matrix(grid, 25, 11, block);
      const Serial before(rows, 11, [](std::int64_t i, std::int64_t j) { return value(i, j); });
      reduce_to_triangle(a, rows);
      const Serial all = gathered(a);
      const Serial r(rows, 11, [&](std::int64_t i, std::int64_t j) { return all(i, j); });
      for (std::int64_t j = 0; j < 11; ++j)
        for (std::int64_t i = j + 1; i < 25; ++i)
          EXPECT_EQ(all(i, j), i < rows ? 0.0 : value(i, j)) << i << ", " << j;
      EXPECT_LT(distance(product(transposed(r), r), product(transposed(before), before)), 1e-13);
    }
  });
}

TEST(Factorisations, rows_reduced_each_to_its_own_accuracy) {
  for_each_layout([](const ProcessGrid& grid, std::int64_t block) {
    for (const std::int64_t rows : {12, 5, 1}) {
      const auto graded = [](std::int64_t i, std::int64_t j) {
        return std::pow(10.0, 10.0 - 5.0 * double(i)) * value(i, j);
      };
      DistMatrix a = DistMatrix::make(grid, rows, 12, block, block);
      a.fill_from(graded);
      const DistMatrix q = reduce_rows(a);
      const Serial whole = gathered(a), basis = gathered(q);
      const Serial l(rows, rows, [&](std::int64_t i, std::int64_t j) { return whole(i, j); });
      EXPECT_LT(distance(product(transposed(basis), basis), identity(rows)), 1e-14);
      const Serial back = product(l, transposed(basis));
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < 12; ++j) {
          EXPECT_NEAR(back(i, j) * std::pow(10.0, 5.0 * double(i) - 10.0), value(i, j), 1e-14);
          if (j > i) {
            EXPECT_EQ(whole(i, j), 0.0);
          }
        }
    }
  });
}

TEST(Factorisations, solves_and_inverts_triangles) {
  for_each_layout([](const ProcessGrid& grid, std::int64_t block) {
    const std::int64_t n = 13, m = 7;
    for (const Triangle triangle : {Triangle::lower, Triangle::upper}) {
      DistMatrix a = random_matrix(grid, n, n, block);
      for (std::int64_t i = 0; i < n; ++i)
        test::plant(a, i, i, 3.0 + value(i, i));
      keep_triangle(triangle, a);
      const Serial whole = gathered(a);
      EXPECT_EQ(whole(0, n - 1) == 0.0, triangle == Triangle::lower);
      EXPECT_EQ(whole(n - 1, 0) == 0.0, triangle == Triangle::upper);
      DistMatrix right = random_matrix(grid, m, n, block), left = random_matrix(grid, n, m, block);
      const Serial right0 = gathered(right), left0 = gathered(left);
      solve_triangular(Side::right, triangle, Op::none, 2.0, a, right);
      EXPECT_LT(
          distance(product(gathered(right), whole),
                   Serial(m, n, [&](std::int64_t i, std::int64_t j) { return 2 * right0(i, j); })),
          1e-12);
      solve_triangular(Side::left, triangle, Op::transpose, 1.0, a, left);
      EXPECT_LT(distance(product(transposed(whole), gathered(left)), left0), 1e-12);
      EXPECT_TRUE(invert_triangular(triangle, a));
      EXPECT_LT(distance(product(gathered(a), whole), identity(n)), 1e-13);
      test::plant(a, 5, 5, 0.0);
      EXPECT_FALSE(invert_triangular(triangle, a));
    }
  });
}

TEST(Factorisations, cholesky_tells_what_is_not_positive) {
  for_each_layout([](const ProcessGrid& grid, std::int64_t block) {
    const std::int64_t n = 12;
    const DistMatrix b = random_matrix(grid, n, n, block);
    DistMatrix a = DistMatrix::make(grid, n, n, block, block);
    a.fill(7.0);
    multiply(Op::none, Op::transpose, 1.0, b, b, 0.0, a);
    const Serial whole = gathered(a);
    EXPECT_TRUE(cholesky(a));
    const Serial l = gathered(a);
    EXPECT_EQ(l(0, n - 1), 0.0);
    EXPECT_LT(distance(product(l, transposed(l)), whole), 1e-13);
    a.fill(1.0);
    test::plant(a, 4, 4, -1.0);
    EXPECT_FALSE(cholesky(a));
  });
}

TEST(Factorisations, norms_and_scalings_of_rows_and_columns) {
  for_each_layout([](const ProcessGrid& grid, std::int64_t block) {
    DistMatrix a = DistMatrix::make(grid, 4, 3, block, block);
    a.fill_from([](std::int64_t i, std::int64_t j) {
      return std::pow(10.0, i == 1   ? 300.0
                            : i == 2 ? -300.0
                                     : 0.0) *
             (j == 1   ? 4.0
              : i == 3 ? 0
                       : 3.0);
    });
    const std::vector<double> rows = row_norms(a);
    EXPECT_NEAR(rows[0], std::sqrt(34.0), 1e-15);
    EXPECT_NEAR(rows[1] / 1e300, std::sqrt(34.0), 1e-14);
    EXPECT_NEAR(rows[2] / 1e-300, std::sqrt(34.0), 1e-14);
    EXPECT_EQ(rows[3], 4.0);
    scale_rows(a, std::vector<double>{1.0, 1e-300, 1e300, 1.0});
    scale_columns(a, std::vector<double>{1.0, 0.5, 0.0});
    const std::vector<double> columns = column_norms(a);
    EXPECT_NEAR(columns[0], std::sqrt(27.0), 1e-14);
    EXPECT_NEAR(columns[1], 4.0, 1e-14);
    EXPECT_EQ(columns[2], 0.0);
    test::plant(a, 2, 1, NAN);
    EXPECT_TRUE(std::isnan(row_norms(a)[2]));
    EXPECT_FALSE(std::isnan(row_norms(a)[1]));
  });
}

/// Well and badly conditioned columns, dependent, zero, huge and tiny ones: a basis always, of
/// their span wherever they have the rank.
TEST(Factorisations, columns_made_orthonormal) {
  using Entry = double (*)(std::int64_t, std::int64_t);
  struct Case {
    const char* what;
    Entry entry;
    double span;  // what the columns may lack of it, relative to their norm
  };
  const std::vector<Case> cases{
      {"dense", [](std::int64_t i, std::int64_t j) { return value(i, j); }, 1e-14},
      {"graded columns",
       [](std::int64_t i, std::int64_t j) {
         return std::pow(10.0, -20.0 * double(j)) * value(i, j);
       },
       1e-14},
      {"huge columns",
       [](std::int64_t i, std::int64_t j) { return (j % 2 ? 1.7e308 : 1e-300) * value(i, j); },
       1e-14},
      {"denormal columns",
       [](std::int64_t i, std::int64_t j) { return (j % 3 ? 1.0 : 1e-312) * value(i, j); }, 1e-11},
      {"nearly parallel",
       [](std::int64_t i, std::int64_t j) { return value(i, 0) + 1e-7 * value(i, j); }, 1e-14},
      {"parallel to rounding",
       [](std::int64_t i, std::int64_t j) { return value(i, 0) + 1e-16 * value(i, j); }, 1e-14},
      {"equal", [](std::int64_t i, std::int64_t) { return value(i, 0); }, 1e-14},
      {"some zero", [](std::int64_t i, std::int64_t j) { return j % 3 ? value(i, j) : 0.0; },
       1e-14},
      {"zero", [](std::int64_t, std::int64_t) { return 0.0; }, 1e-14},
      {"one row", [](std::int64_t i, std::int64_t j) { return i == 5 ? value(i, j) : 0.0; },
       1e-14}};
  for_each_layout([&](const ProcessGrid& grid, std::int64_t block) {
    for (const auto& [m, n] : {std::pair<std::int64_t, std::int64_t>{31, 11}, {9, 9}, {7, 1}})
      for (const Case& c : cases) {
        SCOPED_TRACE(c.what);
        DistMatrix a = DistMatrix::make(grid, m, n, block, block);
        a.fill_from(c.entry);
        orthonormalise_columns(a);
        const Serial q = gathered(a);
        EXPECT_LT(distance(product(transposed(q), q), identity(n)), 1e-14 * double(n));
        for (std::int64_t j = 0; j < n; ++j) {
          double largest = 0, lacks = 0;
          for (std::int64_t i = 0; i < m; ++i)
            largest = std::max(largest, std::abs(c.entry(i, j)));
          if (largest == 0) continue;
          // (I − QQᵀ)a of a column scaled to entries below 1.
          Serial x(m, 1, [&](std::int64_t i, std::int64_t) { return c.entry(i, j) / largest; });
          const Serial back = product(q, product(transposed(q), x));
          for (std::int64_t i = 0; i < m; ++i)
            lacks = std::max(lacks, std::abs(x(i, 0) - back(i, 0)));
          EXPECT_LT(lacks, c.span * double(m)) << "column " << j;
        }
      }
  });
}

TEST(Factorisations, svd_with_the_vectors_asked_for) {
  for_each_layout([](const ProcessGrid& grid, std::int64_t block) {
    for (const auto& [m, n] : {std::pair<std::int64_t, std::int64_t>{17, 17}, {23, 9}, {6, 1}}) {
      for (const int wanted : {0, 1, 2, 3}) {
        const bool left = wanted & 1, right = wanted & 2;
        DistMatrix a = random_matrix(grid, m, n, block);
        const Serial whole = gathered(a);
        DistMatrix u = DistMatrix::make(grid, m, n, block, block),
                   vt = DistMatrix::make(grid, n, n, block, block);
        std::vector<double> sigma(static_cast<std::size_t>(n), 0.0);
        if (grid.active()) {
          EXPECT_EQ(scalapack::pdgesvd(m, n, a.part(), sigma, left, u.part(), right, vt.part()), 0);
        }
        grid.parent().broadcast(sigma);
        double squares = 0, expected = 0;
        for (const double s : sigma)
          squares += s * s;
        for (const double x : whole.data)
          expected += x * x;
        EXPECT_NEAR(squares, expected, 1e-13 * expected);
        const Serial us = gathered(u), vts = gathered(vt);
        if (left) {
          EXPECT_LT(distance(product(transposed(us), us), identity(n)), 1e-14 * double(m));
        }
        if (right) {
          EXPECT_LT(distance(product(vts, transposed(vts)), identity(n)), 1e-14 * double(m));
        }
        if (!left || !right) continue;
        const Serial scaled(m, n, [&](std::int64_t i, std::int64_t j) {
          return us(i, j) * sigma[static_cast<std::size_t>(j)];
        });
        EXPECT_LT(distance(product(scaled, vts), whole), 1e-13);
      }
    }
  });
}

}  // namespace
}  // namespace fathom
