#pragma once

// What the parts of one level of the cascade cost in accuracy, as bounds of singular values. Pure.
//
// A level computes orthonormal V and B = [B_h, B_r] with A V = B N + E, N = [[I, X], [0, I]]: B_h
// is the head, B_r the rest after what it leaked into the head's space, B_h X, was taken off.
//   E       measured, moves every singular value of the level and of later ones by ‖E‖ at most
//           (Weyl)
//   VᵀV−I   measured, relative (Ostrowski 1959)
//   X       measured, relative: see leak_error
//   head    its columns are nearly orthogonal: see head_errors

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// How many leading eigenvalues of a level's Gram matrix (descending) make its head: those above
/// threshold·λ₁; where the first one left out is nearly as large as the last one taken, fewer: cut
/// at the next ratio of neighbours above 1.5, or at the widest down from the first value above
/// 100·threshold·λ₁. At least one. @pre not empty, 0 < threshold < 1
std::int64_t head_size(std::span<const double> eigenvalue, double threshold);

/// How many modes a level of `order` is likely to finish, after `done` modes of which the last
/// level finished `last`: where eigenvalues fall by a power law every level multiplies what is done
/// by the same factor. A guess: it decides about speed alone. @pre 0 ≤ last ≤ done, last > 0 where
/// done is
std::int64_t expected_head(std::int64_t order, std::int64_t done, std::int64_t last);

/// With B_h and B_r orthogonal and Λ_h, Λ_r their eigenvalues (of BᵀB), the bound of the relative
/// change of an eigenvalue by N: a rotation by X of the columns leaves BᵀB with the coupling XΛ_r
/// and the diagonal change XΛ_rXᵀ, seen from the head, and the inverse of BᵀB with Λ_h⁻¹X, seen
/// from the rest. Weyl's bound and the quadratic one of Mathias (1998) and Li & Li (2005) give,
/// with ratio = (largest of Λ_r)/λ for a λ of the head and λ/(smallest of Λ_h) for one of the rest,
///   2‖X‖² + min(‖X‖·ratio, ‖X‖²·ratio²/(1 − ratio)).
double leak_error(double leak, double ratio);

/// The relative errors of σ_i = ‖b_i‖ as singular values of B_h = [b_1, b_2, …]. residual[i] is the
/// norm of column i of B_hᵀB_h without its diagonal. A value whose distance to all others is beyond
/// four residuals is off by r²/(gap/2) in σ² (Kato–Temple); the others are taken in groups, each
/// off by the group's Frobenius norm (Kahan). 4ε for the norms themselves.
std::vector<double> head_errors(std::span<const double> norm, std::span<const double> residual);

}  // namespace fathom
