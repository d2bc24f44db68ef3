#pragma once

// The interfaces by which eigen sees what gram makes.

#include "base/view.hpp"
#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <functional>

namespace fathom {

/// A symmetric matrix as it is stored, and what its making may have cost in accuracy.
struct SymmetricMatrix {
  DistMatrix matrix;
  SymmetricFill fill = SymmetricFill::full;
  /// Upper estimate of ‖computed − exact‖₂ by the rounding of assembly (0 for a matrix taken from a
  /// file).
  double assembly_error = 0.0;
  /// Unit roundoff of the numbers the matrix came from: 2⁻⁵³, or 2⁻²⁴ for a float32 file.
  double input_epsilon = 0x1p-53;
};

/// Makes the matrix, and can make it again: solvers overwrite their input and a fallback needs a
/// fresh one. Collective. The layout is the solver's wish; the maker keeps to it.
struct Layout {
  GridShape grid;
  std::int64_t block = 64;
};
using MatrixSource = std::function<SymmetricMatrix(const ProcessGrid& grid, std::int64_t block)>;

/// A factor F of a Gram matrix K = FᵀF, handed out in chunks of rows and never held as a whole:
/// rows() × cols(), cols() = n the order of K. Rows may be asked for in any order, more than once.
class FactorSource {
 public:
  FactorSource() = default;
  virtual ~FactorSource() = default;
  FactorSource(const FactorSource&) = delete;
  FactorSource& operator=(const FactorSource&) = delete;

  virtual std::int64_t rows() const = 0;
  virtual std::int64_t cols() const = 0;
  /// An upper bound of the rank, known from the shapes: at most min(rows, cols).
  virtual std::int64_t rank_bound() const = 0;
  /// Rows fall in norm, over orders of magnitude, and each is accurate relative to its own norm:
  /// small eigenvalues may be determined to relative accuracy.
  virtual bool graded() const = 0;
  /// ‖K − FᵀF‖₂ is at most this, and K − FᵀF is positive semi-definite: rows that were left out, or
  /// 0.
  virtual double dropped() const { return 0; }
  /// ‖δf‖ ≤ row_error()·‖f‖ for every row f: the rounding of its making. 0 for rows taken from a
  /// file.
  virtual double row_error() const = 0;
  /// Unit roundoff of the numbers the factor came from: 2⁻⁵³, or 2⁻²⁴ for a float32 file.
  virtual double input_epsilon() const { return 0x1p-53; }
  /// One line for the log: "H^(1/2) W / sqrt(d), 8000 x 2000, graded".
  virtual std::string description() const = 0;
  /// Flops of making all rows once, over all ranks, in units of dgemm flops.
  virtual double flops() const = 0;

  /// Rows first … first + chunk.rows() − 1 into `chunk` (count × cols, any grid over the parent's
  /// ranks, any blocks). Collective over the parent.
  /// @pre 0 ≤ first, first + chunk.rows() ≤ rows(), chunk.cols() == cols()
  virtual void fill(DistMatrix& chunk, std::int64_t first) const = 0;
};

/// A symmetric positive semi-definite operator, applied to blocks of vectors, that need not be held
/// as a matrix.
class LinearOperator {
 public:
  LinearOperator() = default;
  virtual ~LinearOperator() = default;
  LinearOperator(const LinearOperator&) = delete;
  LinearOperator& operator=(const LinearOperator&) = delete;

  virtual std::int64_t order() const = 0;
  /// An upper bound of the rank, known from the shapes; order() where nothing is known.
  virtual std::int64_t rank_bound() const = 0;
  virtual std::string description() const = 0;
  /// ‖A − A_meant‖₂ by rounding and truncation of one product, relative to ‖A‖₂, an estimate.
  virtual double relative_error() const = 0;
  /// Flops of apply on one vector, over all ranks.
  virtual double flops() const = 0;
  /// Y ← A X for n × m blocks that stand on every rank of the communicator alike: the operator
  /// splits the work. Y is bitwise the same on all ranks. Collective.
  virtual void apply(MatrixView<const double> x, MatrixView<double> y) const = 0;
};

}  // namespace fathom
