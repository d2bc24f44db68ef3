#pragma once

// Singular values of a matrix to ε‖A‖ (its Gram matrix holds them to √ε‖A‖ only), by repeated
// deflation with symmetric eigensolvers and matrix products alone.
//
// A level: the eigenvectors V of AᵀA, or only a few and any basis of the rest; the head,
// eigenvalues above threshold·λ₁, is finished: its singular values are the norms of the columns of
// A·V_head. The rest, A·V_rest less what it leaked into the head's space, is the matrix of the next
// level. The level's errors are measured, not estimated from n: see cascade_bounds.hpp.

#include "comm/progress.hpp"
#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace fathom {

struct CascadeOptions {
  bool right = false;  ///< right singular vectors (q × q)
  bool left = false;   ///< left singular vectors of the modes that were resolved
  /// The smaller, the fewer levels; eigenvectors at the head's end are off by about ε/threshold,
  /// which enters values squared.
  double threshold = 1e-11;
  /// From this order on a small head is looked for by subspace iteration, before all eigenvectors
  /// are computed: where values fall steeply a level then costs a fraction.
  std::int64_t subspace_from = 400;
  int probes = 4;          ///< random columns by which a level's errors are measured
  std::uint64_t seed = 1;  ///< of the probes
  /// What the singular values are off by already, in the units of A: where the rest of a level is
  /// below 20 times the error, nothing in it can be trusted, and the cascade ends.
  double absolute_error = 0;
  /// ‖B⁻¹‖ of A = D B with rows of B of norm 1; finite: the cascade goes on below absolute_error
  /// while row-wise errors times this are below 0.04.
  double row_condition = std::numeric_limits<double>::infinity();
};

/// One level, as it was measured; errors in the units of A.
struct CascadeLevel {
  std::int64_t order = 0;    ///< columns
  std::int64_t head = 0;     ///< of them finished here
  bool small_head = false;   ///< by subspace iteration
  double norm = 0;           ///< its largest singular value
  double rest = 0;           ///< ‖rest‖_F
  double absolute = 0;       ///< ‖AV − BN‖_F by probes, with safety
  double row_relative = 0;   ///< the same with every row over its norm in the first level
  double orthogonality = 0;  ///< ‖VᵀV − I‖_F by probes, with safety
  double leak = 0;           ///< ‖X‖_F
  double overlap = 0;        ///< ‖Q_earlierᵀQ_h‖_F of normalised heads, where rows are graded
  double residual_leak = 0;  ///< ‖Σ_h⁻¹ Q_hᵀ B_r‖_F after it was taken off, by probes, with safety
  double eigen_seconds = 0, product_seconds = 0, check_seconds = 0;
};

/// Singular values, descending, and per mode: σ is off by at most
///   min(absolute, row_relative · row_condition · σ) + relative · σ.
struct CascadeResult {
  std::vector<double> singular_value;  ///< 0 for the modes of an unresolved rest
  std::vector<double> absolute;        ///< for unresolved modes an upper bound of σ itself
  std::vector<double> row_relative;    ///< infinity for unresolved modes
  std::vector<double> relative;
  std::int64_t resolved = 0;         ///< modes that a level finished; they come first
  std::optional<DistMatrix> right;   ///< q × q, orthonormal; column j belongs to value j
  std::optional<DistMatrix> left;    ///< p × resolved, orthonormal
  std::vector<CascadeLevel> levels;  ///< empty for a zero matrix
};

/// A is consumed. Besides it four matrices of its size at most, those of the eigensolver apart.
/// Error(no_fit), Error(solver), the same on every rank. Fault point cascade.level. Collective over
/// the grid's parent, idle ranks included.
/// @pre p ≥ q ≥ 1 for A p × q, square blocks, entries finite
CascadeResult cascade(DistMatrix a, const CascadeOptions& options, Progress& progress);

}  // namespace fathom
