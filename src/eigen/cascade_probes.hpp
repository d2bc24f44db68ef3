#pragma once

// Products of a distributed matrix with a few columns in twice the working precision: what is left
// of fl(AV) − AV on a random column, and how far a matrix is from orthogonality.

#include "bindings/blas.hpp"
#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// rows × cols numbers hi + lo, column-major, the same on every rank.
struct PreciseColumns {
  std::int64_t rows = 0, cols = 0;
  std::vector<double> hi, lo;

  PreciseColumns() = default;
  /// Zeros.
  PreciseColumns(std::int64_t row_count, std::int64_t col_count);
  std::size_t at(std::int64_t i, std::int64_t j) const {
    return static_cast<std::size_t>(i + j * rows);
  }
};

/// y ← op(A)·x for the columns first … first + count − 1 of A, by dot products in twice the working
/// precision (Ogita, Rump & Oishi 2005, Dot2): the error is ε|y| + nε²|op(A)||x|. Memory O(n·m) a
/// rank. Collective over the grid's parent. @pre entries below 1e290
PreciseColumns precise_apply(Op op, const DistMatrix& a, std::int64_t first, std::int64_t count,
                             const PreciseColumns& x);
PreciseColumns precise_apply(Op op, const DistMatrix& a, const PreciseColumns& x);

/// Random signs: E‖Mω‖² = ‖M‖_F² for each of the `count` columns. For order ≤ exact_order the unit
/// vectors instead, whose sum is exact. Pure.
inline constexpr std::int64_t exact_order = 8;
PreciseColumns random_signs(std::int64_t order, std::int64_t count, std::uint64_t seed);

/// ‖M‖_F from M·random_signs, the rows weighted (empty: by 1), with its safety: the root of the
/// mean square over the columns, times 2 (the estimate of a matrix whose weight is spread over
/// eight directions or more falls short of half of it once in 10⁷ times); exact for small orders.
/// Pure.
double frobenius_from_signs(const PreciseColumns& product, std::int64_t order,
                            std::span<const double> row_weight = {});

/// x − y and x + y. Pure.
PreciseColumns sum(const PreciseColumns& x, const PreciseColumns& y);
PreciseColumns difference(const PreciseColumns& x, const PreciseColumns& y);

/// 2-norms of the leading `count` columns, each to a few ε, the same on every rank. Collective.
std::vector<double> leading_column_norms(const DistMatrix& a, std::int64_t count);

}  // namespace fathom
