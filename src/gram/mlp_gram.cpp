#include "gram/mlp_gram.hpp"

#include "gram/entry_map_pass.hpp"
#include "gram/gram_assembler.hpp"
#include "gram/row_sources.hpp"

#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace fathom {
namespace {

/// |x − y|² below this part of |x||y| (1 − cos < 0.01) is recomputed from differences.
constexpr double close_chord = 0.02;

double squared_distance(const double* x, const double* y, std::int64_t count) {
  double sum[4] = {0, 0, 0, 0};
  std::int64_t k = 0;
  for (; k + 4 <= count; k += 4)
    for (int lane = 0; lane < 4; ++lane) {
      const double d = x[k + lane] - y[k + lane];
      sum[lane] += d * d;
    }
  for (; k < count; ++k)
    sum[0] += (x[k] - y[k]) * (x[k] - y[k]);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// Turns inner products into squared chords. A close pair is kept as minus the sum of its squared
/// differences so far (−0 at first): the sign marks it, as apply_entry_map wants it.
class Chords {
 public:
  Chords(GramAssembler& assembler, std::span<const double> norms)
      : assembler_(assembler), norms_(norms) {}

  void from_products() {
    const std::vector<std::int64_t>& rows = assembler_.row_items();
    std::int64_t close = 0;
    assembler_.map_columns([&](std::int64_t col, std::int64_t first, std::span<double> k) {
      const std::int64_t j = assembler_.col_items()[static_cast<std::size_t>(col)];
      const double b = norm(j);
      for (std::size_t i = 0; i < k.size(); ++i) {
        const std::int64_t row = rows[static_cast<std::size_t>(first) + i];
        const double a = norm(row), chord = a + b - 2.0 * k[i];
        const bool near = !(chord >= close_chord * std::sqrt(a * b));
        k[i] = std::isnan(chord) ? chord : (near ? -0.0 : chord);
        close += near && row != j;
      }
    });
    close_ = assembler_.grid().parent().sum(close);
  }

  void recompute_close() {
    if (close_ == 0) return;
    assembler_.stream([&](const SignalPanels& panels) {
      assembler_.visit_columns([&](std::int64_t col, std::int64_t first, std::span<double> k) {
        for (std::size_t i = 0; i < k.size(); ++i)
          if (std::signbit(k[i]))
            k[i] -= squared_distance(panels.rows.col(first + static_cast<std::int64_t>(i)),
                                     panels.cols.col(col), panels.rows.rows);
      });
    });
  }

  void from_geometry(const DataRows& data) {
    const std::vector<std::int64_t>& rows = assembler_.row_items();
    assembler_.map_columns([&](std::int64_t col, std::int64_t first, std::span<double> k) {
      const std::int64_t j = assembler_.col_items()[static_cast<std::size_t>(col)];
      data.fill_squared_chords(std::span(rows).subspan(static_cast<std::size_t>(first)), {&j, 1},
                               {k.data(), std::ssize(k), 1, std::ssize(k)});
    });
  }

  std::int64_t close() const { return close_; }

 private:
  double norm(std::int64_t i) const { return norms_[static_cast<std::size_t>(i)]; }

  GramAssembler& assembler_;
  std::span<const double> norms_;
  std::int64_t close_ = 0;
};

}  // namespace

std::string mlp_kernel_text(const MlpKernelOptions& k, const DataRows& data) {
  return fmt::format("{}, {}, depth {}, sigma_w^2 = {}, sigma_b^2 = {}; n = {}, dimension {}, {}",
                     k.kind == MlpKernelKind::ntk ? "NTK" : "NNGP", name(k.activation), k.depth,
                     k.weight_variance, k.bias_variance, data.count(), data.dim(),
                     data.description());
}

Assembly assemble_mlp_kernel(const ProcessGrid& grid, std::int64_t block, MlpKernelOptions kernel,
                             const DataRows& data, const AssemblyOptions& options) {
  kernel.input_dim = data.dim();
  const MlpKernel map(kernel);
  RowSignals signals(data, grid, block);
  GramAssembler assembler(grid, block, signals, options);
  double error = 0;
  if (data.knows_chords()) {
    const std::vector<double> ones(static_cast<std::size_t>(data.count()), 1.0);
    Chords(assembler, ones).from_geometry(data);
    error = apply_entry_map(assembler, map, ones);
    assembler.report().note = "squared chords from the geometry of the data";
  } else {
    assembler.accumulate(1.0);
    const std::vector<double> norms = assembler.diagonal();
    Chords chords(assembler, norms);
    chords.from_products();
    chords.recompute_close();
    error = apply_entry_map(assembler, map, norms);
    assembler.report().note =
        fmt::format("{} close pairs recomputed from differences", chords.close());
  }
  assembler.report().kernel = mlp_kernel_text(kernel, data);
  assembler.report().normalization = mlp_kernel_normalization;
  return assembler.finish(error, data.input_epsilon());
}

}  // namespace fathom
