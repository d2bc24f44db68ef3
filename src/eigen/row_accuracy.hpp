#pragma once

// What keeps, and what measures, the accuracy of small singular values of a row-graded factor. The
// reasons stand in streaming_qr.hpp.

#include "eigen/factor_rows.hpp"
#include "eigen/streaming_qr.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace fathom {

/// G = F·Q, where F₁ = L·Qᵀ holds the first `order` rows of F. Collective.
class RotatedRows {
 public:
  RotatedRows(FactorRows& rows, const FactorSource& source, const ProcessGrid& grid,
              std::int64_t block, std::int64_t order);

  /// L: the first rows of G, order × order.
  const DistMatrix& leading() const { return leading_; }
  /// Rows of F from `first` on, first ≥ order; and their part of G.
  DistMatrix plain(std::int64_t first, std::int64_t count) { return rows_.read(first, count); }
  DistMatrix turned(const DistMatrix& plain);
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
  const DistMatrix& rotation() const { return rotation_; }  ///< Q, n × order
  DistMatrix release() && { return std::move(rotation_); }

 private:
  FactorRows& rows_;
  const FactorSource& source_;
  DistMatrix leading_, rotation_;
  std::vector<double> leading_norms_;
  double leading_frobenius_ = 0, flops_ = 0;
};

/// Rows of F that are so small against the smallest singular value that their products F₃ᵀF₃, in
/// plain doubles, are good enough: added up instead of reduced, a third of the work.
class SmallRows {
 public:
  explicit SmallRows(const RotatedRows& rows) : rows_(rows) {}

  /// What the next rows are held against: a triangle, or L, of the rows before. Collective.
  void set_reference(const DistMatrix& r, Triangle triangle);
  /// Adds them where ε·‖F₃‖_F²·‖R⁻¹‖_F²/q stays small with them, else says no. Collective.
  bool take(const DistMatrix& plain);
  bool any() const { return sum_.has_value(); }
  /// R ← U·R with UᵀU = I + (F₃·Q·R⁻¹)ᵀ(F₃·Q·R⁻¹). Error(solver) where that is not positive.
  /// Collective.
  void add_to(DistMatrix& r);
  /// Of σ, relative and absolute, by the rounding of the products.
  double relative_error() const;
  double error() const;
  double flops() const { return flops_; }

 private:
  const RotatedRows& rows_;
  std::optional<DistMatrix> sum_;  ///< lower triangle
  double inverse_ = 0;             ///< ‖R⁻¹‖_F
  double squares_ = 0, flops_ = 0;
};

/// Fills in row_condition, orthogonality, relative_error and row_sensitivity of reduced.a, a
/// triangle of G; corrects it once where a pass over F says so. `others`: ‖F₂‖_F; `before`:
/// relative error of the triangle that is known already. Error(certificate) where it is no triangle
/// of G at all. Collective.
void measure_row_accuracy(RotatedRows& rows, double others, double before, std::int64_t chunk,
                          ReducedFactor& reduced, Progress& progress);

}  // namespace fathom
