#include "dist/dist_matrix.hpp"

#include "base/blas_int.hpp"
#include "base/fault.hpp"
#include "base/large_array.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <optional>

namespace fathom {
namespace {

double* allocate(std::int64_t rows, std::int64_t cols) {
  fault_point("dist.allocate");
  if (rows == 0 || cols == 0) return nullptr;
  if (cols > std::numeric_limits<std::ptrdiff_t>::max() / 16 / rows) throw std::bad_alloc();
  return static_cast<double*>(
      allocate_large(static_cast<std::size_t>(rows * cols) * sizeof(double)));
}

}  // namespace

void DistMatrix::Free::operator()(double* p) const {
  free_large(p);
}

DistMatrix::DistMatrix(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols,
                       std::int64_t mb, std::int64_t nb)
    : grid_(grid),
      distribution_{CyclicAxis(rows, mb, grid.nprow()), CyclicAxis(cols, nb, grid.npcol())} {
  const std::int64_t local_rows = distribution_.rows.local_extent(grid.myrow());
  const std::int64_t local_cols = distribution_.cols.local_extent(grid.mycol());
  const std::int64_t lld = std::max<std::int64_t>(1, local_rows);
  descriptor_ = scalapack::descriptor(grid.blacs_context(), rows, cols, mb, nb, lld);
  storage_.reset(allocate(local_rows, local_cols));
  local_ = {storage_.get(), local_rows, local_cols, lld};
}

DistMatrix DistMatrix::make(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols,
                            std::int64_t mb, std::int64_t nb) {
  std::optional<DistMatrix> matrix;
  grid.parent().agree([&] {
    try {
      matrix.emplace(grid, rows, cols, mb, nb);
    } catch (const std::bad_alloc&) {
      throw Error(ExitCode::no_fit, "no memory for a {} x {} matrix on a {} x {} grid", rows, cols,
                  grid.nprow(), grid.npcol());
    }
  });
  return std::move(*matrix);
}

void DistMatrix::fill(double value) {
  for (std::int64_t j = 0; j < local_.cols; ++j)
    std::fill_n(local_.col(j), local_.rows, value);
}

}  // namespace fathom
