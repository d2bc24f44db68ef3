#pragma once

// Products of matrices to double-double accuracy out of plain double products, by error-free
// splitting (Ozaki, Ogita, Oishi & Rump, Numerical Algorithms 59, 2012).
//
// Each row of op(A) and each column of op(B) is cut into slices of β bits below its own largest
// element, such that no product of two slices rounds in any order of summation:
// 2(β − 1) + ⌈log₂ k⌉ ≤ 53, slices being rounded to nearest and so at most 2^(β−1) units in size.
// The distributed dgemm makes the products, from the largest to the smallest that matters; they are
// summed in double-double. The result is bitwise the same for any grid, block size and BLAS.

#include "dist/extended_matrix.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// One factor op(X): a double matrix, or hi + lo. Entries finite. Refers, does not own.
struct ExactFactor {
  ExactFactor(const DistMatrix& x, Op o = Op::none) : hi(x), op(o) {}
  ExactFactor(const ExtendedMatrix& x, Op o = Op::none) : hi(x.hi), lo(&x.lo), op(o) {}

  const DistMatrix& hi;
  const DistMatrix* lo = nullptr;
  Op op = Op::none;
  /// So many slices are known to hold the factor exactly (round_to_slices); 0: not known.
  int exact_slices = 0;
  /// An upper bound of ‖X‖₂ where one is known, for a tighter bound of the error; 0: take ‖X‖_F.
  double norm = 0;

  std::int64_t rows() const { return op == Op::none ? hi.rows() : hi.cols(); }
  std::int64_t cols() const { return op == Op::none ? hi.cols() : hi.rows(); }
};

/// How a product of depth k is cut up. Pair (i, j) of slices, counted from 1, is multiplied where
/// i ≤ slices_a, j ≤ slices_b and i + j − 2 < depth.
struct SlicePlan {
  int bits = 0;  ///< β
  int slices_a = 0, slices_b = 0;
  int depth = 0;
  /// |error_ij| ≤ relative_error · k · 2^(e_i + f_j), where 2^e_i, 2^f_j (at most twice the largest
  /// element of row i, column j) bound the row and the column; what is skipped, without rounding.
  double relative_error = 0;

  int last_b(int i) const;        ///< the last slice of B that meets slice i of A
  std::int64_t products() const;  ///< dgemms
};

/// The plan with the fewest products whose relative_error is at most `accuracy`; exact_a, exact_b
/// as ExactFactor::exact_slices. Pure. @pre k ≥ 0, accuracy > 0
SlicePlan plan_slices(std::int64_t k, double accuracy, int exact_a = 0, int exact_b = 0);

inline constexpr double exact_product_accuracy = 0x1p-104;

struct ExactProduct {
  ExtendedMatrix value;
  /// Upper bound of ‖value − op(A)·op(B)‖_F: slices that were skipped, by their measured norms, and
  /// the double-double sums.
  double error = 0;
  double frobenius = 0;       ///< ‖value‖_F
  std::int64_t products = 0;  ///< dgemms done: the plan's, less those of slices that are all zero
};

/// op(A)·op(B) in blocks of mb × nb. Beside operands and result it holds one slice of each factor
/// and one product. Error(no_fit) on every rank where memory ends. Collective over the grid's
/// parent. @pre shapes conform, one grid
ExactProduct exact_product(const ExactFactor& a, const ExactFactor& b, std::int64_t mb,
                           std::int64_t nb, double accuracy = exact_product_accuracy);

/// Rounds each column of x to the grid that `slices` slices of a product of depth k = x.rows() hold
/// exactly, at least 53 bits below the column's largest element where slices ≥ 3. Collective.
void round_to_slices(DistMatrix& x, int slices);

/// op(A)·x in double-double arithmetic for a vector that stands on every rank alike; so does the
/// result, bitwise. O(local elements) operations: for probes, not for products of matrices.
/// Collective over the grid's parent. @pre x.size() is the number of columns of op(A)
std::vector<DoubleDouble> apply(const ExactFactor& a, std::span<const DoubleDouble> x);

}  // namespace fathom
