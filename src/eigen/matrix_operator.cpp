#include "eigen/matrix_operator.hpp"

#include "dist/operations.hpp"
#include "eigen/error_bound.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fathom {

std::string MatrixOperator::description() const {
  return fmt::format("the matrix of order {}", order());
}

double MatrixOperator::relative_error() const {
  return unit_roundoff * std::sqrt(static_cast<double>(order()));
}

double MatrixOperator::flops() const {
  return 2.0 * static_cast<double>(order()) * static_cast<double>(order());
}

void MatrixOperator::apply(MatrixView<const double> x, MatrixView<double> y) const {
  const std::int64_t n = order();
  FATHOM_ASSERT(x.rows == n && y.rows == n && x.cols == y.cols,
                "A of order {}, X {} x {}, Y {} x {}", n, x.rows, x.cols, y.rows, y.cols);
  std::vector<double> block(static_cast<std::size_t>(n * x.cols));
  for (std::int64_t j = 0; j < x.cols; ++j)
    std::copy_n(x.col(j), n, block.data() + j * n);
  block = symmetric_apply(matrix_, fill_, block, x.cols);
  // Reductions need not round alike on all ranks; rank 0's stand for all.
  matrix_.grid().parent().broadcast(block);
  for (std::int64_t j = 0; j < x.cols; ++j)
    std::copy_n(block.data() + j * n, n, y.col(j));
}

}  // namespace fathom
