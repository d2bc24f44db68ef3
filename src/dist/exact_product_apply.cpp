#include "base/assert.hpp"
#include "dist/exact_product.hpp"

#include <algorithm>

namespace fathom {

std::vector<DoubleDouble> apply(const ExactFactor& a, std::span<const DoubleDouble> x) {
  FATHOM_ASSERT(std::ssize(x) == a.cols(), "{} x {} on {} values", a.rows(), a.cols(), x.size());
  const DistMatrix& hi = a.hi;
  const ProcessGrid& grid = hi.grid();
  const bool plain = a.op == Op::none;
  std::vector<DoubleDouble> y;
  grid.parent().agree([&] {
    y.assign(static_cast<std::size_t>(a.rows()), DoubleDouble(0.0));
    const auto row = hi.distribution().rows.global_indices(grid.myrow());
    const auto col = hi.distribution().cols.global_indices(grid.mycol());
    for (std::size_t j = 0; j < col.size(); ++j)
      for (std::size_t i = 0; i < row.size(); ++i) {
        const auto r = static_cast<std::int64_t>(i), c = static_cast<std::int64_t>(j);
        const DoubleDouble element(hi.local()(r, c), a.lo ? a.lo->local()(r, c) : 0.0);
        const auto to = static_cast<std::size_t>(plain ? row[i] : col[j]);
        const auto from = static_cast<std::size_t>(plain ? col[j] : row[i]);
        y[to] += element * x[from];
      }
  });
  // A rank's part of the sum is told by its place along the axis that is summed over.
  const int slot = std::max(0, plain ? grid.mycol() : grid.myrow());
  sum_in_order(grid.parent(), slot, plain ? grid.npcol() : grid.nprow(), y);
  return y;
}

}  // namespace fathom
