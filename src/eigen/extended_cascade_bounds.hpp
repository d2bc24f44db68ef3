#pragma once

// The arithmetic of the extended cascade's bounds. Pure functions on small vectors.

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// How many of the eigenvalues (descending, as a double solver found them) a level takes for its
/// head: those above about `threshold` · the first, cut at the widest ratio between a tenth and ten
/// times of that. At least one where the first is positive, else none.
std::int64_t choose_head(std::span<const double> value, double threshold);

/// What a level measured of the head's rows of the transformed matrix R, k modes.
struct HeadMeasures {
  std::vector<double> value;    ///< diagonal
  std::vector<double> inside;   ///< Σ_j r_ij² over the other modes of its cluster
  std::vector<double> outside;  ///< Σ_j r_ij² over all that is not of its cluster
  /// ‖everything off the diagonal in the head's rows and columns‖_F
  double coupling = 0;
  /// An upper bound of the largest eigenvalue of the other diagonal block; below all values where
  /// there is none.
  double rest_top = 0;
};

/// Modes whose values stand closer together than `width` share a number; numbered from 0 by falling
/// value.
std::vector<std::int64_t> find_clusters(std::span<const double> value, double width);

/// |eigenvalue of R − diagonal element| for each mode of the head. Inside a cluster to first order
/// (Weyl), against everything else to second order: 2‖E‖²/(η + √(η² + 4‖E‖²)) with the gap η (C.-K.
/// Li & R.-C. Li, Linear Algebra Appl. 395, 2005).
std::vector<double> head_errors(const HeadMeasures& head, std::span<const std::int64_t> cluster);

/// The relative distance of the eigenvalues below the head from those of the Schur complement S.
/// With C = R_rh R_hh⁻¹ R_hr and μ below h ≤ λ_min(R_hh), the eigenvalues of R below μ are as many
/// as those of S − μ(I + M), 0 ≤ M ≤ ‖C‖/(h − μ): hence ‖C‖/(h − top) where top ≥ λ_max(S). Where
/// that is no use, 2x + x² with x² = ‖C‖/h holds for any μ (Ostrowski: R = L diag(R_hh, S) Lᵀ).
/// Infinite where h ≤ 0.
double schur_error(double complement_norm, double head_bottom, double rest_top);

}  // namespace fathom
