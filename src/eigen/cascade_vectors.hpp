#pragma once

// What the cascade does with bases held as columns of distributed matrices. Every function is
// collective over the grid's parent.

#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <span>

namespace fathom {

/// C ← alpha·op(A)·op(B) + beta·C on parts of matrices of one grid, C rows × cols.
void multiply_parts(const ProcessGrid& grid, Op op_a, Op op_b, std::int64_t rows, std::int64_t cols,
                    std::int64_t depth, double alpha, scalapack::ConstPart a,
                    scalapack::ConstPart b, double beta, scalapack::Part c);

/// A copy of the first `count` columns, in the same layout.
DistMatrix leading_columns(const DistMatrix& a, std::int64_t count);

/// Orthonormal columns V = [V_h, V_r] of v from `first` on ← [V_h + V_r Xᵀ, V_r − V_h X], a
/// rotation by a small X (k × rest), normalised to fourth order in ‖X‖ = leak. @pre first + k +
/// rest columns
void rotate_by_leak(DistMatrix& v, std::int64_t first, const DistMatrix& x, double leak);

/// Columns first … of `total` ← these columns times v (square, of their number).
void turn_trailing_columns(DistMatrix& total, std::int64_t first, const DistMatrix& v);

/// Column j ← column source[j], a permutation. One exchange inside each grid row.
/// @pre source holds each column number once
void permute_columns(DistMatrix& a, std::span<const std::int64_t> source);

/// Gram–Schmidt in the order of the columns, by Cholesky factorisation of UᵀU: a column is
/// corrected against the ones before it, which belong to larger singular values and are known
/// better. Error(solver) where ‖UᵀU − I‖_F > 0.9 at the start.
void orthonormalise(DistMatrix& u);

/// An n × n orthonormal basis whose first columns are those of u (n × r, orthonormal): the others
/// are the null vectors of uuᵀ.
DistMatrix completed_basis(const DistMatrix& u);

}  // namespace fathom
