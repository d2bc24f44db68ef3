#include "gram/empirical_ntk_assembler.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "comm/exchange.hpp"
#include "dist/operations.hpp"
#include "gram/empirical_ntk_counts.hpp"
#include "gram/rounding.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace fathom {
namespace {

// Strips across the diagonal are halved down to this part of a block's columns.
constexpr std::int64_t narrow = 8;
// Numbers of a mark's plan before the progress: grid, block, movement, order of the strips.
constexpr std::size_t layout_size = 7;

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

template <class Action>
void timed(double& total, const Action& action) {
  const Timer timer;
  action();
  total += timer.seconds();
}

bool contains(const IndexRange& whole, const IndexRange& part) {
  return whole.first <= part.first && part.end <= whole.end;
}

/// What was kept by work in a layout that these numbers name; none where they name none.
std::optional<TriangleProgress> left_by(std::span<const std::int64_t> layout,
                                        const TriangleProgress& progress, std::int64_t n) {
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  for (const std::size_t positive : {0, 1, 2, 5, 6})
    if (layout[positive] < 1 || layout[positive] > most) return std::nullopt;
  const Distribution distribution{CyclicAxis(n, layout[2], static_cast<int>(layout[0])),
                                  CyclicAxis(n, layout[2], static_cast<int>(layout[1]))};
  return progress.elsewhere(distribution, {layout[4] != 0, layout[5], layout[6]});
}

}  // namespace

/// A block of the matrix: panels of its rows and columns, where they begin in the local matrix, and
/// which of the columns' panel are meant.
struct EntkAssembler::Block {
  const SignalPanel& rows;
  std::int64_t row;
  const SignalPanel& cols;
  std::int64_t col;
  Strip columns;

  /// The first row on or below the diagonal in a column of the panel.
  std::int64_t first_row(std::int64_t column) const {
    return std::lower_bound(rows.rows.begin(), rows.rows.end(), cols.rows[size(column)]) -
           rows.rows.begin();
  }
};

EntkAssembler::EntkAssembler(const ProcessGrid& grid, std::int64_t block, const EmpiricalNtk& ntk,
                             const AssemblyOptions& options, const SignalLayout& layout)
    : grid_(grid),
      ntk_(ntk),
      options_(options),
      layout_(layout),
      maker_(ntk, layout),
      products_(layout),
      matrix_(DistMatrix::make(grid, ntk.order(), ntk.order(), block, block)),
      plan_(plan_empirical_ntk(EntkCounts(ntk, layout).signals, matrix_.distribution(),
                               options.movement, options.chunk)),
      rows_{matrix_.distribution().rows.global_indices(grid.myrow()),
            grid.active() ? &grid_.row_comm() : nullptr},
      cols_{matrix_.distribution().cols.global_indices(grid.mycol()),
            grid.active() ? &grid_.column_comm() : nullptr},
      progress_(take_up()) {}

/// In which layout and order the steps count.
std::vector<std::int64_t> EntkAssembler::layout_numbers() const {
  return {grid_.nprow(),
          grid_.npcol(),
          matrix_.mb(),
          static_cast<std::int64_t>(plan_.movement),
          plan_.rows_outer ? 1 : 0,
          plan_.outer,
          plan_.inner};
}

TriangleProgress EntkAssembler::take_up() {
  const std::int64_t n = ntk_.order();
  TriangleProgress begin{{whole_triangle(n)}, 0};
  if (options_.keeper == nullptr) return begin;
  matrix_.fill(0);  // What is kept before it is made is a number.
  const AssemblyMark kept =
      options_.keeper->resume(whole_triangle(n).elements(), "elements", matrix_);
  if (kept.plan.size() <= layout_size) return begin;
  const std::span<const std::int64_t> numbers(kept.plan);
  const auto layout = numbers.first(layout_size);
  const auto progress = TriangleProgress::from(numbers.subspan(layout_size), n);
  if (!progress) return begin;
  const std::vector<std::int64_t> mine = layout_numbers();
  if (std::equal(layout.begin(), layout.end(), mine.begin())) return *progress;
  return left_by(layout, *progress, n).value_or(begin);
}

AssemblyMark EntkAssembler::mark() const {
  AssemblyMark mark;
  mark.total = whole_triangle(ntk_.order()).elements();
  mark.done = progress_.done(matrix_.distribution(), order());
  mark.plan = layout_numbers();
  const std::vector<std::int64_t> progress = progress_.numbers();
  mark.plan.insert(mark.plan.end(), progress.begin(), progress.end());
  return mark;
}

void EntkAssembler::run() {
  const Communicator& all = grid_.parent();
  if (once() || options_.keeper != nullptr)
    all_parts([&](const std::function<void()>& local) { all.agree(local); });
  else  // Nothing travels and nobody asks: one agreement for all of it.
    all.agree([&] { all_parts([](const std::function<void()>& local) { local(); }); });
  product_flops_ = all.sum(products_.flops());
  signal_flops_ = all.sum(samples_made_) * SignalMaker::sample_flops(ntk_);
}

EntkAssembler::PartPlan EntkAssembler::plan_part(const TrianglePart& part) const {
  PartPlan plan{PartSteps(matrix_.distribution(), part, order()), false, false};
  const bool all_of_outer =
      (plan_.rows_outer ? grid_.nprow() : grid_.npcol()) == 1 && plan.steps.outer_strips() == 1;
  plan.copies =
      !once() && all_of_outer &&
      (plan_.rows_outer ? contains(part.rows, part.cols) : contains(part.cols, part.rows));
  plan.one_panel = plan.copies && part.rows == part.cols && rows_.items == cols_.items;
  return plan;
}

void EntkAssembler::all_parts(const Agree& agree) {
  for (const TrianglePart& part : progress_.left)
    steps_in_all_ += plan_part(part).steps.steps();
  steps_in_all_ -= progress_.steps;
  while (!progress_.left.empty()) {
    all_steps(plan_part(progress_.left.front()), agree);
    progress_.left.erase(progress_.left.begin());
    progress_.steps = 0;
  }
}

void EntkAssembler::all_steps(const PartPlan& part, const Agree& agree) {
  const std::int64_t inner_strips = part.steps.inner_strips();
  std::int64_t held = -1;  // the outer strip whose panel stands
  for (std::int64_t s = progress_.steps; s < part.steps.steps(); ++s) {
    const std::int64_t o = s / inner_strips, i = s % inner_strips;
    const bool needed = part.steps.needed(o, i);
    if (needed && std::exchange(held, o) != o) {
      timed(seconds_.signals,
            [&] { agree([&] { make(outer_side(), outer_strip(part, o), outer_); }); });
      timed(seconds_.communication, [&] { gather(outer_side(), outer_); });
    }
    if (needed) step(part, outer_strip(part, o), inner_strip(part, i), agree);
    progress_.steps = s + 1;
    if (options_.progress) options_.progress(++steps_done_, steps_in_all_);
    if (needed) ask_keeper();
  }
}

void EntkAssembler::step(const PartPlan& part, const Strip& outer, const Strip& inner,
                         const Agree& agree) {
  timed(seconds_.signals, [&] { agree([&] { make_inner(part, inner); }); });
  timed(seconds_.communication, [&] {
    if (!part.one_panel) gather(inner_side(), inner_);
  });
  timed(seconds_.products, [&] {
    agree([&] {
      fault_point("gram.entk.products");
      if (part.one_panel)
        evaluate(
            {outer_, outer.first, outer_, outer.first, {inner.first - outer.first, inner.count}});
      else if (plan_.rows_outer)
        evaluate({outer_, outer.first, inner_, inner.first, {0, inner.count}});
      else
        evaluate({inner_, inner.first, outer_, outer.first, {0, outer.count}});
    });
  });
}

/// Nothing is half-made here.
void EntkAssembler::ask_keeper() {
  if (options_.keeper == nullptr) return;
  grid_.parent().agree([] { fault_point("gram.between"); });
  options_.keeper->between(
      progress_.done(matrix_.distribution(), order()), whole_triangle(ntk_.order()).elements(),
      [&] { return mark(); }, matrix_);
}

EntkAssembler::Strip EntkAssembler::outer_strip(const PartPlan& part, std::int64_t number) const {
  const IndexRange range =
      part.steps.outer(number, plan_.rows_outer ? grid_.myrow() : grid_.mycol());
  return {range.first, range.count()};
}

EntkAssembler::Strip EntkAssembler::inner_strip(const PartPlan& part, std::int64_t number) const {
  const IndexRange range =
      part.steps.inner(number, plan_.rows_outer ? grid_.mycol() : grid_.myrow());
  return {range.first, range.count()};
}

/// Made, copied from the outer side, or not needed at all.
void EntkAssembler::make_inner(const PartPlan& part, const Strip& strip) {
  if (part.one_panel) return;
  const Side& side = inner_side();
  if (!part.copies) return make(side, strip, inner_);
  inner_.name_rows(layout_, std::span(side.items).subspan(size(strip.first), size(strip.count)),
                   ntk_.rows_a_sample());
  select(layout_, outer_, inner_);
}

/// This rank's share of the strip, all of it where nothing travels.
void EntkAssembler::make(const Side& side, const Strip& strip, SignalPanel& panel) {
  panel.name_rows(layout_, std::span(side.items).subspan(size(strip.first), size(strip.count)),
                  ntk_.rows_a_sample());
  if (side.sharing == nullptr) return;
  fault_point("gram.entk");
  const std::int64_t samples = std::ssize(panel.samples);
  const Share share =
      once() ? local_share(samples, side.sharing->size(), side.sharing->rank()) : Share{0, samples};
  maker_.make(panel, share.first, share.count);
  samples_made_ += static_cast<double>(share.count);
  if (fault_armed("gram.entk", "nan") && share.count > 0)
    panel.row_part[size(panel.first_row(share.first) * layout_.row_length)] =
        std::numeric_limits<double>::quiet_NaN();
}

void EntkAssembler::gather(const Side& side, SignalPanel& panel) {
  if (!once() || side.sharing == nullptr || side.sharing->size() == 1) return;
  std::vector<std::int64_t> sample_counts, row_counts;
  for (int p = 0; p < side.sharing->size(); ++p) {
    const Share share = local_share(std::ssize(panel.samples), side.sharing->size(), p);
    sample_counts.push_back(share.count * layout_.sample_length);
    row_counts.push_back(
        (panel.first_row(share.first + share.count) - panel.first_row(share.first)) *
        layout_.row_length);
  }
  all_gather_in_place(*side.sharing, sample_counts, panel.sample_part);
  all_gather_in_place(*side.sharing, row_counts, panel.row_part);
}

/// The lower triangle's part of the block, some columns at a time: what is below the diagonal in
/// all of them by rectangles, what the diagonal crosses as a triangle where rows and columns are
/// the same.
void EntkAssembler::evaluate(const Block& block) {
  const std::int64_t col_block = products_.col_block();
  const std::int64_t end = block.columns.first + block.columns.count;
  const std::vector<std::int64_t>& rows = block.rows.rows;
  const std::vector<std::int64_t>& cols = block.cols.rows;
  for (std::int64_t j = block.columns.first; j < end; j += col_block) {
    const Strip columns{j, std::min(col_block, end - j)};
    const std::int64_t top = block.first_row(j);
    const std::int64_t below =
        std::upper_bound(rows.begin(), rows.end(), cols[size(j + columns.count - 1)]) -
        rows.begin();
    if (std::equal(rows.begin() + top, rows.begin() + below, cols.begin() + j,
                   cols.begin() + j + columns.count))
      rectangle(block, {top, columns.count}, columns);
    else
      lower_part(block, columns, below);
    rectangle(block, {below, std::ssize(rows) - below}, columns);
  }
}

/// Rows above `end` of these columns, by halving: little of what is above the diagonal is
/// evaluated.
void EntkAssembler::lower_part(const Block& block, Strip cols, std::int64_t end) {
  const std::int64_t top = block.first_row(cols.first);
  if (top >= end) return;
  if (cols.count <= products_.col_block() / narrow) {
    rectangle(block, {top, end - top}, cols);
    return;
  }
  const Strip left{cols.first, cols.count / 2},
      right{cols.first + left.count, cols.count - left.count};
  const std::int64_t middle = std::min(end, block.first_row(right.first));
  lower_part(block, left, middle);
  rectangle(block, {middle, end - middle}, left);
  lower_part(block, right, end);
}

void EntkAssembler::rectangle(const Block& block, Strip rows, Strip cols) {
  const std::int64_t row_block = products_.row_block();
  for (std::int64_t done = 0; done < rows.count; done += row_block) {
    const std::int64_t first = rows.first + done, count = std::min(row_block, rows.count - done);
    products_.evaluate(
        block.rows, {first, count}, block.cols, {cols.first, cols.count},
        matrix_.local().block(block.row + first, block.col + cols.first, count, cols.count));
  }
}

Assembly EntkAssembler::finish() {
  timed(seconds_.mirror, [&] { mirror_lower(matrix_); });
  // Errors of elements as rounding.hpp has them; their Frobenius norm.
  const double error = unit_roundoff * layout_.rounding_length() * trace(matrix_);
  AssemblyReport report;
  report.movement = plan_.movement;
  report.reason = plan_.reason;
  report.chunk = plan_.outer;
  report.seconds = seconds_;
  report.signal_flops = signal_flops_;
  report.product_flops = product_flops_;
  return {{std::move(matrix_), SymmetricFill::full, error, ntk_.samples.input_epsilon()},
          std::move(report)};
}

}  // namespace fathom
