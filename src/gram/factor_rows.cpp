#include "gram/factor_rows.hpp"

#include "base/fault.hpp"
#include "comm/exchange.hpp"
#include "dist/operations.hpp"

#include <algorithm>

namespace fathom {
namespace {

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

void copy_transposed(MatrixView<const double> in, MatrixView<double> out) {
  constexpr std::int64_t tile = 32;
  for (std::int64_t j0 = 0; j0 < in.cols; j0 += tile)
    for (std::int64_t i0 = 0; i0 < in.rows; i0 += tile)
      for (std::int64_t i = i0; i < std::min(i0 + tile, in.rows); ++i)
        for (std::int64_t j = j0; j < std::min(j0 + tile, in.cols); ++j)
          out(j, i) = in(i, j);
}

BroughtRows::BroughtRows(const DataRows& rows, std::int64_t first, const ProcessGrid& grid,
                         const CyclicAxis& axis, Along along, bool keep)
    : rows_(rows), kept_(keep || rows.held() != nullptr) {
  const bool by_row = along == Along::grid_rows;
  grid.parent().agree([&] {
    items_ = axis.global_indices(by_row ? grid.myrow() : grid.mycol());
    for (std::int64_t& item : items_)
      item += first;
    if (!kept_) return;
    fault_point("gram.factor_rows");
    data_.resize(size(rows.dim() * count()));
    if (rows.held() == nullptr)
      rows.make(items_, 0, {data_.data(), rows.dim(), count(), rows.dim()});
  });
  if (rows.held() != nullptr) bring(*rows.held(), first, grid, axis, along);
}

void BroughtRows::bring(const DistMatrix& held, std::int64_t first, const ProcessGrid& grid,
                        const CyclicAxis& axis, Along along) {
  // Each rank of the other direction takes one slab of coordinates of these rows; then they are
  // gathered along it.
  const bool by_row = along == Along::grid_rows;
  const int parts = by_row ? grid.npcol() : grid.nprow();
  const std::int64_t dim = held.cols();
  const std::int64_t width = std::max<std::int64_t>(1, (dim + parts - 1) / parts);
  DistMatrix spread = DistMatrix::make(grid, axis.extent(), dim, axis.block(), width);
  redistribute_block(held, GlobalIndex(first), GlobalIndex(0), spread, GlobalIndex(0),
                     GlobalIndex(0), axis.extent(), dim);
  if (!by_row) {
    DistMatrix turned = DistMatrix::make(grid, dim, axis.extent(), width, axis.block());
    transpose(spread, turned);
    spread = std::move(turned);
  }
  std::vector<double> mine, gathered;
  grid.parent().agree([&] {
    // coordinates of this rank × rows, one part after the other
    mine.resize(size(spread.local_rows() * spread.local_cols()));
    gathered.resize(data_.size());
    if (!by_row)
      std::copy_n(spread.local().data, mine.size(), mine.data());
    else if (!mine.empty())
      copy_transposed(spread.local(),
                      {mine.data(), spread.local_cols(), spread.local_rows(), spread.local_cols()});
  });
  if (!grid.active()) return;
  const CyclicAxis& slabs = by_row ? spread.distribution().cols : spread.distribution().rows;
  std::vector<std::int64_t> counts;
  for (int p = 0; p < parts; ++p)
    counts.push_back(slabs.local_extent(p) * count());
  all_gather(by_row ? grid.row_comm() : grid.column_comm(), mine, counts, gathered);
  const double* from = gathered.data();
  for (std::int64_t p = 0, begin = 0; p < parts; ++p) {
    const std::int64_t length = slabs.local_extent(static_cast<int>(p));
    for (std::int64_t q = 0; q < count(); ++q, from += length)
      std::copy_n(from, length, data_.data() + q * dim + begin);
    begin += length;
  }
}

MatrixView<const double> BroughtRows::slab(std::int64_t first, std::int64_t length) {
  if (kept_) return {data_.data() + first, length, count(), std::max<std::int64_t>(1, rows_.dim())};
  data_.resize(size(length * count()));
  const MatrixView<double> made{data_.data(), length, count(), std::max<std::int64_t>(1, length)};
  rows_.make(items_, first, made);
  return made;
}

}  // namespace fathom
