#pragma once

// What a level of the extended cascade makes of R = UᵀAU in blocks: eigenvalues of the head with
// their bounds, vectors, and the Schur complement. Collective over the grid's parent.

#include "dist/exact_product.hpp"
#include "eigen/extended_cascade.hpp"
#include "eigen/extended_cascade_bounds.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace fathom {

/// R in blocks. Its head block is known by its diagonal to double-double accuracy and by its lower
/// triangle in double: element (j, i), j > i, comes from column j of A·U, which is the smaller, and
/// so is accurate relative to √(r_ii r_jj).
struct TransformedBlocks {
  std::vector<DoubleDouble> diagonal;     ///< R_ii / (UᵀU)_ii of the head, replicated
  std::optional<DistMatrix> head_head;    ///< k × k, both triangles from the lower one
  std::optional<ExactProduct> head_rest;  ///< k × (n − k)
  std::optional<ExactProduct> rest_rest;  ///< symmetric
  std::int64_t rest = 0;                  ///< its order
  double orthogonality = 0;               ///< ‖UᵀU − I‖₂ ≤
  double head_product_error = 0;          ///< of A·U_h and A·U_r, Frobenius norms
  double rest_product_error = 0;
  double rest_off_diagonal = 0;  ///< ‖off-diagonal of R_rr‖_F, set by judge_head
};

/// Sets `diagonal` and `head_head` from U_h and A·U_h.
void take_head(TransformedBlocks& blocks, const DistMatrix& u, const ExtendedMatrix& product);

/// Errors before a level, and after it for what is left.
struct LevelLosses {
  double absolute = 0, relative = 0;
};

struct HeadResult {
  std::vector<DoubleDouble> value;
  std::vector<double> bound;
  HeadMeasures measures;
  std::vector<std::int64_t> cluster;
  std::vector<double> rest_diagonal;
};

/// The head's eigenvalues with second-order corrections, and their bounds.
HeadResult judge_head(TransformedBlocks& blocks, const LevelLosses& losses, ExtendedLevel& facts);

/// U_h ← U_h (I + T) + U_r Pᵀ and U_r ← U_r − U_h P to first order, with T_ij = r_ij/(r_jj − r_ii)
/// between clusters and P likewise between head and rest: what double precision missed of the
/// angles. Orthogonality changes to second order only.
void rotate_vectors(const TransformedBlocks& blocks, const HeadResult& head, DistMatrix& u_head,
                    DistMatrix& u_rest);

/// S = R_rr − R_rh R_hh⁻¹ R_hr, and the losses that now stand for S. With R_hh = D^½ (I + F) D^½
/// and Y = D^-½ R_hr the correction is ZᵀZ, Z = Y − F Y/2, to ¾‖F‖²; it is of the order ε² λ₁²/h,
/// so that double arithmetic suffices. Error(certificate) where F is no small matrix.
ExtendedMatrix schur_complement(TransformedBlocks& blocks, LevelLosses& losses,
                                ExtendedLevel& facts);

/// ‖C x − op(A)(op(B) x)‖₂ for a vector of ±1 drawn by `seed`, in double-double, over what C.error
/// and the rounding of the three products allow: at most 1 where C is right.
double probe_defect(const ExactFactor& a, const ExactFactor& b, const ExactProduct& c,
                    std::uint64_t seed);

}  // namespace fathom
