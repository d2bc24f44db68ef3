// Row-graded factors: every singular value to relative accuracy, against quadruple precision.

#include "dist/operations.hpp"
#include "eigen/streaming_qr.hpp"
#include "matrix_factor.hpp"
#include "oracle.hpp"
#include "reference.hpp"
#include "silent.hpp"

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using test::between;
using test::for_each_grid;
using test::gathered;
using test::MatrixFactor;
using test::product;
using test::Quad;
using test::Serial;
using test::singular_values;
using test::transposed;
using test::value;

/// Rows that fall over 10^range from the first to the last.
Serial graded(std::int64_t rows, std::int64_t cols, double range) {
  return Serial(rows, cols, [&](std::int64_t i, std::int64_t j) {
    return std::pow(10.0, -range * double(i) / double(rows)) * value(i, j);
  });
}

MatrixFactor factor_of(const Serial& f) {
  return MatrixFactor(f.rows, f.cols, [&f](std::int64_t i, std::int64_t j) { return f(i, j); },
                      {.graded = true});
}

double distance_to_identity(const Serial& gram) {
  return test::distance(gram, Serial(gram.rows, gram.cols, [](std::int64_t i, std::int64_t j) {
                          return i == j ? 1.0 : 0.0;
                        }));
}

TEST(GradedRows, relative_accuracy_at_any_shape_and_chunk) {
  for (const auto& [p, n] : {std::pair<std::int64_t, std::int64_t>{17, 17}, {50, 17}, {9, 17}})
    for (const double range : {3.0, 30.0, 80.0}) {
      if (Communicator::world().size() > 2 && range != 30.0) continue;
      const Serial f = graded(p, n, range);
      const auto exact = singular_values<Quad>(f);
      for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
        test::Silent progress;
        for (const std::int64_t chunk : {0, 1, 7}) {
          if (chunk == 1 && grid.parent().size() > 2) continue;
          SCOPED_TRACE(name + fmt::format(" {} x {}, 1e-{}, chunk {}", p, n, range, chunk));
          const MatrixFactor factor = factor_of(f);
          const ReducedFactor reduced =
              reduce_factor(grid, 4, factor, {.chunk = chunk, .check_rows = true}, progress);
          EXPECT_EQ(reduced.a.rows(), std::min(p, n));
          EXPECT_FALSE(reduced.transposed);
          const Serial r = gathered(reduced.a);
          for (std::int64_t j = 0; j < r.cols; ++j)
            for (std::int64_t i = j + 1; i < r.rows; ++i)
              EXPECT_EQ(r(i, j), 0.0);
          const auto off = between(singular_values<Quad>(r), exact);
          EXPECT_LE(off.relative, reduced.relative_error);
          EXPECT_LE(off.relative, 2e-14);
          EXPECT_LE(off.absolute, reduced.backward_error);
          EXPECT_LE(reduced.relative_error, 1e-11);
          EXPECT_LE(reduced.orthogonality, 1e-13);
          EXPECT_LE(reduced.row_condition, 1e3);
          // Small rows are read once, others a second time to be measured.
          EXPECT_GE(factor.rows_handed_out(), p);
          EXPECT_LE(factor.rows_handed_out(), p + std::max<std::int64_t>(0, p - n));
          EXPECT_TRUE(progress.warnings.empty());
        }
      });
    }
}

/// K = rotation·aᵀa·rotationᵀ, and vectors of a turn into those of F.
TEST(GradedRows, the_rotation_leads_back) {
  for (const auto& [p, n] : {std::pair<std::int64_t, std::int64_t>{40, 13}, {6, 13}}) {
    const Serial f = graded(p, n, 12.0);
    for_each_grid(Communicator::world(), [&](const ProcessGrid& grid, const std::string& name) {
      SCOPED_TRACE(name);
      test::Silent progress;
      const ReducedFactor reduced =
          reduce_factor(grid, 4, factor_of(f), {.check_rows = true}, progress);
      ASSERT_TRUE(reduced.rotation.has_value());
      const Serial q = gathered(*reduced.rotation), r = gathered(reduced.a);
      EXPECT_LT(distance_to_identity(product(transposed(q), q)), 1e-14);
      const Serial back = product(r, transposed(q));
      EXPECT_LT(test::distance(product(transposed(back), back), product(transposed(f), f)), 1e-14);
      DistMatrix identity = DistMatrix::make(grid, reduced.a.rows(), reduced.a.cols(), 4, 4);
      identity.fill_from([](std::int64_t i, std::int64_t j) { return i == j ? 1.0 : 0.0; });
      EXPECT_LT(test::distance(gathered(right_vectors(reduced, std::move(identity))), q), 1e-15);
    });
  }
}

/// A relative error η of every row stays within row_sensitivity·η of every value, and the bound is
/// met to within three orders of magnitude.
TEST(GradedRows, sensitivity_to_errors_of_rows) {
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  test::Silent progress;
  for (const double range : {0.0, 5.0, 40.0}) {
    const std::int64_t p = 40, n = 14;
    const Serial f = graded(p, n, range);
    const auto exact = singular_values<Quad>(f);
    const ReducedFactor reduced =
        reduce_factor(grid, 4, factor_of(f), {.check_rows = true}, progress);
    const double eta = 1e-9;
    double worst = 0;
    for (const std::uint64_t salt : {21u, 22u, 23u, 24u}) {
      const Serial disturbed(p, n, [&](std::int64_t i, std::int64_t j) {
        // Entries of a row are of one size: ‖δf‖ ≤ η‖f‖ to within the ratio of norms.
        return f(i, j) +
               eta * std::pow(10.0, -range * double(i) / double(p)) * value(i, j, salt) * 0.8;
      });
      worst = std::max(worst, between(singular_values<Quad>(disturbed), exact).relative);
    }
    EXPECT_LE(worst, reduced.row_sensitivity * eta);
    EXPECT_LE(reduced.row_sensitivity * eta, 3000 * worst);
  }
}

/// Many factors: dense random rows, nearly parallel ones, rows that fall in steps. The bounds of
/// the reduction and of disturbed rows hold in all. FATHOM_SEEDS: how many of each.
TEST(GradedRows, bounds_hold_over_many_factors) {
  const char* text = std::getenv("FATHOM_SEEDS");
  const std::uint64_t seeds = text ? std::stoull(text) : 1;
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  test::Silent progress;
  const auto element = [](int kind, double fall, std::uint64_t seed, std::int64_t i,
                          std::int64_t j) {
    const double x = value(i, j, seed), row = double(kind == 2 ? i / 3 * 3 : i);
    return std::pow(10.0, -fall * row) *
           (kind == 1 ? 1 + 1e-3 * x + 0.3 * std::cos(double(i * j)) : x);
  };
  for (const std::int64_t n :
       text ? std::vector<std::int64_t>{1, 2, 5, 16} : std::vector<std::int64_t>{1, 2, 7})
    for (const std::int64_t p : {n, n + 1, 4 * n, (n + 1) / 2})
      for (const double range : {0.0, 8.0, 60.0})
        for (int kind = 0; kind < 3; ++kind)
          for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
            SCOPED_TRACE(fmt::format("{} x {}, 1e-{}, kind {}, seed {}", p, n, range, kind, seed));
            const double fall = range / double(p);
            const Serial f(p, n, [&](std::int64_t i, std::int64_t j) {
              return element(kind, fall, seed, i, j);
            });
            const auto exact = singular_values<Quad>(f);
            const ReducedFactor reduced =
                reduce_factor(grid, 4, factor_of(f), {.chunk = 5, .check_rows = true}, progress);
            const auto off = between(singular_values<Quad>(gathered(reduced.a)), exact);
            EXPECT_LE(off.relative, reduced.relative_error);
            EXPECT_LE(off.absolute, reduced.backward_error);
            const double eta = 1e-10;
            if (reduced.row_sensitivity * eta > 1e-2) continue;
            const Serial disturbed(p, n, [&](std::int64_t i, std::int64_t j) {
              double row = 0, change = 0;
              for (std::int64_t k = 0; k < n; ++k) {
                row = std::hypot(row, f(i, k));
                change = std::hypot(change, value(i, k, seed + 1000));
              }
              return f(i, j) + eta * row / change * value(i, j, seed + 1000);
            });
            EXPECT_LE(between(singular_values<Quad>(disturbed), exact).relative,
                      reduced.row_sensitivity * eta);
          }
}

TEST(GradedRows, in_any_order_though_not_as_far) {
  // Rising rows: nothing is lost in the rotation, but the last rows are then large against small
  // values, and the bound says so.
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  test::Silent progress;
  const std::int64_t p = 30, n = 12;
  const Serial falling = graded(p, n, 9.0);
  const Serial rising(p, n, [&](std::int64_t i, std::int64_t j) { return falling(p - 1 - i, j); });
  const auto exact = singular_values<Quad>(rising);
  const ReducedFactor reduced =
      reduce_factor(grid, 4, factor_of(rising), {.chunk = 5, .check_rows = true}, progress);
  const auto off = between(singular_values<Quad>(gathered(reduced.a)), exact);
  EXPECT_LE(off.relative, reduced.relative_error);
  EXPECT_LE(off.absolute, reduced.backward_error);
}

TEST(GradedRows, rank_deficient_rows_get_no_relative_bound) {
  const ProcessGrid grid(Communicator::world(), {1, Communicator::world().size()});
  test::Silent progress;
  const std::int64_t p = 30, n = 12;
  const Serial f(p, n, [&](std::int64_t i, std::int64_t j) {
    return std::pow(10.0, -double(i) / 3) * (value(i, 0) * value(j, 1) + value(i, 2) * value(j, 3));
  });
  const ReducedFactor reduced =
      reduce_factor(grid, 4, factor_of(f), {.check_rows = true}, progress);
  EXPECT_TRUE(std::isinf(reduced.relative_error));
  const auto off =
      between(singular_values<long double>(gathered(reduced.a)), singular_values<long double>(f));
  EXPECT_LE(off.absolute, reduced.backward_error);
}

}  // namespace
}  // namespace fathom
