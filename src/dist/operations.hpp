#pragma once

// What is done with distributed matrices. Every function is collective over the grid's parent
// communicator (idle ranks call them too) unless it says otherwise.

#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// C ← alpha·op(A)·op(B) + beta·C (pdgemm). @pre shapes conform, all on one grid.
void multiply(Op op_a, Op op_b, double alpha, const DistMatrix& a, const DistMatrix& b, double beta,
              DistMatrix& c);
/// Lower triangle of C ← alpha·op(A)·op(A)ᵀ + beta·C (pdsyrk): op none gives AAᵀ, transpose AᵀA.
void rank_k_update(Op op, double alpha, const DistMatrix& a, double beta, DistMatrix& c);
/// B ← A + B, of one layout; local.
void add(const DistMatrix& a, DistMatrix& b);
/// C ← Aᵀ (pdtran).
void transpose(const DistMatrix& a, DistMatrix& c);
/// Copies a into b of the same shape in any other layout, also on another grid over the same ranks
/// (pdgemr2d). Column panels of at most `panel_elements` a rank: the library counts in 32 bits.
void redistribute(const DistMatrix& a, DistMatrix& b,
                  std::int64_t panel_elements = std::int64_t{1} << 27);
/// The rows × cols block of a at (a_row, a_col) into b at (b_row, b_col), else the same.
/// @pre both blocks lie inside; an empty block copies nothing
void redistribute_block(const DistMatrix& a, GlobalIndex a_row, GlobalIndex a_col, DistMatrix& b,
                        GlobalIndex b_row, GlobalIndex b_col, std::int64_t rows, std::int64_t cols,
                        std::int64_t panel_elements = std::int64_t{1} << 27);
/// The upper triangle from the lower one, by panels: at most about 64 MB a rank for messages sent
/// and as much for those received; each element goes once, to its owner. @pre square
void mirror_lower(DistMatrix& a);

/// By compensated summation. @pre square
double trace(const DistMatrix& a);
/// Scaled against over- and underflow; NaN where there is one.
double frobenius_norm(const DistMatrix& a, SymmetricFill fill);
/// NaN where there is one.
double max_abs(const DistMatrix& a);
/// max |a_ij − a_ji|, infinity where a pair holds a NaN or differing infinities; by panels.
double asymmetry(const DistMatrix& a);
/// a ← (a + aᵀ)/2, both triangles filled; by panels.
void symmetrise(DistMatrix& a);

struct NonFinite {
  std::int64_t count = 0;
  /// Global 0-based position of the first one by columns, -1 if none: the same on any grid.
  std::int64_t row = -1, col = -1;
};
NonFinite count_nonfinite(const DistMatrix& a);

/// Y = A·X for a symmetric A (lower triangle or both filled) and m replicated columns X (n × m):
/// the result is replicated on every rank of the parent. O(n·m) memory a rank: for certificates,
/// not for products of matrices.
std::vector<double> symmetric_apply(const DistMatrix& a, SymmetricFill fill,
                                    std::span<const double> x, std::int64_t m);

/// The diagonal, replicated on every rank of the parent.
std::vector<double> diagonal(const DistMatrix& a);

}  // namespace fathom
