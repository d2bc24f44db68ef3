#include "eigen/factor_spectrum.hpp"

#include "dist/operations.hpp"
#include "eigen/cascade_probes.hpp"
#include "eigen/eigensolver.hpp"
#include "known_factors.hpp"
#include "matrix_factor.hpp"
#include "silent_progress.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_cascade;
using test::MatrixFactor;

namespace {

const Communicator& world() {
  static Communicator comm = Communicator::world();
  return comm;
}

MatrixFactor source_of(const Plain& f, MatrixFactor::Options options = {}) {
  return MatrixFactor(
      f.rows, f.cols, [&f](std::int64_t i, std::int64_t j) { return f(i, j); }, options);
}

FactorSpectrum solve(const FactorSource& source, TailMethod method, bool vectors = false,
                     SilentProgress* said = nullptr) {
  SilentProgress log;
  return solve_factor(world(), source, method, vectors, {.block = 8}, {}, said ? *said : log);
}

std::vector<DoubleDouble> eigenvalues(const Plain& f) {
  std::vector<DoubleDouble> value = exact_singular_values(f);
  for (DoubleDouble& x : value)
    x *= x;
  value.resize(static_cast<std::size_t>(f.cols), DoubleDouble(0.0));
  return value;
}

void expect_honest(const FactorSpectrum& s, const std::vector<DoubleDouble>& exact) {
  ASSERT_EQ(s.eigenvalue.size(), exact.size());
  ASSERT_EQ(s.state.size(), exact.size());
  EXPECT_NE(s.certificate.verdict(), Verdict::fail);
  for (std::size_t j = 0; j < exact.size(); ++j) {
    const double error = std::abs(to_double(exact[j] - s.eigenvalue[j]));
    EXPECT_LE(error, s.error_bound[j]) << "mode " << j + 1;
    if (s.state[j] == ModeState::trusted) {
      EXPECT_LE(error, 0.1 * to_double(exact[j])) << "mode " << j + 1;
    }
  }
}

/// ‖Kz_j − λ_j z_j‖ over n ε λ₁, and ‖ZᵀZ − I‖ over nε, by random columns.
void expect_eigenvectors(const Plain& f, const FactorSpectrum& s) {
  const DistMatrix& z = *s.vectors;
  const std::int64_t n = f.cols;
  ASSERT_EQ(z.rows(), n);
  ASSERT_EQ(z.cols(), n);
  DistMatrix k = DistMatrix::make(z.grid(), n, n, z.mb(), z.nb());
  k.fill_from([&](std::int64_t i, std::int64_t j) {
    double sum = 0;
    for (std::int64_t l = 0; l < f.rows; ++l)
      sum += f(l, i) * f(l, j);
    return sum;
  });
  DistMatrix w = DistMatrix::make(z.grid(), n, n, z.mb(), z.nb());
  multiply(Op::none, Op::none, 1.0, k, z, 0.0, w);
  double worst = 0;
  for (std::int64_t j = 0; j < w.local_cols(); ++j) {
    const auto mode = static_cast<std::size_t>(w.global_col(LocalIndex(j)).value());
    for (std::int64_t i = 0; i < w.local_rows(); ++i)
      worst = std::max(worst, std::abs(w.local()(i, j) - s.eigenvalue[mode] * z.local()(i, j)));
  }
  const double n_epsilon = static_cast<double>(n) * unit_roundoff;
  EXPECT_LT(worst, 20 * n_epsilon * s.eigenvalue[0]);
  const PreciseColumns omega = random_signs(n, 4, 5);
  const PreciseColumns back = precise_apply(Op::transpose, z, precise_apply(Op::none, z, omega));
  EXPECT_LT(frobenius_from_signs(difference(back, omega), n), 60 * n_epsilon);
}

}  // namespace

TEST(FactorSpectrum, TallSquareAndWideByBothRoutes) {
  for (const auto& [rows, cols] : {std::pair{80, 30}, std::pair{40, 40}, std::pair{20, 34}}) {
    const std::int64_t rank = std::min(rows, cols);
    const Plain f = generic(rows, cols, power_law(rank, 9), 5);
    const MatrixFactor source = source_of(f);
    const auto exact = eigenvalues(f);
    for (const TailMethod method : {TailMethod::cascade, TailMethod::svd, TailMethod::automatic}) {
      const FactorSpectrum s = solve(source, method, true);
      expect_honest(s, exact);
      expect_eigenvectors(f, s);
      EXPECT_EQ(s.trusted, rank);
      EXPECT_EQ(s.null_by_rank, cols - rank);
      EXPECT_FALSE(s.fell_back) << s.fallback_reason;
      EXPECT_EQ(s.levels.empty(), s.method == TailMethod::svd);
      EXPECT_LT(s.floor(), 1e-10 * s.eigenvalue[0]);
    }
  }
}

TEST(FactorSpectrum, CouplingsThatAnIterationDropsAreInTheBound) {
  Plain f = Plain::zeros(5, 5);
  for (std::int64_t j = 0; j < 5; ++j) {
    f(j, j) = 1;
    if (j > 0) f(j - 1, j) = 1.05e-14;
  }
  for (const TailMethod method : {TailMethod::cascade, TailMethod::svd})
    for (const bool vectors : {false, true})
      expect_honest(solve(source_of(f), method, vectors), eigenvalues(f));
}

TEST(FactorSpectrum, RoundingOfDenormalEigenvaluesIsInTheBound) {
  const Plain f = generic(40, 25, power_law(25, 4), 3);
  const auto exact = eigenvalues(f);
  constexpr int shift = 530;
  const MatrixFactor tiny(
      f.rows, f.cols, [&f](std::int64_t i, std::int64_t j) { return std::ldexp(f(i, j), -shift); });
  for (const TailMethod method : {TailMethod::cascade, TailMethod::svd}) {
    const FactorSpectrum s = solve(tiny, method);
    EXPECT_LT(s.eigenvalue[10], std::numeric_limits<double>::min());
    for (std::size_t j = 0; j < exact.size(); ++j) {
      const double found = std::ldexp(s.eigenvalue[j], 2 * shift),
                   bound = std::ldexp(s.error_bound[j], 2 * shift),
                   error = std::abs(to_double(exact[j] - found));
      EXPECT_LE(error, bound) << "mode " << j + 1;
      if (s.state[j] == ModeState::trusted) {
        EXPECT_LE(error, 0.1 * to_double(exact[j])) << "mode " << j + 1;
      }
    }
  }
}

TEST(FactorSpectrum, RankDeficiencyIsNeverATail) {
  Plain f = Plain::zeros(60, 25);
  for (std::int64_t j = 0; j < 25; ++j)
    for (std::int64_t i = 0; i < 60; ++i)
      f(i, j) = static_cast<double>((i % 7) * (j % 3) + (i % 5) * (j % 4) - 6);
  const auto exact = eigenvalues(f);
  for (const TailMethod method : {TailMethod::cascade, TailMethod::svd})
    for (const bool graded : {false, true}) {
      MatrixFactor::Options options;
      options.graded = graded;
      const FactorSpectrum s = solve(source_of(f, options), method);
      expect_honest(s, exact);
      EXPECT_EQ(s.trusted, 3) << name(method) << graded;
      EXPECT_EQ(s.null_by_rank, 0);
    }
  // The source knows better.
  MatrixFactor::Options options;
  options.rank_bound = 3;
  const FactorSpectrum s = solve(source_of(f, options), TailMethod::cascade, true);
  EXPECT_EQ(s.null_by_rank, 22);
  EXPECT_EQ(s.state[3], ModeState::null_by_rank);
  EXPECT_EQ(s.eigenvalue[3], 0.0);
  expect_eigenvectors(f, s);
}

TEST(FactorSpectrum, GradedRowsToRelativeAccuracy) {
  const Plain f = row_graded(28, 28, geometric(28, 1e-25), 7);
  MatrixFactor::Options options;
  options.graded = true;
  const FactorSpectrum s = solve(source_of(f, options), TailMethod::automatic, true);
  auto exact = exact_singular_values(transposed(f));
  for (DoubleDouble& x : exact)
    x *= x;
  expect_honest(s, exact);
  EXPECT_EQ(s.trusted, 28);
  EXPECT_EQ(s.method, TailMethod::cascade);
  EXPECT_THAT(s.bound_summary(), testing::HasSubstr("graded"));
  EXPECT_EQ(s.bound_kind.back(), BoundKind::graded);
  expect_eigenvectors(f, s);
}

TEST(FactorSpectrum, WhatTheSourceLostIsInTheBoundOrBesideIt) {
  const Plain f = generic(30, 30, power_law(30, 12), 9);
  const FactorSpectrum exact = solve(source_of(f), TailMethod::cascade);
  MatrixFactor::Options options;
  options.row_error = 1e-10;
  options.dropped = 1e-7;
  const FactorSpectrum rough = solve(source_of(f, options), TailMethod::cascade);
  const double sigma = std::sqrt(exact.eigenvalue[4]);
  EXPECT_NEAR(rough.error_bound[4] - exact.error_bound[4], 1e-7 + 2e-10 * sigma * rough.frobenius,
              1e-11);
  EXPECT_LT(rough.trusted, exact.trusted);
  MatrixFactor::Options single;
  single.input_epsilon = 0x1p-24;
  const FactorSpectrum rounded = solve(source_of(f, single), TailMethod::cascade);
  EXPECT_EQ(rounded.error_bound, exact.error_bound);
  EXPECT_LT(rounded.trusted, exact.trusted);
  EXPECT_NEAR(rounded.representation[0], 2 * 0x1p-24 * rounded.frobenius, 1e-9);
}

TEST(FactorSpectrum, ExtremesAndFaultsOfTheSource) {
  for (const TailMethod method : {TailMethod::cascade, TailMethod::svd}) {
    Plain zero = Plain::zeros(5, 7);
    FactorSpectrum s = solve(source_of(zero), method, true);
    EXPECT_EQ(s.trusted, 0);
    EXPECT_EQ(s.eigenvalue, std::vector<double>(7, 0.0));
    EXPECT_EQ(s.null_by_rank, 2);

    for (const auto& [rows, cols] : {std::pair{1, 9}, std::pair{9, 1}, std::pair{1, 1}}) {
      const Plain thin = gaussian(rows, cols, 3);
      s = solve(source_of(thin), method, true);
      expect_honest(s, eigenvalues(thin));
      EXPECT_EQ(s.trusted, 1);
      expect_eigenvectors(thin, s);
    }
    for (const int exponent : {-480, 480}) {
      Plain scaled = generic(20, 12, power_law(12, 8), 2);
      for (double& x : scaled.value)
        x = std::ldexp(x, exponent);
      s = solve(source_of(scaled), method);
      EXPECT_EQ(s.trusted, 12);
      EXPECT_NEAR(std::ldexp(s.eigenvalue[0], -2 * exponent), 1, 1e-12);
    }
    Plain bad = gaussian(20, 12, 2);
    bad(7, 3) = std::numeric_limits<double>::quiet_NaN();
    try {
      solve(source_of(bad), method);
      ADD_FAILURE() << "a NaN went through";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::numeric);
    }
    Plain huge = Plain::zeros(3, 3);
    huge(0, 0) = 1e200;
    const MatrixFactor beyond = source_of(huge);
    EXPECT_THROW(solve(beyond, method), Error);
  }
  const Plain small = gaussian(4, 4, 1);
  const MatrixFactor any = source_of(small);
  EXPECT_THROW(solve(any, TailMethod::gram), AgreedError);
}

TEST(FactorSpectrum, TellsWhatItDoes) {
  SilentProgress log;
  const Plain f = generic(40, 30, power_law(30, 9), 5);
  solve(source_of(f), TailMethod::cascade, false, &log);
  EXPECT_THAT(log.notes, testing::Contains(testing::HasSubstr("cascade level 2")));
  EXPECT_THAT(log.notes, testing::Contains(testing::HasSubstr("30 of 30 eigenvalues trusted")));
  EXPECT_TRUE(log.warnings.empty());
}
