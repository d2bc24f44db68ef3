#pragma once

// Data made from global indices: rows of X on any rank, the same whatever the layout. Rows are
// columns of the output (coordinate fastest), as fill_normal gives them. Everything here is local.

#include "base/random.hpp"
#include "base/view.hpp"

#include <cstdint>
#include <span>

namespace fathom {

/// out(k, q) = (first+k+1)^{-alpha/2} z(items[q], first+k): coordinates of x ~ N(0, diag(j^-alpha))
/// with stream data, or of H^½W with stream weights.
/// @pre first ≥ 0, out.cols == items.size()
void fill_power_law(RandomKey key, double alpha, std::span<const std::int64_t> items,
                    std::int64_t first, MatrixView<double> out);

/// Whole rows uniform on the unit sphere in out.rows dimensions: normalised Gaussians.
/// @pre out.rows ≥ 1, out.cols == items.size()
void fill_sphere(RandomKey key, std::span<const std::int64_t> items, MatrixView<double> out);

enum class CircleSpacing { equispaced, random };

/// n points on the unit circle, by their exact position in turns.
class Circle {
 public:
  /// @pre n ≥ 1
  Circle(std::int64_t n, CircleSpacing spacing, RandomKey key = {});

  std::int64_t size() const { return n_; }
  CircleSpacing spacing() const { return spacing_; }

  /// Angle/2π of a point, in [0, 1).
  double turn(std::int64_t i) const;

  /// |x_i − x_j|² = 4 sin²(Δ/2): relative accuracy however near the points are; symmetric and, for
  /// equispaced points, a function of i − j mod n bit by bit.
  double squared_chord(std::int64_t i, std::int64_t j) const;

  /// out(r, c) = squared_chord(rows[r], cols[c])
  void fill_squared_chords(std::span<const std::int64_t> rows, std::span<const std::int64_t> cols,
                           MatrixView<double> out) const;

  /// out(0, q), out(1, q) = cosine and sine of point items[q]. @pre out.rows == 2
  void fill(std::span<const std::int64_t> items, MatrixView<double> out) const;

 private:
  std::int64_t n_;
  CircleSpacing spacing_;
  RandomKey key_;
};

}  // namespace fathom
