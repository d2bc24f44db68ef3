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
/// plain doubles, are good enough: added up instead of reduced, a third of the work. They are read
/// once; the sum is held against F₃ᵀ(F₃z) of a few random z, taken beside it.
class SmallRows {
 public:
  explicit SmallRows(const RotatedRows& rows) : rows_(rows) {}

  /// What the next rows are held against: a triangle, or L, of the rows before. Collective.
  void set_reference(const DistMatrix& r, Triangle triangle);
  /// Adds rows first … of F where ε·‖F₃‖_F²·‖R⁻¹‖_F²/q stays small with them, else says no.
  /// Collective.
  bool take(const DistMatrix& plain, std::int64_t first);
  bool any() const { return sum_.has_value(); }
  /// Where the chunks that were not taken begin.
  const std::vector<std::int64_t>& refused() const { return refused_; }
  /// R ← U·R with UᵀU = I + (F₃·Q·R⁻¹)ᵀ(F₃·Q·R⁻¹). Error(solver) where that is not positive,
  /// Error(certificate) where the sum is not that of the rows. Fault point eigen.small_rows.
  /// Collective. @pre any(), once, behind the last row
  void add_to(DistMatrix& r);
  /// (F₃X)ᵀ(F₃X), X n × m. Collective. @pre add_to was called
  DistMatrix products(const DistMatrix& x) const;
  /// Of σ, relative and absolute, by the rounding of the products.
  double relative_error() const;
  double error() const;
  double flops() const { return flops_; }

 private:
  void check_sum();
  /// Of the sum, in ε, where all additions are rounded the same way.
  double drift() const { return double(additions_) / 4; }

  const RotatedRows& rows_;
  std::optional<DistMatrix> sum_;           ///< lower triangle; full from add_to on
  std::optional<DistMatrix> signs_, seen_;  ///< z, and Σ F₃ᵀ(F₃z)
  std::vector<std::int64_t> refused_;
  double inverse_ = 0;                      ///< ‖R⁻¹‖_F
  std::int64_t taken_ = 0, additions_ = 0;  ///< rows, and sums of them
  double squares_ = 0, flops_ = 0;
  double excess_ = 0;  ///< of the sum's error, measured, over what rounding usually makes
};

/// Fills in row_condition, orthogonality, relative_error and row_sensitivity of reduced.a, a
/// triangle of G; corrects it once where a second look at F says so: rows that were reduced are
/// made again, small ones stand in their sum. `others`: ‖F₂‖_F. Error(certificate) where it is no
/// triangle of G at all. Collective.
void measure_row_accuracy(RotatedRows& rows, const SmallRows& small, double others,
                          std::int64_t chunk, ReducedFactor& reduced, Progress& progress);

}  // namespace fathom
