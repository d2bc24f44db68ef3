#include "gram/empirical_ntk.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "comm/exchange.hpp"
#include "dist/operations.hpp"
#include "gram/empirical_ntk_counts.hpp"
#include "gram/rounding.hpp"
#include "gram/signal_panel.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

// Strips across the diagonal are halved down to this part of a block's columns.
constexpr std::int64_t narrow = 8;

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

template <class Action>
void timed(double& total, const Action& action) {
  const Timer timer;
  action();
  total += timer.seconds();
}

/// A strip of local rows or columns.
struct Strip {
  std::int64_t first = 0, count = 0;
};

Strip strip(std::int64_t number, std::int64_t length, std::int64_t extent) {
  const std::int64_t first = std::min(number * length, extent);
  return {first, std::min(length, extent - first)};
}

/// One side of a rank's block: what it holds of an axis, and the ranks that hold the same.
struct LocalSide {
  const CyclicAxis& axis;
  std::vector<std::int64_t> items;  // ascending; none on idle ranks
  const Communicator* sharing;      // null on idle ranks
};

/// A block of the matrix: panels of its rows and columns, where they begin in the local matrix, and
/// which of the columns' panel are meant.
struct Block {
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

class EntkAssembler {
 public:
  EntkAssembler(const ProcessGrid& grid, std::int64_t block, const EmpiricalNtk& ntk,
                const AssemblyOptions& options, const SignalLayout& layout)
      : grid_(grid),
        ntk_(ntk),
        options_(options),
        layout_(layout),
        maker_(ntk, layout),
        products_(layout),
        matrix_(DistMatrix::make(grid, ntk.order(), ntk.order(), block, block)),
        plan_(plan_empirical_ntk({ntk.rows_a_sample(), layout.sample_length, layout.row_length,
                                  SignalMaker::sample_flops(ntk)},
                                 matrix_.distribution(), options.movement, options.chunk)),
        rows_{matrix_.distribution().rows, matrix_.distribution().rows.global_indices(grid.myrow()),
              grid.active() ? &grid.row_comm() : nullptr},
        cols_{matrix_.distribution().cols, matrix_.distribution().cols.global_indices(grid.mycol()),
              grid.active() ? &grid.column_comm() : nullptr},
        one_panel_(plan_.copies && rows_.items == cols_.items) {}

  /// The lower triangle. Collective.
  void run() {
    const Communicator& all = grid_.parent();
    if (once())
      pass([&](const std::function<void()>& local) { all.agree(local); });
    else  // Nothing travels: one agreement for all of it.
      all.agree([&] { pass([](const std::function<void()>& local) { local(); }); });
    product_flops_ = all.sum(products_.flops());
    signal_flops_ = all.sum(samples_made_) * SignalMaker::sample_flops(ntk_);
  }

  Assembly finish();

 private:
  bool once() const { return plan_.movement == Movement::made_once; }
  using Agree = std::function<void(const std::function<void()>&)>;
  void pass(const Agree& agree);
  bool needed(std::int64_t outer, std::int64_t inner) const;
  void make(const LocalSide& side, const Strip& strip, SignalPanel& panel);
  void make_inner(const LocalSide& side, const Strip& strip, const SignalPanel& outer,
                  SignalPanel& inner);
  void gather(const LocalSide& side, SignalPanel& panel);
  void evaluate(const Block& block);
  void lower_part(const Block& block, Strip cols, std::int64_t end);
  void rectangle(const Block& block, Strip rows, Strip cols);

  ProcessGrid grid_;
  const EmpiricalNtk& ntk_;
  const AssemblyOptions& options_;
  const SignalLayout& layout_;
  SignalMaker maker_;
  SignalProducts products_;
  DistMatrix matrix_;
  EntkPlan plan_;
  LocalSide rows_, cols_;
  bool one_panel_;  // serves both sides
  AssemblySeconds seconds_;
  double samples_made_ = 0;  // by this rank
  double product_flops_ = 0, signal_flops_ = 0;
};

/// Whether any rank has an element on or below the diagonal where the two strips meet.
bool EntkAssembler::needed(std::int64_t outer, std::int64_t inner) const {
  const std::int64_t row_strip = plan_.rows_outer ? outer : inner;
  const std::int64_t col_strip = plan_.rows_outer ? inner : outer;
  std::int64_t last_row = -1, first_col = std::numeric_limits<std::int64_t>::max();
  for (int p = 0; p < grid_.nprow(); ++p) {
    const Strip s =
        strip(row_strip, plan_.rows_outer ? plan_.outer : plan_.inner, rows_.axis.local_extent(p));
    if (s.count > 0)
      last_row =
          std::max(last_row, rows_.axis.global(LocalIndex(s.first + s.count - 1), p).value());
  }
  for (int p = 0; p < grid_.npcol(); ++p) {
    const Strip s =
        strip(col_strip, plan_.rows_outer ? plan_.inner : plan_.outer, cols_.axis.local_extent(p));
    if (s.count > 0)
      first_col = std::min(first_col, cols_.axis.global(LocalIndex(s.first), p).value());
  }
  return last_row >= first_col;
}

void EntkAssembler::pass(const Agree& agree) {
  const LocalSide& outer_side = plan_.rows_outer ? rows_ : cols_;
  const LocalSide& inner_side = plan_.rows_outer ? cols_ : rows_;
  SignalPanel outer, inner;
  const std::int64_t total = plan_.outer_strips * plan_.inner_strips;
  for (std::int64_t o = 0; o < plan_.outer_strips; ++o) {
    const Strip of_outer = strip(o, plan_.outer, std::ssize(outer_side.items));
    timed(seconds_.signals, [&] { agree([&] { make(outer_side, of_outer, outer); }); });
    timed(seconds_.communication, [&] { gather(outer_side, outer); });
    for (std::int64_t i = 0; i < plan_.inner_strips; ++i) {
      if (needed(o, i)) {
        const Strip of_inner = strip(i, plan_.inner, std::ssize(inner_side.items));
        timed(seconds_.signals,
              [&] { agree([&] { make_inner(inner_side, of_inner, outer, inner); }); });
        timed(seconds_.communication, [&] { gather(inner_side, inner); });
        timed(seconds_.products, [&] {
          agree([&] {
            fault_point("gram.entk.products");
            if (one_panel_)
              evaluate({outer, 0, outer, 0, of_inner});
            else if (plan_.rows_outer)
              evaluate({outer, of_outer.first, inner, of_inner.first, {0, of_inner.count}});
            else
              evaluate({inner, of_inner.first, outer, of_outer.first, {0, of_outer.count}});
          });
        });
      }
      if (options_.progress) options_.progress(o * plan_.inner_strips + i + 1, total);
    }
  }
}

/// Made, copied from the outer side, or not needed at all.
void EntkAssembler::make_inner(const LocalSide& side, const Strip& strip, const SignalPanel& outer,
                               SignalPanel& inner) {
  if (one_panel_) return;
  if (!plan_.copies) return make(side, strip, inner);
  inner.name_rows(layout_, std::span(side.items).subspan(size(strip.first), size(strip.count)),
                  ntk_.rows_a_sample());
  select(layout_, outer, inner);
}

/// This rank's share of the strip, all of it where nothing travels.
void EntkAssembler::make(const LocalSide& side, const Strip& strip, SignalPanel& panel) {
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

void EntkAssembler::gather(const LocalSide& side, SignalPanel& panel) {
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

/// The triangle, each signal made once.
Assembly EntkAssembler::finish() {
  timed(seconds_.mirror, [&] { mirror_lower(matrix_); });
  // Errors of elements as rounding.hpp has them; their Frobenius norm.
  const double error = unit_roundoff * layout_.rounding_length() * trace(matrix_);
  AssemblyReport report;
  report.movement = plan_.movement;
  report.reason = plan_.reason;
  report.chunk = plan_.outer;
  report.seconds = seconds_;
  report.useful_flops = EntkCounts(ntk_, layout_).assembly_flops();
  report.signal_flops = signal_flops_;
  report.product_flops = product_flops_;
  report.kernel = empirical_ntk_text(ntk_);
  report.normalization = empirical_ntk_normalization(ntk_);
  return {{std::move(matrix_), SymmetricFill::full, error, ntk_.samples.input_epsilon()},
          std::move(report)};
}

}  // namespace

const char* name(NtkKind kind) {
  switch (kind) {
    case NtkKind::all_outputs:
      return "all outputs";
    case NtkKind::trace_kernel:
      return "trace kernel";
    case NtkKind::sum_of_outputs:
      return "sum of outputs";
  }
  return "?";
}

std::vector<OutputChoice> every_output(const Network<double>& network) {
  std::vector<OutputChoice> all;
  for (std::int64_t t = 0; t < network.positions(); ++t)
    for (std::int64_t c = 0; c < network.classes(); ++c)
      all.push_back({t, c});
  return all;
}

std::string empirical_ntk_text(const EmpiricalNtk& ntk) {
  return fmt::format("empirical NTK, {}, {} of {} outputs a sample: {}; n = {}, {}", name(ntk.kind),
                     ntk.choices(), ntk.network.outputs(), ntk.network.description(),
                     ntk.samples.samples(), ntk.samples.description());
}

std::string empirical_ntk_normalization(const EmpiricalNtk& ntk) {
  switch (ntk.kind) {
    case NtkKind::all_outputs:
      return "K = J J^T, rows (sample, output), nothing divided";
    case NtkKind::trace_kernel:
      return fmt::format("K = sum over outputs of J_c J_c^T, divided by their number {}",
                         ntk.choices());
    case NtkKind::sum_of_outputs:
      return "K = J J^T of the sum of outputs, nothing divided";
  }
  return "?";
}

Assembly assemble_empirical_ntk(const ProcessGrid& grid, std::int64_t block,
                                const EmpiricalNtk& ntk, const AssemblyOptions& options) {
  FATHOM_ASSERT(ntk.order() >= 1 && std::ssize(ntk.parameters) == ntk.network.parameters(),
                "{} samples, {} outputs, {} of {} parameters", ntk.samples.samples(), ntk.choices(),
                ntk.parameters.size(), ntk.network.parameters());
  const Timer timer;
  std::optional<SignalLayout> layout;
  grid.parent().agree([&] { layout.emplace(ntk); });
  EntkAssembler assembler(grid, block, ntk, options, *layout);
  assembler.run();
  Assembly assembly = assembler.finish();
  assembly.report.seconds.total = timer.seconds();
  return assembly;
}

}  // namespace fathom
