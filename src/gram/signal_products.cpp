#include "base/assert.hpp"
#include "bindings/blas.hpp"
#include "gram/signal_panel.hpp"

#include <algorithm>

namespace fathom {
namespace {

// A block of products and one of K stay in a cache of 2 MB; rows are more than columns, of which
// those above the diagonal are waste.
constexpr std::int64_t block_rows = 512, block_cols = 256;

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

double gemm_flops(std::int64_t m, std::int64_t n, std::int64_t k) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

/// Σ_t aa(t)·bb(t)
double dot(const double* aa, const double* bb, std::int64_t length) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t t = 0; t < length; ++t)
    sum += aa[t] * bb[t];
  return sum;
}

}  // namespace

SignalProducts::SignalProducts(const SignalLayout& layout) : layout_(layout) {
  std::int64_t positions = 1;
  for (const SignalLayout::Linear& l : layout.linear)
    if (l.factors()) positions = std::max(positions, l.positions);
  row_block_ = std::max<std::int64_t>(1, block_rows / positions);
  col_block_ = std::max<std::int64_t>(1, block_cols / positions);
}

SignalProducts::Range SignalProducts::samples_of(const SignalPanel& panel, Range rows) {
  const std::int64_t first = panel.sample_of_row[size(rows.first)];
  return {first, panel.sample_of_row[size(rows.first + rows.count - 1)] + 1 - first};
}

MatrixView<const double> SignalProducts::vectors(const std::vector<double>& part,
                                                 std::int64_t length, std::int64_t offset,
                                                 std::int64_t height, std::int64_t positions,
                                                 Range range, std::vector<double>& workspace) {
  const double* from = part.data() + length * range.first + offset;
  if (positions == 1) return {from, height, range.count, length};
  // Those of one item follow each other, but not those of the next.
  const std::int64_t item = height * positions;
  workspace.resize(size(item * range.count));
  for (std::int64_t q = 0; q < range.count; ++q)
    std::copy_n(from + length * q, item, workspace.data() + item * q);
  return {workspace.data(), height, positions * range.count, height};
}

MatrixView<double> SignalProducts::product(MatrixView<const double> left,
                                           MatrixView<const double> right,
                                           std::vector<double>& memory) {
  memory.resize(size(left.cols * right.cols));
  const MatrixView<double> out{memory.data(), left.cols, right.cols, left.cols};
  blas::gemm(Op::transpose, Op::none, 1.0, left, right, 0.0, out);
  flops_ += gemm_flops(left.cols, right.cols, left.rows);
  return out;
}

void SignalProducts::evaluate(const SignalPanel& rows, Range r, const SignalPanel& cols, Range c,
                              MatrixView<double> out) {
  FATHOM_ASSERT(out.rows == r.count && out.cols == c.count, "{} x {} elements into {} x {}",
                r.count, c.count, out.rows, out.cols);
  if (layout_.gradients > 0) {
    blas::gemm(Op::transpose, Op::none, 1.0,
               vectors(rows.row_part, layout_.row_length, 0, layout_.gradients, 1, r, left_),
               vectors(cols.row_part, layout_.row_length, 0, layout_.gradients, 1, c, right_), 0.0,
               out);
    flops_ += gemm_flops(r.count, c.count, layout_.gradients);
  } else {
    for (std::int64_t j = 0; j < out.cols; ++j)
      std::fill_n(out.col(j), out.rows, 0.0);
  }
  for (const SignalLayout::Linear& l : layout_.linear)
    if (l.factors()) add_layer(l, rows, r, cols, c, out);
}

void SignalProducts::add_layer(const SignalLayout::Linear& l, const SignalPanel& rows, Range r,
                               const SignalPanel& cols, Range c, MatrixView<double> out) {
  const Range row_samples = samples_of(rows, r), col_samples = samples_of(cols, c);
  const auto inputs = [&](const SignalPanel& panel, Range range, std::vector<double>& workspace) {
    return vectors(panel.sample_part, layout_.sample_length, l.a, l.in, l.positions, range,
                   workspace);
  };
  const auto backward = [&](const SignalPanel& panel, Range range, std::vector<double>& workspace) {
    return vectors(panel.row_part, layout_.row_length, l.b, l.out * layout_.stacked, l.positions,
                   range, workspace);
  };
  const auto aa = product(inputs(rows, row_samples, left_), inputs(cols, col_samples, right_), aa_);
  const auto bb = product(backward(rows, r, left_), backward(cols, c, right_), bb_);
  const Pairs pairs{aa, bb, std::span(rows.sample_of_row).subspan(size(r.first), size(r.count)),
                    std::span(cols.sample_of_row).subspan(size(c.first), size(c.count))};
  const double weight = l.weight_multiplier * l.weight_multiplier;
  if (l.positions > 1)
    add_positions(pairs, l.positions, weight, out);
  else
    add_single(pairs, weight, l.bias_multiplier * l.bias_multiplier, out);
}

/// out += (weight·aa + bias) ∘ bb
void SignalProducts::add_single(const Pairs& pairs, double weight, double bias,
                                MatrixView<double> out) {
  const auto& [aa, bb, row_sample, col_sample] = pairs;
  spread_.resize(size(out.rows));
  std::int64_t spread_for = -1;
  for (std::int64_t j = 0; j < out.cols; ++j) {
    const std::int64_t sample = col_sample[size(j)] - col_sample[0];
    if (sample != spread_for) {
      const double* of_sample = aa.col(sample);
      for (std::size_t i = 0; i < spread_.size(); ++i)
        spread_[i] = weight * of_sample[row_sample[i] - row_sample[0]] + bias;
      spread_for = sample;
    }
    double* sum = out.col(j);
    const double* signals = bb.col(j);
    const double* inputs = spread_.data();
    for (std::int64_t i = 0; i < out.rows; ++i)
      sum[i] += inputs[i] * signals[i];
  }
}

/// out += weight Σ_ts aa ∘ bb over blocks of positions × positions
void SignalProducts::add_positions(const Pairs& pairs, std::int64_t positions, double weight,
                                   MatrixView<double> out) {
  const auto& [aa, bb, row_sample, col_sample] = pairs;
  for (std::int64_t j = 0; j < out.cols; ++j)
    for (std::int64_t s = 0; s < positions; ++s) {
      const double* inputs = aa.col((col_sample[size(j)] - col_sample[0]) * positions + s);
      const double* signals = bb.col(j * positions + s);
      for (std::int64_t i = 0; i < out.rows; ++i)
        out(i, j) += weight * dot(inputs + (row_sample[size(i)] - row_sample[0]) * positions,
                                  signals + i * positions, positions);
    }
}

}  // namespace fathom
