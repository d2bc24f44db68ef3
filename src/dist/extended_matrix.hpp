#pragma once

// Matrices of about 32 digits: unevaluated sums of two doubles.

#include "base/double_double.hpp"
#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace fathom {

/// The matrix hi + lo, two parts of one shape in one layout; |lo| ≤ ulp(hi)/2 element by element
/// once it is normalised. Move-only, as its parts are.
struct ExtendedMatrix {
  DistMatrix hi, lo;

  /// Uninitialised; allocation agreed over the grid's parent: Error(no_fit) everywhere. Collective.
  static ExtendedMatrix make(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols,
                             std::int64_t mb, std::int64_t nb);

  std::int64_t rows() const { return hi.rows(); }
  std::int64_t cols() const { return hi.cols(); }
  const ProcessGrid& grid() const { return hi.grid(); }
  /// Local element (i, j); local.
  DoubleDouble at(std::int64_t i, std::int64_t j) const {
    return {hi.local()(i, j), lo.local()(i, j)};
  }
  void set(std::int64_t i, std::int64_t j, const DoubleDouble& value) {
    hi.local()(i, j) = value.x[0];
    lo.local()(i, j) = value.x[1];
  }
};

/// A symmetric matrix of about 32 digits, both triangles filled.
struct ExtendedSymmetric {
  ExtendedMatrix matrix;
  /// Upper estimate of ‖stored − exact‖₂ by the rounding of its making; 0 where it is exact.
  double assembly_error = 0.0;
};

/// Makes the matrix in the layout that the solver wants. Collective.
using ExtendedSource =
    std::function<ExtendedSymmetric(const ProcessGrid& grid, std::int64_t block)>;

/// values ← their sums over the ranks of comm, added in the order of the slots in double-double:
/// the same bits on every rank. @pre an element of a slot that is not zero is held by one rank
/// alone, and 0 ≤ slot < slots. Collective.
void sum_in_order(const Communicator& comm, int slot, int slots, std::span<DoubleDouble> values);

/// Both parts of the rows × cols block of a at (a_row, a_col) into b at (b_row, b_col), as
/// redistribute_block does it: any layouts, also grids. Collective over the grid's parent.
void redistribute_block(const ExtendedMatrix& a, GlobalIndex a_row, GlobalIndex a_col,
                        ExtendedMatrix& b, GlobalIndex b_row, GlobalIndex b_col, std::int64_t rows,
                        std::int64_t cols);
/// a ← (a + aᵀ)/2 in double-double, exactly symmetric then; by panels. Collective. @pre square
void symmetrise(ExtendedMatrix& a);
/// The diagonal, replicated on every rank of the parent. Collective. @pre square
std::vector<DoubleDouble> diagonal(const ExtendedMatrix& a);
/// In double-double arithmetic. Collective. @pre square
DoubleDouble trace(const ExtendedMatrix& a);
/// In double-double arithmetic, scaled against over- and underflow; NaN where there is one.
/// Collective.
DoubleDouble frobenius_norm(const ExtendedMatrix& a);

}  // namespace fathom
