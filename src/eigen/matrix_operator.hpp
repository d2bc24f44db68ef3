#pragma once

// A held symmetric matrix as an operator.

#include "dist/interfaces.hpp"

namespace fathom {

/// Refers to the matrix, which must outlive it and may not change meanwhile. Products are local
/// block products (symmetric_apply); collective over the grid's parent.
class MatrixOperator final : public LinearOperator {
 public:
  /// @pre square
  MatrixOperator(const DistMatrix& matrix, SymmetricFill fill) : matrix_(matrix), fill_(fill) {}

  std::int64_t order() const override { return matrix_.rows(); }
  std::int64_t rank_bound() const override { return matrix_.rows(); }
  std::string description() const override;
  double relative_error() const override;  ///< √n ε: sums of n products
  double flops() const override;
  void apply(MatrixView<const double> x, MatrixView<double> y) const override;

 private:
  const DistMatrix& matrix_;
  SymmetricFill fill_;
};

}  // namespace fathom
