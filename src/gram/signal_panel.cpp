#include "gram/signal_panel.hpp"

#include "base/assert.hpp"
#include "bindings/blas.hpp"
#include "gram/empirical_ntk_counts.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

// Of an activation and its derivative, an ulp or two each.
constexpr double activation_roundings = 4;

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

GradientSignals<double> signals_of(const EmpiricalNtk& ntk, std::span<const std::int64_t> samples) {
  const InputBatch batch(ntk.samples, samples);
  return ntk.network.forward(ntk.parameters, batch.batch())->signals(ntk.outputs);
}

/// length numbers for each row of a sample, of `per_row`: those of one row, of all rows of the
/// sample one after the other, or their sum (made in `workspace`).
const double* of_kind(const EmpiricalNtk& ntk, const std::vector<double>& per_row,
                      std::int64_t length, std::int64_t sample, std::int64_t choice,
                      std::vector<double>& workspace) {
  const double* first = per_row.data() + length * ntk.choices() * sample;
  if (ntk.kind == NtkKind::all_outputs) return first + length * choice;
  if (ntk.kind == NtkKind::trace_kernel) return first;
  workspace.assign(first, first + length);
  for (std::int64_t c = 1; c < ntk.choices(); ++c)
    blas::axpy(1.0, {first + length * c, size(length)}, workspace);
  return workspace.data();
}

}  // namespace

SignalLayout::SignalLayout(const EmpiricalNtk& ntk) {
  const std::int64_t sample = 0;
  const GradientSignals<double> signals = signals_of(ntk, {&sample, 1});
  const std::vector<ParameterTensor>& tensors = ntk.network.tensors();
  if (ntk.kind == NtkKind::trace_kernel) {
    stacked = ntk.choices();
    scale = 1 / std::sqrt(static_cast<double>(stacked));
  }
  const auto take = [](std::int64_t& length, std::int64_t count) {
    length += count;
    return length - count;
  };
  const double shared = static_cast<double>(ntk.rows_a_sample());
  std::vector<bool> factors;
  for (const LinearSignals<double>& s : signals.linear) {
    Linear l{
        .weight = s.weight, .bias = s.bias, .in = s.in, .out = s.out, .positions = s.positions};
    l.weight_multiplier = scale * tensors[size(s.weight)].multiplier;
    if (s.bias >= 0) l.bias_multiplier = scale * tensors[size(s.bias)].multiplier;
    const auto in = static_cast<double>(s.in), out = static_cast<double>(s.out * stacked);
    const auto pairs = static_cast<double>(s.positions * s.positions);
    const bool cheaper = pairs * (in / (shared * shared) + out) <= in * out;
    factors.push_back(cheaper);
    if (!factors.back()) l.gradient = take(row_length, s.in * s.out * stacked);
    if (s.bias >= 0 && (!factors.back() || s.positions > 1))
      l.bias_gradient = take(row_length, s.out * stacked);
    linear.push_back(l);
  }
  for (const DirectGradients<double>& s : signals.direct) {
    const std::int64_t entries = tensors[size(s.tensor)].size();
    direct.push_back({s.tensor, entries, take(row_length, entries * stacked)});
  }
  gradients = row_length;
  for (std::size_t k = 0; k < linear.size(); ++k) {
    if (!factors[k]) continue;
    Linear& l = linear[k];
    l.a = take(sample_length, l.in * l.positions);
    l.b = take(row_length, l.out * stacked * l.positions);
  }
}

void SignalLayout::write_sample(const GradientSignals<double>& signals, std::int64_t sample,
                                double* out) const {
  for (std::size_t k = 0; k < linear.size(); ++k) {
    const Linear& l = linear[k];
    const std::int64_t length = l.in * l.positions;
    if (l.factors()) std::copy_n(signals.linear[k].a.data() + length * sample, length, out + l.a);
  }
}

void SignalLayout::write_row(const EmpiricalNtk& ntk, const GradientSignals<double>& signals,
                             std::int64_t sample, std::int64_t choice, double* out) const {
  std::vector<double> workspace;
  for (std::size_t k = 0; k < linear.size(); ++k) {
    const Linear& l = linear[k];
    const std::int64_t in = l.in, height = l.out, positions = l.positions;
    const double* b =
        of_kind(ntk, signals.linear[k].b, height * positions, sample, choice, workspace);
    const MatrixView<const double> a{signals.linear[k].a.data() + in * positions * sample, in,
                                     positions, in};
    for (std::int64_t c = 0; c < stacked; ++c) {
      const MatrixView<const double> b_c{b + height * positions * c, height, positions, height};
      for (std::int64_t t = 0; t < positions && l.factors(); ++t)
        std::copy_n(b_c.col(t), height, out + l.b + height * (c + stacked * t));
      if (l.gradient >= 0)
        blas::gemm(Op::none, Op::transpose, l.weight_multiplier, b_c, a, 0.0,
                   {out + l.gradient + height * in * c, height, in, height});
      if (l.bias_gradient < 0) continue;
      double* sum = out + l.bias_gradient + height * c;
      std::fill_n(sum, height, 0.0);
      for (std::int64_t t = 0; t < positions; ++t)
        blas::axpy(l.bias_multiplier, {b_c.col(t), size(height)}, {sum, size(height)});
    }
  }
  for (std::size_t k = 0; k < direct.size(); ++k) {
    const Direct& d = direct[k];
    const double* gradient =
        of_kind(ntk, signals.direct[k].gradient, d.entries, sample, choice, workspace);
    for (std::int64_t e = 0; e < d.entries * stacked; ++e)
      out[d.gradient + e] = scale * gradient[e];
  }
}

double SignalLayout::entry_flops(std::int64_t rows_a_sample) const {
  double length = static_cast<double>(gradients);
  const auto shared = static_cast<double>(rows_a_sample);
  for (const Linear& l : linear)
    if (l.factors())
      length +=
          static_cast<double>(l.positions * l.positions) *
          (static_cast<double>(l.in) / (shared * shared) + static_cast<double>(l.out * stacked));
  return 2 * length;
}

double SignalLayout::signal_rounding() const {
  // Forward through every layer and back again, each dot product to √length ε of its vector.
  double squared = 0;
  for (const Linear& l : linear)
    squared += static_cast<double>(l.in + l.out) + activation_roundings * activation_roundings;
  return std::sqrt(squared);
}

double SignalLayout::rounding_length() const {
  double longest = static_cast<double>(gradients);
  for (const Linear& l : linear)
    if (l.factors())
      longest = std::max(longest, static_cast<double>(l.in + l.out * stacked + l.positions));
  // The errors of both rows' signals, equal ones on the diagonal.
  return std::sqrt(longest + static_cast<double>(linear.size() + 1)) + 2 * signal_rounding();
}

void SignalPanel::name_rows(const SignalLayout& layout, std::span<const std::int64_t> row_list,
                            std::int64_t rows_a_sample) {
  rows.assign(row_list.begin(), row_list.end());
  samples.clear();
  sample_of_row.clear();
  for (const std::int64_t row : rows) {
    const std::int64_t sample = row / rows_a_sample;
    if (samples.empty() || samples.back() != sample) samples.push_back(sample);
    sample_of_row.push_back(std::ssize(samples) - 1);
  }
  // What they held is not wanted.
  sample_part.clear();
  row_part.clear();
  sample_part.resize(samples.size() * size(layout.sample_length));
  row_part.resize(rows.size() * size(layout.row_length));
}

std::int64_t SignalPanel::first_row(std::int64_t sample) const {
  return std::lower_bound(sample_of_row.begin(), sample_of_row.end(), sample) -
         sample_of_row.begin();
}

SignalMaker::SignalMaker(const EmpiricalNtk& ntk, const SignalLayout& layout)
    : ntk_(ntk), layout_(layout), batch_(EntkCounts(ntk, layout).signal_batch()) {}

double SignalMaker::sample_flops(const EmpiricalNtk& ntk) {
  return ntk.network.forward_flops() +
         static_cast<double>(ntk.choices()) * ntk.network.signal_flops();
}

void SignalMaker::make(SignalPanel& panel, std::int64_t first, std::int64_t count) const {
  for (std::int64_t at = first; at < first + count; at += batch_) {
    const std::int64_t end = std::min(at + batch_, first + count);
    const GradientSignals<double> signals =
        signals_of(ntk_, std::span(panel.samples).subspan(size(at), size(end - at)));
    for (std::int64_t s = at; s < end; ++s)
      layout_.write_sample(signals, s - at, panel.sample_part.data() + layout_.sample_length * s);
    for (std::int64_t r = panel.first_row(at); r < panel.first_row(end); ++r)
      layout_.write_row(ntk_, signals, panel.sample_of_row[size(r)] - at,
                        panel.rows[size(r)] % ntk_.rows_a_sample(),
                        panel.row_part.data() + layout_.row_length * r);
  }
}

void select(const SignalLayout& layout, const SignalPanel& from, SignalPanel& to) {
  const auto copy = [](const std::vector<std::int64_t>& in, const std::vector<std::int64_t>& of,
                       std::int64_t length, const LargeArray<double>& part,
                       LargeArray<double>& out) {
    for (std::size_t q = 0; q < of.size(); ++q) {
      const auto found = std::lower_bound(in.begin(), in.end(), of[q]);
      FATHOM_ASSERT(found != in.end() && *found == of[q], "{} is not in the panel", of[q]);
      std::copy_n(part.data() + length * (found - in.begin()), length,
                  out.data() + length * static_cast<std::int64_t>(q));
    }
  };
  copy(from.samples, to.samples, layout.sample_length, from.sample_part, to.sample_part);
  copy(from.rows, to.rows, layout.row_length, from.row_part, to.row_part);
}

}  // namespace fathom
