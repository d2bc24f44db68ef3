#include "gram/row_sources.hpp"

#include "bindings/blas.hpp"
#include "comm/exchange.hpp"
#include "dist/operations.hpp"
#include "gram/activation_text.hpp"
#include "gram/factor_rows.hpp"
#include "gram/movement.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace fathom {
namespace {

// Coordinates of X and W at a time: long enough for dgemm, short enough for the workspace.
constexpr std::int64_t longest_slab = 512;
constexpr double activation_seconds = 2e-9;
constexpr std::int64_t rounding_samples = 8;  // a column

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

std::vector<std::int64_t> consecutive(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> list(size(count));
  std::iota(list.begin(), list.end(), first);
  return list;
}

std::int64_t slab_count(std::int64_t dim, std::int64_t width) {
  return (dim + width - 1) / width;
}

}  // namespace

HeldShare::HeldShare(const DistMatrix& rows, const ProcessGrid& grid, std::int64_t block)
    : dim_(rows.cols()), width_(std::max<std::int64_t>(1, slab_count(dim_, grid.npcol()))) {
  const Communicator& all = grid.parent();
  const int npcol = grid.npcol();
  std::vector<double> sent;
  std::vector<std::int64_t> send_counts(size(npcol)), receive_counts(size(npcol));
  std::int64_t local = 0;
  {
    // One slab of coordinates a grid column, then rows against coordinates within the grid row.
    DistMatrix spread = DistMatrix::make(grid, rows.rows(), dim_, block, width_);
    redistribute(rows, spread);
    all.agree([&] {
      if (!grid.active()) return;
      local = spread.local_rows();
      share_ = local_share(local, npcol, grid.mycol()).count;
      sent.resize(size(local * spread.local_cols()));
      copy_transposed(spread.local(), {sent.data(), spread.local_cols(), local,
                                       std::max<std::int64_t>(1, spread.local_cols())});
      for (int c = 0; c < npcol; ++c) {
        send_counts[size(c)] = local_share(local, npcol, c).count * spread.local_cols();
        receive_counts[size(c)] = share_ * spread.distribution().cols.local_extent(c);
      }
    });
  }
  all.agree([&] { data_.resize(size(share_ * dim_)); });
  if (grid.active()) exchange(grid.row_comm(), sent, send_counts, data_, receive_counts);
}

void HeldShare::copy(std::int64_t first, MatrixView<double> out) const {
  FATHOM_ASSERT(out.cols == share_ && first + out.rows <= dim_, "{} rows of {}, {} + {} of {}",
                out.cols, share_, first, out.rows, dim_);
  for (std::int64_t slab = first / width_; slab * width_ < first + out.rows; ++slab) {
    const std::int64_t begin = slab * width_, width = std::min(width_, dim_ - begin);
    const std::int64_t from = std::max(first, begin);
    const std::int64_t to = std::min(first + out.rows, begin + width);
    const double* part = data_.data() + begin * share_;
    for (std::int64_t q = 0; q < share_; ++q)
      std::copy(part + q * width + (from - begin), part + q * width + (to - begin),
                out.col(q) + (from - first));
  }
}

GatheredRows::GatheredRows(const DistMatrix& rows, const ProcessGrid& grid)
    : column_(grid.parent(), {grid.nprow() * grid.npcol(), 1}),
      rows_(DistMatrix::make(column_, rows.rows(), rows.cols(), 1,
                             std::max<std::int64_t>(1, rows.cols()))),
      dim_(rows.cols()) {
  redistribute(rows, rows_);
}

void GatheredRows::reserve(std::int64_t chunk) {
  const std::int64_t ranks = column_.nprow();
  panel_.resize(size(dim_ * chunk));
  mine_.resize(size(dim_ * ((chunk + ranks - 1) / ranks)));
  arrived_.resize(panel_.size());
}

void GatheredRows::release() {
  panel_ = {};
  mine_ = {};
  arrived_ = {};
}

void GatheredRows::gather(std::int64_t first, std::int64_t count) {
  const CyclicAxis& axis = rows_.distribution().rows;
  const int ranks = column_.nprow();
  std::vector<std::int64_t> counts, begins;
  for (int p = 0; p < ranks; ++p) {
    begins.push_back(axis.lower_bound(GlobalIndex(first), p).value());
    counts.push_back((axis.lower_bound(GlobalIndex(first + count), p).value() - begins.back()) *
                     dim_);
  }
  const auto me = size(column_.myrow());
  const std::int64_t own = counts[me] / dim_;
  if (own > 0)
    copy_transposed(rows_.local().block(begins[me], 0, own, dim_), {mine_.data(), dim_, own, dim_});
  all_gather(column_.active_comm(), std::span(mine_).first(size(counts[me])), counts,
             std::span(arrived_).first(size(dim_ * count)));
  const double* next = arrived_.data();
  for (int p = 0; p < ranks; ++p)
    for (std::int64_t q = 0; q < counts[size(p)] / dim_; ++q, next += dim_) {
      const std::int64_t row = axis.global(LocalIndex(begins[size(p)] + q), p).value();
      std::copy_n(next, dim_, panel_.data() + (row - first) * dim_);
    }
  count_ = count;
}

RowSignals::RowSignals(const DataRows& rows, const ProcessGrid& grid, std::int64_t block)
    : rows_(rows) {
  if (rows.held() != nullptr) share_.emplace(*rows.held(), grid, block);
}

void RowSignals::make(std::span<const std::int64_t> items, std::int64_t first,
                      MatrixView<double> out) {
  if (share_)
    share_->copy(first, out);
  else
    rows_.make(items, first, out);
}

ColumnSignals::ColumnSignals(const DataRows& rows, const ProcessGrid& grid) : rows_(rows) {
  if (rows.held() != nullptr) gathered_.emplace(*rows.held(), grid);
}

SignalCost ColumnSignals::cost() const {
  return {0.0, rows_.seconds_per_value() + 1e-9};
}

void ColumnSignals::prepare(std::span<const std::span<const std::int64_t>>, std::int64_t chunk,
                            bool) {
  if (gathered_)
    gathered_->reserve(chunk);
  else
    panel_.resize(size(rows_.dim() * chunk));
}

void ColumnSignals::release() {
  if (gathered_) gathered_->release();
  panel_ = {};
}

void ColumnSignals::begin_chunk(std::int64_t first, std::int64_t count) {
  if (gathered_) gathered_->gather(first, count);
}

void ColumnSignals::make(std::span<const std::int64_t> items, std::int64_t first,
                         MatrixView<double> out) {
  MatrixView<double> made{panel_.data(), rows_.dim(), out.rows, rows_.dim()};
  if (!gathered_) rows_.make(consecutive(first, out.rows), 0, made);
  const MatrixView<const double> panel = gathered_ ? gathered_->panel() : made;
  constexpr std::int64_t tile = 32;  // as copy_transposed, with the items' places for columns
  for (std::int64_t q0 = 0; q0 < out.cols; q0 += tile)
    for (std::int64_t k0 = 0; k0 < out.rows; k0 += tile)
      for (std::int64_t q = q0; q < std::min(q0 + tile, out.cols); ++q)
        for (std::int64_t k = k0; k < std::min(k0 + tile, out.rows); ++k)
          out(k, q) = panel(items[size(q)], k);
}

FeatureSignals::FeatureSignals(const DataRows& item_rows, const DataRows& inner_rows,
                               Activation activation, const ProcessGrid& grid, std::int64_t block)
    : item_rows_(item_rows), inner_rows_(inner_rows), activation_(activation) {
  FATHOM_ASSERT(item_rows.dim() == inner_rows.dim(), "rows of {} and {} coordinates",
                item_rows.dim(), inner_rows.dim());
  if (item_rows.held() != nullptr) share_.emplace(*item_rows.held(), grid, block);
  if (inner_rows.held() != nullptr) gathered_.emplace(*inner_rows.held(), grid);
  const std::int64_t dim = item_rows.dim();
  slab_ = std::min(dim, longest_slab);
}

SignalCost FeatureSignals::cost() const {
  return {2.0 * static_cast<double>(item_rows_.dim()), activation_seconds};
}

std::string FeatureSignals::description() const {
  return fmt::format("{} of {} and {}", fathom::description(activation_), item_rows_.description(),
                     inner_rows_.description());
}

std::int64_t FeatureSignals::workspace_per_inner() const {
  return gathered_ ? 2 * inner_rows_.dim() : slab_;
}

void FeatureSignals::prepare(std::span<const std::span<const std::int64_t>> lists,
                             std::int64_t chunk, bool hold) {
  const std::int64_t dim = item_rows_.dim();
  std::int64_t most = 0;
  for (const auto& list : lists)
    most = std::max(most, std::ssize(list));
  if (gathered_)
    gathered_->reserve(chunk);
  else
    inner_buffer_.resize(size(slab_ * chunk));
  held_.clear();
  if (!share_ && hold) {
    for (const auto& list : lists) {
      Held& held = held_.emplace_back(Held{list, std::vector<double>(list.size() * size(dim))});
      item_rows_.make(list, 0, {held.rows.data(), dim, std::ssize(list), dim});
    }
  } else {
    item_buffer_.resize(size(slab_ * most));
  }
}

void FeatureSignals::release() {
  if (gathered_) gathered_->release();
  held_ = {};
  item_buffer_ = {};
  inner_buffer_ = {};
}

void FeatureSignals::begin_chunk(std::int64_t first, std::int64_t count) {
  if (gathered_) gathered_->gather(first, count);
}

MatrixView<const double> FeatureSignals::item_block(std::span<const std::int64_t> items,
                                                    std::int64_t coordinate, std::int64_t length) {
  const std::int64_t dim = item_rows_.dim(), count = std::ssize(items);
  for (const Held& held : held_)
    if (held.items.data() == items.data() && held.items.size() == items.size())
      return {held.rows.data() + coordinate, length, count, dim};
  const MatrixView<double> block{item_buffer_.data(), length, count, length};
  if (share_)
    share_->copy(coordinate, block);
  else
    item_rows_.make(items, coordinate, block);
  return block;
}

MatrixView<const double> FeatureSignals::inner_block(std::int64_t first, std::int64_t count,
                                                     std::int64_t coordinate, std::int64_t length) {
  if (gathered_) return gathered_->panel().block(coordinate, 0, length, count);
  const MatrixView<double> block{inner_buffer_.data(), length, count, length};
  inner_rows_.make(consecutive(first, count), coordinate, block);
  return block;
}

void FeatureSignals::make(std::span<const std::int64_t> items, std::int64_t first,
                          MatrixView<double> out) {
  const std::int64_t dim = item_rows_.dim();
  for (std::int64_t k = 0; k < dim; k += slab_) {
    const std::int64_t length = std::min(slab_, dim - k);
    const auto inner = inner_block(first, out.rows, k, length);
    blas::gemm(Op::transpose, Op::none, 1.0, inner, item_block(items, k, length),
               k == 0 ? 0.0 : 1.0, out);
  }
  add_rounding(out);
  for (std::int64_t q = 0; q < out.cols; ++q)
    activation_.apply({out.col(q), size(out.rows)});
}

/// A product y = ⟨x, w⟩ carries an error of about ε L |x|, L² = slab + slabs as in rounding.hpp,
/// and √(mean y²) over w stands for |x|.
void FeatureSignals::add_rounding(MatrixView<const double> products) {
  const double slabs = static_cast<double>(slab_count(item_rows_.dim(), slab_));
  const double length_squared = static_cast<double>(slab_) + slabs;
  const std::int64_t step = std::max<std::int64_t>(1, products.rows / rounding_samples);
  for (std::int64_t q = 0; q < products.cols; ++q) {
    double norm = 0, slope = 0, samples = 0;
    for (std::int64_t k = 0; k < products.rows; k += step, ++samples) {
      const double y = products(k, q), derivative = activation_.derivative(y);
      norm += y * y;
      slope += derivative * derivative;
    }
    rounding_.squared += length_squared * norm * slope / (samples * samples);
    ++rounding_.columns;
  }
}

}  // namespace fathom
