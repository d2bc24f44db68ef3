#include "gram/extended_gram.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "dist/operations.hpp"
#include "gram/mlp_gram.hpp"
#include "gram/panel_stream.hpp"
#include "gram/row_sources.hpp"
#include "gram/triangle.hpp"
#include "kernels/extended_mlp_kernel.hpp"
#include "kernels/extended_population.hpp"
#include "kernels/extended_products.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double u = double_double_roundoff;

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// One assembly: the matrix, its indices on this rank and what is reported. Members are collective
/// over the grid's parent.
class ExtendedAssembler {
 public:
  ExtendedAssembler(const ProcessGrid& grid, std::int64_t block, std::int64_t n,
                    const AssemblyOptions& options)
      : options_(options), matrix_(ExtendedMatrix::make(grid, n, n, block, block)) {
    matrix_.hi.fill(0.0);
    matrix_.lo.fill(0.0);
    if (!grid.active()) return;
    const Distribution& d = matrix_.hi.distribution();
    rows_ = d.rows.global_indices(grid.myrow());
    cols_ = d.cols.global_indices(grid.mycol());
    starts_ = lower_starts(d, grid.myrow(), grid.mycol());
    for (std::size_t j = 0; j < cols_.size(); ++j)
      entries_ += std::ssize(rows_) - starts_[j];
  }

  using PanelAction = std::function<void(const SignalPanels&)>;
  /// Lower triangle ← Σ_k weight_k s_k(i) s_k(j), k ascending; no weights: 1. What lies above is
  /// undefined. see(panels) is local, called before a chunk is summed.
  void accumulate(SignalSource& source, std::span<const DoubleDouble> weight,
                  const std::function<void(std::int64_t, std::int64_t)>& progress,
                  const PanelAction& see) {
    const MovementPlan plan =
        plan_movement(source, matrix_.hi.distribution(), options_.movement, options_.chunk);
    report_.movement = plan.movement;
    report_.reason = plan.reason;
    report_.chunk = plan.chunk;
    PanelStream stream(matrix_.grid(), matrix_.hi.distribution(), source, plan);
    stream.run(
        [&](const SignalPanels& panels) {
          see(panels);
          add(panels, weight);
        },
        &AssemblySeconds::products, report_.seconds,
        {.first = 0, .progress = progress, .between = {}});
    const auto n = static_cast<double>(matrix_.rows());
    report_.useful_flops = n * n * static_cast<double>(source.inner());
  }

  /// Every element k of the lower triangle ← entry(local row, local column, k), with the bounds
  /// summed; prepare() is local and runs first.
  template <class Prepare, class Entry>
  void map(const std::function<void(std::int64_t, std::int64_t)>& progress, Prepare&& prepare,
           Entry&& entry) {
    const Timer timer;
    matrix_.grid().parent().agree([&] {
      fault_point("gram.extended");
      if (!matrix_.grid().active()) return;
      prepare();
      std::int64_t done = 0;
      for (std::size_t j = 0; j < cols_.size(); ++j) {
        const auto col = static_cast<std::int64_t>(j);
        for (std::int64_t i = starts_[j]; i < std::ssize(rows_); ++i) {
          const ExtendedValue k = entry(size(i), j, matrix_.at(i, col));
          matrix_.set(i, col, k.value);
          error_squared_ += (rows_[size(i)] == cols_[j] ? 1 : 2) * k.error * k.error;
        }
        done += std::ssize(rows_) - starts_[j];
        if (progress) progress(done, entries_);
      }
    });
    map_seconds_ = timer.seconds();
    report_.seconds.map += map_seconds_;
  }

  /// The diagonal as it stands, replicated.
  std::vector<DoubleDouble> diagonal() const {
    const std::vector<double> hi = fathom::diagonal(matrix_.hi), lo = fathom::diagonal(matrix_.lo);
    std::vector<DoubleDouble> out;
    for (std::size_t i = 0; i < hi.size(); ++i)
      out.emplace_back(hi[i], lo[i]);
    return out;
  }

  ExtendedAssembly finish(double input_epsilon) {
    const Timer timer;
    mirror_lower(matrix_.hi);
    mirror_lower(matrix_.lo);
    report_.seconds.mirror = timer.seconds();
    const Communicator& all = matrix_.grid().parent();
    const double error = std::sqrt(all.sum(error_squared_));
    const double seconds = all.max(map_seconds_);
    const double made = static_cast<double>(all.sum(entries_));
    report_.note = fmt::format("{:.0f} entries in double-double, {:.3g} a second over all ranks",
                               made, seconds > 0 ? made / seconds : 0.0) +
                   (report_.note.empty() ? "" : "; " + report_.note);
    report_.seconds.total = timer_.seconds();
    return {{std::move(matrix_), error}, std::move(report_), input_epsilon};
  }

  const std::vector<std::int64_t>& rows() const { return rows_; }  ///< local
  const std::vector<std::int64_t>& cols() const { return cols_; }  ///< local
  AssemblyReport& report() { return report_; }                     ///< local

 private:
  void add(const SignalPanels& panels, std::span<const DoubleDouble> weight) {
    fault_point("gram.products");
    const auto count = panels.rows.rows;
    const ExtendedPanel panel(
        panels.rows, weight.empty() ? weight : weight.subspan(size(panels.first), size(count)));
    const MatrixView<double> hi = matrix_.hi.local(), lo = matrix_.lo.local();
    for (std::int64_t j = 0; j < hi.cols; ++j) {
      const std::int64_t first = starts_[size(j)];
      if (first >= hi.rows) continue;
      const auto length = size(hi.rows - first);
      panel.add_products(panels.cols.col(j), first, {hi.col(j) + first, length},
                         {lo.col(j) + first, length});
    }
  }

  Timer timer_;
  AssemblyOptions options_;
  ExtendedMatrix matrix_;
  AssemblyReport report_;
  std::vector<std::int64_t> rows_, cols_, starts_;
  std::int64_t entries_ = 0;
  double error_squared_ = 0, map_seconds_ = 0;
};

/// Signals with the inner index turned round: the last one first.
class Reversed : public SignalSource {
 public:
  explicit Reversed(const DataRows& rows) : rows_(rows) {}

  std::int64_t items() const override { return rows_.count(); }
  std::int64_t inner() const override { return rows_.dim(); }
  SignalCost cost() const override { return {0.0, rows_.seconds_per_value()}; }
  std::string description() const override { return rows_.description(); }
  void make(std::span<const std::int64_t> items, std::int64_t first,
            MatrixView<double> out) override {
    rows_.make(items, inner() - first - out.rows, out);
    for (std::int64_t q = 0; q < out.cols; ++q)
      std::reverse(out.col(q), out.col(q) + out.rows);
  }

 private:
  const DataRows& rows_;
};

std::vector<ExtendedMlpKernel::Row> kernel_rows(
    const ExtendedMlpKernel& kernel, const std::vector<std::int64_t>& items,
    const std::function<ExtendedValue(std::size_t)>& square) {
  std::vector<ExtendedMlpKernel::Row> rows;
  rows.reserve(items.size());
  for (const std::int64_t i : items)
    rows.push_back(kernel.row(square(size(i))));
  return rows;
}

/// The kernel's map from inner products. square(i) = |x_i|²; product(i, j, stored) = ⟨x_i, x_j⟩,
/// global indices.
template <class Square, class Product>
void map_mlp(ExtendedAssembler& assembler, const ExtendedMlpKernel& kernel,
             const AssemblyOptions& options, Square&& square, Product&& product) {
  std::vector<ExtendedMlpKernel::Row> rows, cols;
  assembler.map(
      options.progress,
      [&] {
        rows = kernel_rows(kernel, assembler.rows(), square);
        cols = kernel_rows(kernel, assembler.cols(), square);
      },
      [&](std::size_t i, std::size_t j, const DoubleDouble& stored) {
        const std::int64_t row = assembler.rows()[i], col = assembler.cols()[j];
        if (row == col) return rows[i].diagonal;
        return kernel.entry(rows[i], cols[j], product(row, col, stored));
      });
}

}  // namespace

ExtendedAssembly assemble_mlp_kernel_extended(const ProcessGrid& grid, std::int64_t block,
                                              MlpKernelOptions kernel, const DataRows& data,
                                              const AssemblyOptions& options) {
  kernel.input_dim = data.dim();
  const ExtendedMlpKernel map(kernel);
  ExtendedAssembler assembler(grid, block, data.count(), options);
  if (const Circle* circle = data.circle()) {
    map_mlp(
        assembler, map, options,
        [](std::size_t) {
          return ExtendedValue{1.0, 0.0};
        },
        [&](std::int64_t i, std::int64_t j, const DoubleDouble&) {
          return inner_product(*circle, i, j);
        });
    assembler.report().reason = "in_place: entries from the points' positions";
  } else {
    RowSignals signals(data, grid, block);
    assembler.accumulate(signals, {}, {}, [](const SignalPanels&) {});
    const std::vector<DoubleDouble> squares = assembler.diagonal();
    // dim exact products, each partial sum of which is at most |x_i||x_j|.
    const double relative = (static_cast<double>(data.dim()) + 1) * u;
    map_mlp(
        assembler, map, options,
        [&](std::size_t i) {
          return ExtendedValue{squares[i], relative * squares[i].x[0]};
        },
        [&](std::int64_t i, std::int64_t j, const DoubleDouble& stored) {
          return ExtendedValue{stored,
                               relative * std::sqrt(squares[size(i)].x[0] * squares[size(j)].x[0])};
        });
  }
  assembler.report().kernel = mlp_kernel_text(kernel, data);
  assembler.report().normalization = mlp_kernel_normalization;
  return assembler.finish(data.input_epsilon());
}

ExtendedAssembly assemble_population_extended(const ProcessGrid& grid, std::int64_t block,
                                              const PopulationSpec& spec,
                                              const AssemblyOptions& options) {
  const ExtendedPopulationMap map(spec.activation, spec.features);
  ExtendedAssembler assembler(grid, block, spec.features, options);
  const auto weights = normal_weights(spec.features, spec.dim, spec.seed);
  Reversed signals(*weights);

  // Term m of H (1-based) stands in m partial sums: its error counts m + 2 roundings of itself.
  std::vector<DoubleDouble> power;
  std::vector<double> power_error;
  for (std::int64_t m = spec.dim; m >= 1; --m) {
    const ExtendedValue h = extended_power_law_eigenvalue(m, spec.alpha);
    power.push_back(h.value);
    power_error.push_back(h.error + (static_cast<double>(m) + 2) * u * h.value.x[0]);
  }
  std::vector<double> row_error(assembler.rows().size()), col_error(assembler.cols().size());
  const auto add_errors = [&](MatrixView<const double> w, std::int64_t first,
                              std::vector<double>& sums) {
    for (std::int64_t q = 0; q < w.cols; ++q)
      for (std::int64_t k = 0; k < w.rows; ++k)
        sums[size(q)] += power_error[size(first + k)] * w(k, q) * w(k, q);
  };
  assembler.accumulate(signals, power, options.progress, [&](const SignalPanels& panels) {
    add_errors(panels.rows, panels.first, row_error);
    add_errors(panels.cols, panels.first, col_error);
  });

  const std::vector<DoubleDouble> variance = assembler.diagonal();
  assembler.map(
      {}, [] {},
      [&](std::size_t i, std::size_t j, const DoubleDouble& stored) {
        const ExtendedValue a{variance[size(assembler.rows()[i])], row_error[i]};
        const ExtendedValue b{variance[size(assembler.cols()[j])], col_error[j]};
        return map.entry(a, b, {stored, std::sqrt(row_error[i] * col_error[j])});
      });
  assembler.report().kernel = population_text(spec);
  assembler.report().normalization = population_normalization;
  return assembler.finish(0x1p-53);
}

}  // namespace fathom
