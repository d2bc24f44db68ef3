#include "kernels/data.hpp"

#include "kernels/power_law.hpp"

#include <cmath>
#include <numbers>
#include <vector>

namespace fathom {

void fill_power_law(RandomKey key, double alpha, std::span<const std::int64_t> items,
                    std::int64_t first, MatrixView<double> out) {
  fill_normal(key, items, first, out);
  std::vector<double> root(static_cast<std::size_t>(out.rows));
  fill_power_law_eigenvalues(first + 1, 0.5 * alpha, root);
  for (std::int64_t q = 0; q < out.cols; ++q) {
    double* x = out.col(q);
    for (std::size_t k = 0; k < root.size(); ++k)
      x[k] *= root[k];
  }
}

void fill_sphere(RandomKey key, std::span<const std::int64_t> items, MatrixView<double> out) {
  FATHOM_ASSERT(out.rows >= 1, "dimension {}", out.rows);
  fill_normal(key, items, 0, out);
  for (std::int64_t q = 0; q < out.cols; ++q) {
    double* x = out.col(q);
    double square = 0.0;
    for (std::int64_t k = 0; k < out.rows; ++k)
      square += x[k] * x[k];
    const double norm = std::sqrt(square);
    for (std::int64_t k = 0; k < out.rows; ++k)
      x[k] /= norm;
  }
}

Circle::Circle(std::int64_t n, CircleSpacing spacing, RandomKey key)
    : n_(n), spacing_(spacing), key_(key) {
  FATHOM_ASSERT(n >= 1, "{} points on the circle", n);
}

double Circle::turn(std::int64_t i) const {
  FATHOM_ASSERT(i >= 0 && i < n_, "point {} of {}", i, n_);
  if (spacing_ == CircleSpacing::random) return uniform(key_, i, 0);
  return static_cast<double>(i) / static_cast<double>(n_);
}

namespace {

/// 4 sin²(π t), t in [0, 1) turns between two points.
double chord_of_turns(double t) {
  const double s = 2.0 * std::sin(std::numbers::pi * std::fmin(t, 1.0 - t));
  return s * s;
}

double equispaced_chord(std::int64_t i, std::int64_t j, std::int64_t n) {
  const std::int64_t steps = i > j ? i - j : j - i;
  const std::int64_t nearest = 2 * steps > n ? n - steps : steps;
  return chord_of_turns(static_cast<double>(nearest) / static_cast<double>(n));
}

}  // namespace

double Circle::squared_chord(std::int64_t i, std::int64_t j) const {
  if (spacing_ == CircleSpacing::random) return chord_of_turns(std::fabs(turn(i) - turn(j)));
  FATHOM_ASSERT(i >= 0 && i < n_ && j >= 0 && j < n_, "points {}, {} of {}", i, j, n_);
  return equispaced_chord(i, j, n_);
}

void Circle::fill_squared_chords(std::span<const std::int64_t> rows,
                                 std::span<const std::int64_t> cols, MatrixView<double> out) const {
  FATHOM_ASSERT(out.rows == std::ssize(rows) && out.cols == std::ssize(cols),
                "{} x {} for {} rows, {} columns", out.rows, out.cols, rows.size(), cols.size());
  if (spacing_ == CircleSpacing::equispaced) {
    for (std::size_t c = 0; c < cols.size(); ++c)
      for (std::size_t r = 0; r < rows.size(); ++r)
        out(static_cast<std::int64_t>(r), static_cast<std::int64_t>(c)) =
            equispaced_chord(rows[r], cols[c], n_);
    return;
  }
  std::vector<double> row_turn;
  for (const std::int64_t i : rows)
    row_turn.push_back(turn(i));
  for (std::size_t c = 0; c < cols.size(); ++c) {
    const double col_turn = turn(cols[c]);
    for (std::size_t r = 0; r < rows.size(); ++r)
      out(static_cast<std::int64_t>(r), static_cast<std::int64_t>(c)) =
          chord_of_turns(std::fabs(row_turn[r] - col_turn));
  }
}

void Circle::fill(std::span<const std::int64_t> items, MatrixView<double> out) const {
  FATHOM_ASSERT(out.rows == 2 && out.cols == std::ssize(items), "{} x {} for {} points", out.rows,
                out.cols, items.size());
  for (std::int64_t q = 0; q < out.cols; ++q) {
    const double angle = 2.0 * std::numbers::pi * turn(items[static_cast<std::size_t>(q)]);
    out(0, q) = std::cos(angle);
    out(1, q) = std::sin(angle);
  }
}

}  // namespace fathom
