#pragma once

// A block-cyclic matrix of doubles over a process grid.

#include "base/view.hpp"
#include "bindings/scalapack.hpp"
#include "comm/process_grid.hpp"
#include "dist/distribution.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace fathom {

/// Which part of a symmetric matrix holds its values.
enum class SymmetricFill { lower, full };

/// rows × cols, blocks mb × nb, local part column-major with lld = max(1, local rows). Move-only;
/// memory aligned and uninitialised until set, so that the rank that
/// fills it also touches it first. Global and local dimensions fit 32 bits (ScaLAPACK's), their
/// product need not. Idle ranks hold an empty local part and may call every function
/// here.
class DistMatrix {
 public:
  /// Local allocation only: std::bad_alloc may strike one rank, so call it inside comm.agree or use
  /// make(). Error(no_fit) where a dimension needs more than 32 bits.
  /// @pre rows, cols ≥ 0; mb, nb ≥ 1
  DistMatrix(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols, std::int64_t mb,
             std::int64_t nb);
  /// The same with the allocation agreed over the grid's parent: Error(no_fit) everywhere.
  /// Collective.
  static DistMatrix make(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols,
                         std::int64_t mb, std::int64_t nb);

  DistMatrix(DistMatrix&&) noexcept = default;
  DistMatrix& operator=(DistMatrix&&) noexcept = default;
  DistMatrix(const DistMatrix&) = delete;
  DistMatrix& operator=(const DistMatrix&) = delete;

  const ProcessGrid& grid() const { return grid_; }
  const Distribution& distribution() const { return distribution_; }
  std::int64_t rows() const { return distribution_.rows.extent(); }
  std::int64_t cols() const { return distribution_.cols.extent(); }
  std::int64_t mb() const { return distribution_.rows.block(); }
  std::int64_t nb() const { return distribution_.cols.block(); }
  std::int64_t local_rows() const { return local_.rows; }
  std::int64_t local_cols() const { return local_.cols; }
  MatrixView<double> local() { return local_; }
  MatrixView<const double> local() const { return local_; }
  /// ScaLAPACK's DESC on this rank; its context is -1 on idle ranks.
  const Descriptor& descriptor() const { return descriptor_; }
  scalapack::Part part(std::int64_t i = 0, std::int64_t j = 0) {
    return {local_.data, descriptor_, i, j};
  }
  scalapack::ConstPart part(std::int64_t i = 0, std::int64_t j = 0) const {
    return {local_.data, descriptor_, i, j};
  }

  GlobalIndex global_row(LocalIndex l) const { return distribution_.rows.global(l, grid_.myrow()); }
  GlobalIndex global_col(LocalIndex l) const { return distribution_.cols.global(l, grid_.mycol()); }

  void fill(double value);  ///< local
  /// value(i, j) with global 0-based indices for every local element; local.
  template <class F>
  void fill_from(F&& value);

 private:
  ProcessGrid grid_;
  Distribution distribution_;
  struct Free {
    void operator()(double* p) const;
  };
  std::unique_ptr<double[], Free> storage_;  // 64-byte aligned
  MatrixView<double> local_;
  Descriptor descriptor_{};
};

template <class F>
void DistMatrix::fill_from(F&& value) {
  const std::vector<std::int64_t> row = distribution_.rows.global_indices(grid_.myrow());
  const std::vector<std::int64_t> col = distribution_.cols.global_indices(grid_.mycol());
  for (std::size_t j = 0; j < col.size(); ++j) {
    double* column = local_.col(static_cast<std::int64_t>(j));
    for (std::size_t i = 0; i < row.size(); ++i)
      column[i] = value(row[i], col[j]);
  }
}

}  // namespace fathom
