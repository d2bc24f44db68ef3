#include "gram/panel_stream.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "comm/exchange.hpp"

#include <algorithm>
#include <limits>

namespace fathom {
namespace {

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// Position in the ascending list `in` of every entry of `of`; empty where one is missing.
std::vector<std::int64_t> positions(const std::vector<std::int64_t>& of,
                                    const std::vector<std::int64_t>& in) {
  std::vector<std::int64_t> at;
  for (const std::int64_t item : of) {
    const auto found = std::lower_bound(in.begin(), in.end(), item);
    if (found == in.end() || *found != item) return {};
    at.push_back(found - in.begin());
  }
  return at;
}

std::vector<std::int64_t> scaled(const std::vector<std::int64_t>& counts, std::int64_t factor) {
  std::vector<std::int64_t> out = counts;
  for (std::int64_t& c : out)
    c *= factor;
  return out;
}

}  // namespace

PanelStream::PanelStream(const ProcessGrid& grid, const Distribution& distribution,
                         SignalSource& source, const MovementPlan& plan)
    : grid_(grid),
      distribution_(distribution),
      source_(source),
      plan_(plan),
      once_(plan.movement == Movement::made_once) {
  if (!grid_.active()) return;
  row_items_ = distribution_.rows.global_indices(grid_.myrow());
  col_items_ = distribution_.cols.global_indices(grid_.mycol());
  if (once_)
    plan_exchange();
  else
    find_reuse();
}

void PanelStream::find_reuse() {
  cols_in_rows_ = positions(col_items_, row_items_);
  reuse_cols_ = cols_in_rows_.size() == col_items_.size();
  if (reuse_cols_) return;
  rows_in_cols_ = positions(row_items_, col_items_);
  reuse_rows_ = rows_in_cols_.size() == row_items_.size();
}

void PanelStream::plan_exchange() {
  const std::int64_t local = std::ssize(row_items_);
  const int npcol = grid_.npcol(), mycol = grid_.mycol();
  for (int c = 0; c < npcol; ++c)
    share_counts_.push_back(local_share(local, npcol, c).count);
  share_begin_ = local_share(local, npcol, mycol).first;
  share_ = std::span(row_items_).subspan(size(share_begin_), size(share_counts_[size(mycol)]));

  column_counts_.assign(size(grid_.nprow()), 0);
  std::vector<std::vector<std::int64_t>> from(size(grid_.nprow()));
  for (std::int64_t j = 0; j < std::ssize(col_items_); ++j) {
    const GlobalIndex item(col_items_[size(j)]);
    const auto owner = size(distribution_.rows.owner(item));
    ++column_counts_[owner];
    from[owner].push_back(j);
    if (static_cast<int>(owner) == grid_.myrow())
      sent_rows_.push_back(distribution_.rows.local(item).value());
  }
  for (const auto& list : from)
    arrival_.insert(arrival_.end(), list.begin(), list.end());
}

void PanelStream::allocate() {
  if (allocated_) return;
  fault_point("gram.allocate");
  const std::int64_t chunk = plan_.chunk;
  rows_.resize(size(chunk * std::ssize(row_items_)));
  cols_.resize(size(chunk * std::ssize(col_items_)));
  if (once_ && grid_.nprow() > 1) {
    sent_.resize(size(chunk * std::ssize(sent_rows_)));
    arrived_.resize(cols_.size());
  }
  std::vector<std::span<const std::int64_t>> lists;
  if (once_) {
    lists = {share_};
  } else {
    if (!reuse_rows_) lists.emplace_back(row_items_);
    if (!reuse_cols_) lists.emplace_back(col_items_);
  }
  source_.prepare(lists, chunk, plan_.hold);
  allocated_ = true;
}

void PanelStream::release() {
  for (std::vector<double>* panel : {&rows_, &cols_, &sent_, &arrived_})
    *panel = {};
  source_.release();
  allocated_ = false;
}

MatrixView<double> PanelStream::row_panel(std::int64_t count) {
  return {rows_.data(), count, std::ssize(row_items_), count};
}

MatrixView<double> PanelStream::col_panel(std::int64_t count) {
  return {cols_.data(), count, std::ssize(col_items_), count};
}

SignalPanels PanelStream::panels(std::int64_t first, std::int64_t count) {
  return {first, row_panel(count), col_panel(count)};
}

void PanelStream::copy_columns(MatrixView<const double> from, std::span<const std::int64_t> at,
                               MatrixView<double> to) const {
  for (std::int64_t q = 0; q < std::ssize(at); ++q)
    std::copy_n(from.col(at[size(q)]), from.rows, to.col(q));
}

void PanelStream::make(std::int64_t first, std::int64_t count) {
  fault_point("gram.signals");
  const MatrixView<double> rows = row_panel(count);
  const MatrixView<double> cols = col_panel(count);
  if (once_) {
    source_.make(share_, first, rows.block(0, share_begin_, count, std::ssize(share_)));
  } else {
    if (!reuse_rows_) source_.make(row_items_, first, rows);
    if (!reuse_cols_) source_.make(col_items_, first, cols);
    if (reuse_cols_) copy_columns(rows, cols_in_rows_, cols);
    if (reuse_rows_) copy_columns(cols, rows_in_cols_, rows);
  }
  if (fault_armed("gram.signals", "nan") && !rows_.empty())
    rows_[size(once_ ? share_begin_ * count : 0)] = std::numeric_limits<double>::quiet_NaN();
}

void PanelStream::move(std::int64_t count) {
  const MatrixView<double> rows = row_panel(count);
  const MatrixView<double> cols = col_panel(count);
  all_gather_in_place(grid_.row_comm(), scaled(share_counts_, count),
                      std::span(rows_).first(size(rows.rows * rows.cols)));
  if (grid_.nprow() == 1) {
    copy_columns(rows, sent_rows_, cols);
    return;
  }
  const std::int64_t sending = std::ssize(sent_rows_);
  copy_columns(rows, sent_rows_, {sent_.data(), count, sending, count});
  all_gather(grid_.column_comm(), std::span(sent_).first(size(count * sending)),
             scaled(column_counts_, count), std::span(arrived_).first(size(count * cols.cols)));
  for (std::int64_t q = 0; q < std::ssize(arrival_); ++q)
    std::copy_n(arrived_.data() + q * count, count, cols.col(arrival_[size(q)]));
}

void PanelStream::run(const std::function<void(const SignalPanels&)>& consume,
                      double AssemblySeconds::*phase, AssemblySeconds& seconds,
                      const StreamSteps& steps) {
  const Communicator& all = grid_.parent();
  const bool active = grid_.active();
  const std::int64_t inner = source_.inner();
  const auto length = [&](std::int64_t first) { return std::min(plan_.chunk, inner - first); };
  const auto timed = [](double& total, const auto& action) {
    const Timer timer;
    action();
    total += timer.seconds();
  };
  const auto make_chunk = [&](std::int64_t first) {
    if (active) timed(seconds.signals, [&] { make(first, length(first)); });
  };
  const auto use_chunk = [&](std::int64_t first) {
    if (active) timed(seconds.*phase, [&] { consume(panels(first, length(first))); });
    if (steps.progress) steps.progress(first + length(first), inner);
  };
  const auto begin_chunk = [&](std::int64_t first) {
    if (active && first < inner)
      timed(seconds.communication, [&] { source_.begin_chunk(first, length(first)); });
  };

  if (steps.first >= inner) return;
  timed(seconds.signals, [&] {
    all.agree([&] {
      if (active) allocate();
    });
  });
  if (!once_ && !source_.begins_chunks() && !steps.between) {
    // Nothing travels: one agreement for the whole dimension.
    all.agree([&] {
      for (std::int64_t first = steps.first; first < inner; first += plan_.chunk) {
        make_chunk(first);
        use_chunk(first);
      }
    });
    return;
  }
  begin_chunk(steps.first);
  all.agree([&] { make_chunk(steps.first); });
  for (std::int64_t first = steps.first; first < inner; first += plan_.chunk) {
    const std::int64_t next = first + plan_.chunk;
    if (once_ && active) timed(seconds.communication, [&] { move(length(first)); });
    begin_chunk(next);
    all.agree([&] {
      use_chunk(first);
      if (next < inner) make_chunk(next);
    });
    if (steps.between) steps.between(first + length(first));
  }
}

}  // namespace fathom
