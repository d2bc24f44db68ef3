#pragma once

// What keeps, and what measures, the accuracy of small singular values of a row-graded factor. The
// reasons stand in streaming_qr.hpp.

#include "eigen/factor_rows.hpp"
#include "eigen/streaming_qr.hpp"

#include <cstdint>

namespace fathom {

/// G = F·Q, where F₁ = L·Qᵀ holds the first `order` rows of F. Collective.
class RotatedRows {
 public:
  RotatedRows(FactorRows& rows, const FactorSource& source, const ProcessGrid& grid,
              std::int64_t block, std::int64_t order);

  /// L: the first rows of G, order × order.
  const DistMatrix& leading() const { return leading_; }
  /// Rows from `first` on, first ≥ order; adds to the squares of F's rows where asked.
  DistMatrix read(std::int64_t first, std::int64_t count, SquareSum* squares = nullptr);
  std::int64_t rows() const { return source_.rows(); }
  std::int64_t order() const { return leading_.rows(); }
  double leading_frobenius() const { return leading_frobenius_; }  ///< ‖F₁‖_F
  /// Norms of the rows of F₁.
  const std::vector<double>& leading_norms() const { return leading_norms_; }
  /// ‖δf‖ ≤ row_error()·‖f‖ for every row of F that G·Qᵀ stands for.
  double row_error() const;
  /// What that may do to a singular value norm-wise, ‖F‖_F = frobenius.
  double error(double frobenius) const;
  double flops() const { return flops_; }
  DistMatrix rotation() && { return std::move(rotation_); }

 private:
  FactorRows& rows_;
  const FactorSource& source_;
  DistMatrix leading_, rotation_;
  std::vector<double> leading_norms_;
  double leading_frobenius_ = 0, flops_ = 0;
};

/// Fills in row_condition, orthogonality, relative_error and row_sensitivity of reduced.a, a
/// triangle of G; corrects it once where a pass over G says so. `others`: ‖F₂‖_F.
/// Error(certificate) where it is no triangle of G at all. Collective.
void measure_row_accuracy(RotatedRows& rows, double others, std::int64_t chunk,
                          ReducedFactor& reduced, Progress& progress);

}  // namespace fathom
