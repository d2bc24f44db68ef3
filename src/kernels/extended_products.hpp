#pragma once

// Sums of products of doubles in double-double, many at a time, by error-free transforms with fused
// multiply-adds in vector registers. A sum's bits depend on its factors and their order alone.
// Everything here is local.

#include "base/double_double.hpp"
#include "base/view.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// The columns of a panel as left factors z_k(i) = weight_k x_k(i).
class ExtendedPanel {
 public:
  /// x: count × items; one weight for each k, or none for 1. May throw bad_alloc.
  ExtendedPanel(MatrixView<const double> x, std::span<const DoubleDouble> weight);

  /// (hi + lo)[i] += Σ_k z_k(first + i) y[k], k ascending, normalised. Each product is known to
  /// 2⁻¹⁰⁴ of itself (exactly where there are no weights, but for underflow), each addition
  /// errs by at most 2⁻¹⁰⁴ of its sum.
  /// @pre hi, lo equally long, first + hi.size() ≤ items; y holds count values
  void add_products(const double* y, std::int64_t first, std::span<double> hi,
                    std::span<double> lo) const;

 private:
  std::int64_t count_, items_, stride_;
  std::vector<double> high_, low_;  // item fastest; low_ is empty without weights
};

}  // namespace fathom
