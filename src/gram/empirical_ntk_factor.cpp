#include "base/fault.hpp"
#include "gram/empirical_ntk_counts.hpp"
#include "gram/factor_coordinates.hpp"
#include "gram/rounding.hpp"
#include "networks/gradient_columns.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double gradient_roundings = 3;  // product, multiplier, √choices

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// Of one output a sample: the sum of all choices with these weights.
GradientSignals<double> combined(const GradientSignals<double>& signals,
                                 std::span<const double> weights) {
  GradientSignals<double> out{.samples = signals.samples, .choices = 1, .linear = {}, .direct = {}};
  const auto combine = [&](const std::vector<double>& rows, std::int64_t length) {
    std::vector<double> sums(size(length * signals.samples), 0.0);
    for (std::int64_t s = 0; s < signals.samples; ++s)
      for (std::int64_t c = 0; c < signals.choices; ++c) {
        const double weight = weights[size(c)];
        const double* row = rows.data() + length * (c + signals.choices * s);
        for (std::int64_t k = 0; k < length && weight != 0; ++k)
          sums[size(k + length * s)] += weight * row[k];
      }
    return sums;
  };
  for (const LinearSignals<double>& l : signals.linear)
    out.linear.push_back({.weight = l.weight,
                          .bias = l.bias,
                          .in = l.in,
                          .out = l.out,
                          .positions = l.positions,
                          .a = l.a,
                          .b = combine(l.b, l.out * l.positions)});
  for (const DirectGradients<double>& d : signals.direct)
    out.direct.push_back(
        {d.tensor,
         combine(d.gradient, std::ssize(d.gradient) / std::max<std::int64_t>(1, signals.rows()))});
  return out;
}

/// Some rows of a sample-major list, each as a sample of its own.
GradientSignals<double> picked(const GradientSignals<double>& signals,
                               std::span<const std::int64_t> rows) {
  GradientSignals<double> out{
      .samples = std::ssize(rows), .choices = 1, .linear = {}, .direct = {}};
  const auto pick = [&](const std::vector<double>& from, std::int64_t length, std::int64_t shared) {
    std::vector<double> part(size(length * std::ssize(rows)));
    for (std::size_t q = 0; q < rows.size(); ++q)
      std::copy_n(from.data() + length * (rows[q] / shared), length,
                  part.data() + length * static_cast<std::int64_t>(q));
    return part;
  };
  for (const LinearSignals<double>& l : signals.linear)
    out.linear.push_back({.weight = l.weight,
                          .bias = l.bias,
                          .in = l.in,
                          .out = l.out,
                          .positions = l.positions,
                          .a = pick(l.a, l.in * l.positions, signals.choices),
                          .b = pick(l.b, l.out * l.positions, 1)});
  for (const DirectGradients<double>& d : signals.direct)
    out.direct.push_back(
        {d.tensor,
         pick(d.gradient, std::ssize(d.gradient) / std::max<std::int64_t>(1, signals.rows()), 1)});
  return out;
}

class EntkFactor final : public FactorSource {
 public:
  EntkFactor(const EmpiricalNtk& ntk, const EntkFactorOptions& options)
      : ntk_(ntk), hold_bytes_(options.hold_bytes) {
    const SignalLayout layout(ntk_);
    row_error_ = unit_roundoff * (layout.signal_rounding() + gradient_roundings);
    const EntkCounts counts(ntk_, layout);
    sample_bytes_ = 8 * counts.kept_doubles();
    batch_ = counts.signal_batch();
    flops_ = counts.factor_flops();
  }

  std::int64_t rows() const override { return ntk_.factor_rows(); }
  std::int64_t cols() const override { return ntk_.order(); }
  std::int64_t rank_bound() const override { return std::min(rows(), cols()); }
  bool graded() const override { return false; }
  double row_error() const override { return row_error_; }
  double input_epsilon() const override { return ntk_.samples.input_epsilon(); }
  std::string description() const override {
    return fmt::format("J^T, {} x {}, {}", rows(), cols(), empirical_ntk_text(ntk_));
  }
  double flops() const override { return flops_; }

  void fill(DistMatrix& chunk, std::int64_t first) const override {
    check_chunk(*this, chunk, first);
    chunk.grid().parent().agree([&] { make(chunk, first); });
    if (first + chunk.rows() == rows()) forget();  // what follows a pass may need the memory
    plant_fault(chunk);
  }

 private:
  /// Local columns [first, first + count) and the samples they are of.
  struct ColumnBatch {
    std::int64_t first = 0, count = 0;
    std::vector<std::int64_t> samples, rows;  ///< rows of those samples' outputs, from 0
    /// One row a column; of a trace kernel all choices of its sample.
    GradientSignals<double> signals;
  };

  void make(DistMatrix& chunk, std::int64_t first) const;
  std::vector<ColumnBatch> batches(const std::vector<std::int64_t>& columns) const;
  void make_signals(ColumnBatch& batch) const;
  void keep_for(const std::vector<std::int64_t>& columns) const;
  void write(const ColumnBatch& batch, DistMatrix& chunk, std::int64_t first) const;
  void forget() const {
    kept_columns_ = {};
    kept_ = {};
  }

  EmpiricalNtk ntk_;
  std::int64_t hold_bytes_, sample_bytes_ = 0, batch_ = 1;
  double flops_ = 0;
  double row_error_ = 0;
  // Signals of the columns of the last chunk: the next one has the same, as a rule.
  mutable std::vector<std::int64_t> kept_columns_;
  mutable std::vector<ColumnBatch> kept_;
};

std::vector<EntkFactor::ColumnBatch> EntkFactor::batches(
    const std::vector<std::int64_t>& columns) const {
  std::vector<ColumnBatch> all;
  const std::int64_t rows = ntk_.rows_a_sample();
  for (std::int64_t j = 0; j < std::ssize(columns); ++j) {
    const std::int64_t sample = columns[size(j)] / rows;
    const bool begun = !all.empty() && all.back().samples.back() == sample;
    if (all.empty() || (!begun && std::ssize(all.back().samples) == batch_))
      all.push_back({.first = j, .count = 0, .samples = {}, .rows = {}, .signals = {}});
    ColumnBatch& batch = all.back();
    if (!begun) batch.samples.push_back(sample);
    batch.rows.push_back((std::ssize(batch.samples) - 1) * rows + columns[size(j)] % rows);
    ++batch.count;
  }
  return all;
}

void EntkFactor::make_signals(ColumnBatch& batch) const {
  const InputBatch inputs(ntk_.samples, batch.samples);
  batch.signals = ntk_.network.forward(ntk_.parameters, inputs.batch())->signals(ntk_.outputs);
  if (ntk_.kind == NtkKind::sum_of_outputs)
    batch.signals = combined(batch.signals, std::vector<double>(size(ntk_.choices()), 1.0));
  // A block of columns may end between the outputs of a sample.
  if (ntk_.kind == NtkKind::all_outputs && batch.signals.rows() != batch.count)
    batch.signals = picked(batch.signals, batch.rows);
}

void EntkFactor::keep_for(const std::vector<std::int64_t>& columns) const {
  if (columns == kept_columns_) return;
  forget();
  kept_ = batches(columns);
  std::int64_t samples = 0;
  for (const ColumnBatch& batch : kept_)
    samples += std::ssize(batch.samples);
  for (ColumnBatch& batch : kept_)
    if (samples * sample_bytes_ <= hold_bytes_) make_signals(batch);
  kept_columns_ = columns;
}

void EntkFactor::make(DistMatrix& chunk, std::int64_t first) const {
  const std::vector<std::int64_t> columns =
      chunk.distribution().cols.global_indices(chunk.grid().mycol());
  if (columns.empty() || chunk.local_rows() == 0) return;
  fault_point("gram.factor");
  keep_for(columns);
  for (ColumnBatch& batch : kept_) {
    const bool kept = batch.signals.samples > 0;
    if (!kept) make_signals(batch);
    write(batch, chunk, first);
    if (!kept) batch.signals = {};
  }
}

/// The batch's columns of the chunk, choice by choice where the factor is a stack of them.
void EntkFactor::write(const ColumnBatch& batch, DistMatrix& chunk, std::int64_t first) const {
  const std::int64_t parameters = ntk_.network.parameters();
  const std::int64_t last = first + chunk.rows() - 1;
  for (std::int64_t copy = first / parameters; copy <= last / parameters; ++copy) {
    GradientSignals<double> of_choice;
    if (ntk_.kind == NtkKind::trace_kernel) {
      std::vector<double> weights(size(ntk_.choices()), 0.0);
      weights[size(copy)] = 1 / std::sqrt(static_cast<double>(ntk_.choices()));
      of_choice = combined(batch.signals, weights);
    }
    const bool trace = ntk_.kind == NtkKind::trace_kernel;
    const std::int64_t begin = std::max(copy * parameters - first, std::int64_t{0});
    const std::int64_t end = std::min((copy + 1) * parameters - first, chunk.rows());
    for (const auto& run :
         chunk.distribution().rows.runs(chunk.grid().myrow(), GlobalIndex(begin), GlobalIndex(end)))
      gradient_columns(ntk_.network, trace ? of_choice : batch.signals,
                       first + run.global - copy * parameters,
                       chunk.local().block(run.local, batch.first, run.count, batch.count));
  }
}

}  // namespace

std::unique_ptr<FactorSource> empirical_ntk_factor(const EmpiricalNtk& ntk,
                                                   const EntkFactorOptions& options) {
  return std::make_unique<EntkFactor>(ntk, options);
}

}  // namespace fathom
