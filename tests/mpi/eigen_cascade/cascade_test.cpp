#include "eigen/cascade.hpp"

#include "dist/operations.hpp"
#include "eigen/cascade_basis.hpp"
#include "eigen/cascade_probes.hpp"
#include "eigen/cascade_vectors.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/error_bound.hpp"
#include "known_factors.hpp"
#include "silent_progress.hpp"

#include <cmath>
#include <cstdio>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_cascade;

namespace {

const Communicator& world() {
  static Communicator comm = Communicator::world();
  return comm;
}

struct EndSolvers : testing::Environment {
  void TearDown() override { finalize_solvers(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new EndSolvers);

ProcessGrid grid_for(std::int64_t n, std::int64_t block) {
  return ProcessGrid(world(), choose_grid(world().size(), n, block));
}

DistMatrix distributed(const ProcessGrid& grid, std::int64_t block, const Plain& a) {
  DistMatrix d = DistMatrix::make(grid, a.rows, a.cols, block, block);
  d.fill_from([&](std::int64_t i, std::int64_t j) { return a(i, j); });
  return d;
}

double bound_of(const CascadeResult& r, std::size_t j, double condition) {
  const double s = r.singular_value[j];
  return std::min(r.absolute[j], s > 0 ? r.row_relative[j] * condition * s : r.absolute[j]) +
         r.relative[j] * s;
}

/// Every singular value within its bound of the exact one.
void expect_exact(const Plain& a, const CascadeResult& r, const std::vector<DoubleDouble>& exact,
                  double condition = std::numeric_limits<double>::infinity()) {
  ASSERT_EQ(r.singular_value.size(), static_cast<std::size_t>(a.cols));
  for (std::size_t j = 0; j < exact.size(); ++j) {
    const double error = std::abs(to_double(exact[j] - r.singular_value[j]));
    EXPECT_LE(error, bound_of(r, j, condition)) << "mode " << j + 1 << " of " << exact.size();
    EXPECT_LE(r.singular_value[j], r.singular_value[j > 0 ? j - 1 : 0]);
  }
}

double orthogonality(const DistMatrix& z) {
  const PreciseColumns omega = random_signs(z.cols(), 4, 5);
  return frobenius_from_signs(
      difference(precise_apply(Op::transpose, z, precise_apply(Op::none, z, omega)), omega),
      z.cols());
}

}  // namespace

TEST(Cascade, SteepSpectraToTheSquareOfTheRoundoff) {
  for (const double alpha : {2.0, 8.0, 10.0}) {
    const Plain a = generic(50, 40, power_law(40, alpha), 3);
    SilentProgress log;
    const CascadeResult r = cascade(distributed(grid_for(40, 8), 8, a), {}, log);
    expect_exact(a, r, exact_singular_values(a));
    EXPECT_EQ(r.resolved, 40);
    EXPECT_LT(bound_of(r, 39, 1e300), 0.04 * r.singular_value[39]) << alpha;
    EXPECT_EQ(log.lines(), r.levels.size());
  }
}

TEST(Cascade, VectorsAreOrthonormalAndBelongToTheirValues) {
  for (const std::int64_t block : {1, 5, 16}) {
    const Plain a = generic(70, 70, power_law(70, 9), 4);
    const ProcessGrid grid = grid_for(70, block);
    SilentProgress log;
    CascadeOptions options;
    options.left = options.right = true;
    const CascadeResult r = cascade(distributed(grid, block, a), options, log);
    ASSERT_GE(r.levels.size(), 2u);
    EXPECT_LT(orthogonality(*r.right), 60 * 70 * unit_roundoff);
    EXPECT_LT(orthogonality(*r.left), 60 * 70 * unit_roundoff);
    DistMatrix d = distributed(grid, block, a);
    for (const bool left : {false, true}) {
      const DistMatrix& z = left ? *r.left : *r.right;
      DistMatrix w = DistMatrix::make(grid, 70, z.cols(), block, block);
      multiply(left ? Op::transpose : Op::none, Op::none, 1.0, d, z, 0.0, w);
      const std::vector<double> norm = leading_column_norms(w, z.cols());
      for (std::size_t j = 0; j < norm.size(); ++j)
        EXPECT_NEAR(norm[j], r.singular_value[j], 70 * unit_roundoff) << left << " " << j;
    }
  }
}

TEST(Cascade, SmallHeadsWithoutEigenvectorsOfTheRest) {
  const Plain a = generic(90, 80, power_law(80, 9), 12);
  const ProcessGrid grid = grid_for(80, 8);
  SilentProgress log;
  CascadeOptions options;
  options.right = true;
  options.subspace_from = 64;
  options.threshold = 1e-8;  // a head of fewer than a quarter of the columns
  const CascadeResult r = cascade(distributed(grid, 8, a), options, log);
  EXPECT_TRUE(r.levels.front().small_head);
  EXPECT_FALSE(r.levels.back().small_head);
  EXPECT_LT(r.levels.front().leak, 1e-6);
  EXPECT_LT(orthogonality(*r.right), 60 * 80 * unit_roundoff);
  expect_exact(a, r, exact_singular_values(a));
  EXPECT_LT(bound_of(r, 79, 1e300), 0.04 * r.singular_value[79]);
  DistMatrix w = DistMatrix::make(grid, 90, 80, 8, 8);
  multiply(Op::none, Op::none, 1.0, distributed(grid, 8, a), *r.right, 0.0, w);
  const std::vector<double> norm = leading_column_norms(w, 80);
  for (std::size_t j = 0; j < norm.size(); ++j)
    EXPECT_NEAR(norm[j], r.singular_value[j], 80 * unit_roundoff) << j;
  // A flat spectrum has no small head.
  const Plain flat = gaussian(90, 80, 13);
  const CascadeResult one = cascade(distributed(grid, 8, flat), options, log);
  EXPECT_FALSE(one.levels.front().small_head);
  EXPECT_EQ(one.levels.size(), 1u);
}

TEST(Cascade, ABlockReflectorCarriesItsColumns) {
  const ProcessGrid grid = grid_for(30, 4);
  const Plain v = orthonormal(30, 7, 2);
  const LevelBasis basis = LevelBasis::reflector(distributed(grid, 4, v));
  const DistMatrix full = basis.matrix();
  EXPECT_LT(orthogonality(full), 30 * 30 * unit_roundoff);
  for (std::int64_t j = 0; j < full.local_cols(); ++j)
    for (std::int64_t i = 0; i < full.local_rows(); ++i) {
      const std::int64_t row = full.global_row(LocalIndex(i)).value();
      const std::int64_t col = full.global_col(LocalIndex(j)).value();
      if (col < 7) {
        EXPECT_NEAR(full.local()(i, j), v(row, col), 30 * unit_roundoff);
      }
    }
  const PreciseColumns x = random_signs(30, 3, 1);
  for (const Op op : {Op::none, Op::transpose})
    EXPECT_LT(frobenius_from_signs(difference(basis.apply(op, x), precise_apply(op, full, x)), 30),
              1e-13);
  const Plain a = gaussian(40, 30, 5);
  const DistMatrix product = basis.product(distributed(grid, 4, a));
  DistMatrix expected = DistMatrix::make(grid, 40, 30, 4, 4);
  multiply(Op::none, Op::none, 1.0, distributed(grid, 4, a), full, 0.0, expected);
  for (std::int64_t j = 0; j < expected.local_cols(); ++j)
    for (std::int64_t i = 0; i < expected.local_rows(); ++i)
      EXPECT_NEAR(product.local()(i, j), expected.local()(i, j), 1e-13);
}

TEST(Cascade, ExactNullSpaceRepeatedValuesAndTinyMatrices) {
  SilentProgress log;
  // Integers: rank 3 exactly.
  Plain low = Plain::zeros(30, 20);
  for (std::int64_t j = 0; j < 20; ++j)
    for (std::int64_t i = 0; i < 30; ++i)
      low(i, j) =
          static_cast<double>((i % 4) * (j % 3) + (i % 5) * (j % 7) + 2 * (i % 2) * (j % 5));
  CascadeResult r = cascade(distributed(grid_for(20, 4), 4, low), {}, log);
  expect_exact(low, r, exact_singular_values(low));
  for (std::size_t j = 3; j < 20; ++j)
    EXPECT_GT(bound_of(r, j, 1e300), 0.05 * r.singular_value[j]) << "a null mode looks trusted";

  Plain identity = Plain::zeros(33, 33);
  for (std::int64_t i = 0; i < 33; ++i)
    identity(i, i) = 0.125;
  CascadeOptions both;
  both.right = both.left = true;
  r = cascade(distributed(grid_for(33, 8), 8, identity), both, log);
  EXPECT_EQ(r.levels.size(), 1u);
  for (const double s : r.singular_value)
    EXPECT_NEAR(s, 0.125, 1e-16);

  Plain one = Plain::zeros(1, 1);
  one(0, 0) = -3e-200;
  r = cascade(distributed(grid_for(1, 8), 8, one), both, log);
  EXPECT_DOUBLE_EQ(r.singular_value[0], 3e-200);
  EXPECT_LT(bound_of(r, 0, 1e300), 1e-214);

  r = cascade(distributed(grid_for(7, 2), 2, Plain::zeros(9, 7)), both, log);
  EXPECT_TRUE(r.levels.empty());
  EXPECT_EQ(r.resolved, 0);
  EXPECT_EQ(r.singular_value, std::vector<double>(7, 0.0));
  EXPECT_EQ(r.absolute, std::vector<double>(7, 0.0));
  EXPECT_LT(orthogonality(*r.right), 1e-15);
  EXPECT_EQ(r.left->cols(), 0);
}

TEST(Cascade, RowGradedMatricesKeepRelativeAccuracyFarBelowTheNorm) {
  const std::int64_t n = 24;
  const Plain a = row_graded(n, n, geometric(n, 1e-30), 6);
  // ‖B⁻¹‖ of the rows brought to norm 1, by the oracle.
  Plain b = a;
  for (std::int64_t i = 0; i < n; ++i) {
    double square = 0;
    for (std::int64_t j = 0; j < n; ++j)
      square += a(i, j) * a(i, j);
    for (std::int64_t j = 0; j < n; ++j)
      b(i, j) /= std::sqrt(square);
  }
  const double condition = 1.001 / to_double(exact_singular_values(b).back());
  SilentProgress log;
  CascadeOptions options;
  options.row_condition = condition;
  const CascadeResult r = cascade(distributed(grid_for(n, 4), 4, a), options, log);
  expect_exact(a, r, exact_singular_values(transposed(a)), condition);
  EXPECT_EQ(r.resolved, n);
  EXPECT_LT(bound_of(r, n - 1, condition), 1e-10 * r.singular_value[n - 1]);
  // Without the condition the same matrix ends at its norm-wise floor.
  const CascadeResult blunt = cascade(distributed(grid_for(n, 4), 4, a), {}, log);
  EXPECT_LT(blunt.resolved, n);
  expect_exact(a, blunt, exact_singular_values(transposed(a)));
}

TEST(Cascade, ScalesDoNotMatter) {
  const Plain a = generic(30, 30, power_law(30, 8), 8);
  SilentProgress log;
  const CascadeResult plain = cascade(distributed(grid_for(30, 4), 4, a), {}, log);
  for (const int exponent : {-700, 700}) {
    Plain scaled = a;
    for (double& x : scaled.value)
      x = std::ldexp(x, exponent);
    const CascadeResult r = cascade(distributed(grid_for(30, 4), 4, scaled), {}, log);
    for (std::size_t j = 0; j < 30; ++j)
      // Not bit by bit: sums over ranks come in any order.
      EXPECT_NEAR(std::ldexp(r.singular_value[j], -exponent), plain.singular_value[j],
                  bound_of(plain, j, 1e300));
  }
}

TEST(CascadeProbes, SeeRoundingThatPlainProductsDoNot) {
  const Plain a = gaussian(37, 29, 9);
  const ProcessGrid grid = grid_for(29, 4);
  const DistMatrix d = distributed(grid, 4, a);
  const PreciseColumns x = random_signs(29, 3, 4);
  const PreciseColumns y = precise_apply(Op::none, d, x);
  const PreciseColumns back = precise_apply(Op::transpose, d, y);
  for (std::int64_t c = 0; c < 3; ++c) {
    std::vector<DoubleDouble> exact(37, 0.0), again(29, 0.0);
    for (std::int64_t j = 0; j < 29; ++j)
      for (std::int64_t i = 0; i < 37; ++i)
        exact[static_cast<std::size_t>(i)] += DoubleDouble(a(i, j)) * x.hi[x.at(j, c)];
    for (std::int64_t j = 0; j < 29; ++j)
      for (std::int64_t i = 0; i < 37; ++i)
        again[static_cast<std::size_t>(j)] += exact[static_cast<std::size_t>(i)] * a(i, j);
    const auto off = [&](const PreciseColumns& p, std::int64_t i, const DoubleDouble& e) {
      return std::abs(to_double(e - DoubleDouble(p.hi[p.at(i, c)], p.lo[p.at(i, c)])));
    };
    for (std::int64_t i = 0; i < 37; ++i)
      EXPECT_LT(off(y, i, exact[static_cast<std::size_t>(i)]), 1e-29);
    for (std::int64_t j = 0; j < 29; ++j)
      EXPECT_LT(off(back, j, again[static_cast<std::size_t>(j)]), 1e-28);
  }
}

TEST(CascadeVectors, PermutedCompletedOrthonormal) {
  const ProcessGrid grid = grid_for(23, 3);
  DistMatrix a = DistMatrix::make(grid, 11, 23, 3, 3);
  const auto value = [](std::int64_t i, std::int64_t j) {
    return static_cast<double>(100 * i + j);
  };
  a.fill_from(value);
  std::vector<std::int64_t> source;
  for (std::int64_t j = 0; j < 23; ++j)
    source.push_back((7 * j + 3) % 23);
  permute_columns(a, source);
  for (std::int64_t j = 0; j < a.local_cols(); ++j)
    for (std::int64_t i = 0; i < a.local_rows(); ++i)
      EXPECT_EQ(a.local()(i, j),
                value(a.global_row(LocalIndex(i)).value(),
                      source[static_cast<std::size_t>(a.global_col(LocalIndex(j)).value())]));

  Plain rough = orthonormal(40, 13, 2);
  for (std::size_t k = 0; k < rough.value.size(); ++k)
    rough.value[k] += 1e-3 * std::sin(static_cast<double>(k));
  const ProcessGrid wide = grid_for(40, 4);
  DistMatrix u = distributed(wide, 4, rough);
  EXPECT_GT(orthogonality(u), 1e-4);
  orthonormalise(u);
  EXPECT_LT(orthogonality(u), 1e-14);
  const DistMatrix basis = completed_basis(u);
  EXPECT_EQ(basis.cols(), 40);
  EXPECT_LT(orthogonality(basis), 60 * 40 * unit_roundoff);
  for (std::int64_t j = 0; j < u.local_cols(); ++j)
    for (std::int64_t i = 0; i < u.local_rows(); ++i)
      EXPECT_EQ(basis.local()(i, j), u.local()(i, j));
  DistMatrix dependent = DistMatrix::make(wide, 40, 2, 4, 4);
  dependent.fill(1 / std::sqrt(40.0));
  EXPECT_THROW(orthonormalise(dependent), AgreedError);
}
