#pragma once

// A factor F of K = FᵀF, handed out in chunks of rows, reduced to a small triangle in one pass.

#include "comm/progress.hpp"
#include "dist/interfaces.hpp"

#include <cstdint>
#include <limits>
#include <optional>

namespace fathom {

struct ReduceOptions {
  /// Rows asked of the source at once, ≥ 1; 0: 2·cols(), more where columns are few (8 MB), or as
  /// many as `memory` allows.
  std::int64_t chunk = 0;
  /// Bytes a rank that chunk and stack together may take where the chunk is automatic; 0: no limit.
  std::int64_t memory = 0;
  /// For graded factors: small singular values to relative accuracy, with the bounds that go with
  /// it. One more pass over F, and memory for two more n × n matrices.
  bool check_rows = false;
};

/// K = aᵀa (plain), a·aᵀ (transposed), or rotation·aᵀa·rotationᵀ. Singular values of a are those of
/// F, the missing ones (cols() − a.cols()) are zero. n = cols(), q = min(rows(), n).
struct ReducedFactor {
  /// q × q upper triangular with exact zeros below the diagonal, whose signs are as they come; F
  /// itself where it is square and rows are not checked; or, where `transposed`, Fᵀ, n × q.
  DistMatrix a;
  bool transposed = false;  ///< rows() < cols(), and no check_rows
  /// With check_rows: n × q with orthonormal columns. A right singular vector of F is rotation·v,
  /// v one of a: see right_vectors.
  std::optional<DistMatrix> rotation = {};
  double frobenius = 0;       ///< ‖F‖_F from the rows themselves, compensated
  double backward_error = 0;  ///< |σ_j(a) − σ_j(F)| is at most this, for every j; see qr_error
  /// a = D·B with rows of B of norm 1: ‖B⁻¹‖_F, infinity where singular. A row-wise relative error
  /// η of a changes every singular value by at most about row_condition·η of itself. Infinite
  /// without check_rows.
  double row_condition = std::numeric_limits<double>::infinity();
  /// ‖XᵀX − I‖_F, X = G·a⁻¹, G = F·rotation: by the second pass. NaN without check_rows, or where
  /// rounding would drown it.
  double orthogonality = std::numeric_limits<double>::quiet_NaN();
  /// |σ_j(a) − σ_j(F)| ≤ relative_error·σ_j(F), for every j; infinite where nothing is known.
  double relative_error = std::numeric_limits<double>::infinity();
  /// A relative error η of every row of F (‖δf‖ ≤ η‖f‖), independent from row to row and of no
  /// preferred direction as roundings are, changes every σ_j by at most row_sensitivity·η of
  /// itself, with a factor of 4 in hand. Infinite where nothing is known.
  double row_sensitivity = std::numeric_limits<double>::infinity();
  std::int64_t chunk = 0;  ///< rows asked of the source at once
  double seconds = 0;
  double flops = 0;  ///< of all ranks, without the source's own
};

/// Reads all rows once, in the source's order (with check_rows those that are not small a second
/// time, and once more where a correction was needed). Blocks are block × block, on `grid`, idle
/// ranks too. Collective over the grid's parent. Error(numeric) naming row and column where the
/// factor holds NaN or Inf, Error(no_fit) for memory, Error(certificate) where the second pass
/// finds a triangle that does not belong to F.
/// @pre rows(), cols() ≥ 1
///
/// Relative accuracy (check_rows). With F₁ the first q rows and F₂ the others, F₁ = L·Qᵀ and
/// G = F·Q = [L; F₂Q] are formed row by row, each to η of its own norm, whatever the order and the
/// sizes of the rows. With F₁ = D₁B₁, rows of B₁ of norm 1, the disturbed factor is
/// [F₁; F₂ + ΔF₂](I + Z) with Z = B₁⁻¹δB₁ and ΔF₂ = δF₂ − F₂Z: Z is a relative change (Ostrowski),
/// ΔF₂ one of ‖ΔF₂·a⁻¹‖, small where rows of F₂ are not larger than small singular values warrant.
/// For independent errors the mean squares of the two are η²‖B₁⁻¹‖_F² and
/// η²(‖F₂‖_F² + ‖F₂B₁⁻¹‖_F²)·‖a⁻¹‖_F²/q; norms of F₂B₁⁻¹ are taken by probes.
/// G's columns fall as D₁ does, so Householder QR, which is backward stable column by column, keeps
/// them, and G·a⁻¹ can be computed to nε·‖C⁻¹‖ with a = C·D (columns of C of norm 1), which no
/// grading enters: it is measured. Rotation first and QR second is the preconditioning of Drmač &
/// Veselić (2008), turned to rows.
ReducedFactor reduce_factor(const ProcessGrid& grid, std::int64_t block, const FactorSource& source,
                            const ReduceOptions& options, Progress& progress);

/// Right singular vectors of F from those of a: rotation·v, or v as it is. Collective.
/// @pre not transposed, v.rows() == a.cols()
DistMatrix right_vectors(const ReducedFactor& reduced, DistMatrix&& v);

/// What `passes` Householder reductions of rows stacked under a triangle r may do to any singular
/// value, at most: see the source for the constant. Collective. Pure but for r's row norms.
double qr_error(const DistMatrix& r, std::int64_t passes);

}  // namespace fathom
