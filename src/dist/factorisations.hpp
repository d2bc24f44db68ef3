#pragma once

// Factorisations of distributed matrices, and what goes with triangular ones. Every function is
// collective over the grid's parent communicator (idle ranks call them too) unless it says
// otherwise. A failure inside one rank's library call is thrown by all.

#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fathom {

/// The first `rows` rows of a become R of their QR factorisation (upper trapezoidal, zeros below;
/// diagonal of either sign); rows behind them are not touched. Column-wise backward stable.
void reduce_to_triangle(DistMatrix& a, std::int64_t rows);

/// A (m × n, m ≤ n) = L·Qᵀ: the returned Q is n × m with orthonormal columns, the first m columns
/// of a become L with zeros above the diagonal. Row-wise backward stable: every row of A is
/// reproduced to a few ε of its own norm, in any order of rows. `rows` of a take part.
DistMatrix reduce_rows(DistMatrix& a);

/// A ← A·L⁻ᵀ with AᵀA = LLᵀ, Gram–Schmidt in the order of the columns: orthonormal to cond(A)²·ε.
/// Returns ‖AᵀA − I‖_F as it was before, the same on every rank; nothing, and A as it was, where
/// AᵀA is not numerically positive definite.
std::optional<double> cholesky_orthonormalise(DistMatrix& a);

/// Columns of A (m × n, m ≥ n) ← an orthonormal basis of their span, a column's own part of it
/// last: by Cholesky factors of AᵀA, columns scaled, twice (all of it matrix products); by
/// Householder reflections where AᵀA is too near singular for that, and then completed at random
/// where columns are dependent. Orthonormal to n·ε. Keeps the layout. @pre entries finite
void orthonormalise_columns(DistMatrix& a);

/// B ← alpha·op(A)⁻¹·B or alpha·B·op(A)⁻¹ with A triangular; a zero on the diagonal makes Inf and
/// NaN. @pre shapes conform, A square
void solve_triangular(Side side, Triangle triangle, Op op, double alpha, const DistMatrix& a,
                      DistMatrix& b);
/// A ← A⁻¹ of a triangular matrix; false where a diagonal element is zero. Overflow goes through as
/// Inf and NaN. @pre square, the other triangle zero
bool invert_triangular(Triangle triangle, DistMatrix& a);
/// A = LLᵀ: L into the lower triangle, zeros above. False where A is not positive definite.
/// @pre square, lower triangle filled
bool cholesky(DistMatrix& a);

/// Zeros above (lower) or below (upper) the diagonal; local.
void keep_triangle(Triangle triangle, DistMatrix& a);
/// ‖row i‖₂ and ‖column j‖₂, on every rank of the parent; scaled against over- and underflow, NaN
/// where the row holds one.
std::vector<double> row_norms(const DistMatrix& a);
std::vector<double> column_norms(const DistMatrix& a);
/// Row i times factor[i], column j times factor[j]; local. @pre a factor for each
void scale_rows(DistMatrix& a, std::span<const double> factor);
void scale_columns(DistMatrix& a, std::span<const double> factor);

}  // namespace fathom
