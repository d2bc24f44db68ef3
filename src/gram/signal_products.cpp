#include "base/assert.hpp"
#include "bindings/blas.hpp"
#include "gram/signal_panel.hpp"

#include <algorithm>

namespace fathom {
namespace {

// A block packs (rows + columns)·length numbers for 2·rows·columns·length flops: smaller ones spend
// their time on that. What they make, 4 MiB a product, is gone through once.
constexpr std::int64_t block_rows = 1024, block_cols = 512;

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

/// sum (+)= (weight·aa + bias) ∘ bb
void add_product(double weight, double bias, const double* aa, const double* bb, bool first,
                 double* sum, std::int64_t length) {
  if (first)
#pragma omp simd
    for (std::int64_t i = 0; i < length; ++i)
      sum[i] = (weight * aa[i] + bias) * bb[i];
  else
#pragma omp simd
    for (std::int64_t i = 0; i < length; ++i)
      sum[i] += (weight * aa[i] + bias) * bb[i];
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

MatrixView<const double> SignalProducts::gathered(const LargeArray<double>& part,
                                                  const Vectors& vectors, Range range,
                                                  LargeArray<double>& workspace) {
  const auto& [length, offset, height, positions] = vectors;
  const double* from = part.data() + length * range.first + offset;
  if (positions == 1) return {from, height, range.count, length};
  // Those of one item follow each other, but not those of the next.
  const std::int64_t item = height * positions;
  workspace.resize(size(item * range.count));
  for (std::int64_t q = 0; q < range.count; ++q)
    std::copy_n(from + length * q, item, workspace.data() + item * q);
  return {workspace.data(), height, positions * range.count, height};
}

/// out ← the inner products of the vectors of both sides. Where they are the same the lower
/// triangle alone, but all of it where an item has several vectors: pairs of an item's own are
/// needed.
void SignalProducts::multiply(const LargeArray<double>& left, Range l,
                              const LargeArray<double>& right, Range r, const Vectors& vectors,
                              bool same, MatrixView<double> out) {
  const MatrixView<const double> of_rows = gathered(left, vectors, l, left_);
  if (same && vectors.positions == 1) {
    blas::syrk(Triangle::lower, Op::transpose, 1.0, of_rows, 0.0, out);
    flops_ += gemm_flops(out.rows, out.cols, of_rows.rows) / 2;
    return;
  }
  const MatrixView<const double> of_cols = gathered(right, vectors, r, right_);
  blas::gemm(Op::transpose, Op::none, 1.0, of_rows, of_cols, 0.0, out);
  flops_ += gemm_flops(out.rows, out.cols, of_rows.rows);
}

void SignalProducts::evaluate(const SignalPanel& rows, Range r, const SignalPanel& cols, Range c,
                              MatrixView<double> out) {
  FATHOM_ASSERT(out.rows == r.count && out.cols == c.count, "{} x {} elements into {} x {}",
                r.count, c.count, out.rows, out.cols);
  const auto first_row = rows.rows.begin() + r.first, first_col = cols.rows.begin() + c.first;
  const Sides sides{rows, r, cols, c,
                    std::equal(first_row, first_row + r.count, first_col, first_col + c.count)};
  bool first = true;
  if (layout_.gradients > 0) {
    multiply(rows.row_part, r, cols.row_part, c, {layout_.row_length, 0, layout_.gradients, 1},
             sides.same, out);
    first = false;
  }
  for (const SignalLayout::Linear& l : layout_.linear) {
    if (!l.factors()) continue;
    if (l.positions == 1)
      add_single(l, sides, first, out);
    else
      add_positions(l, sides, first, out);
    first = false;
  }
}

/// a·a of the samples of the rows and columns.
MatrixView<const double> SignalProducts::inputs(const SignalLayout::Linear& l, const Sides& sides) {
  const Range row_samples = samples_of(sides.rows, sides.r);
  const Range col_samples = samples_of(sides.cols, sides.c);
  const std::int64_t height = row_samples.count * l.positions;
  aa_.resize(size(height * col_samples.count * l.positions));
  const MatrixView<double> aa{aa_.data(), height, col_samples.count * l.positions, height};
  multiply(sides.rows.sample_part, row_samples, sides.cols.sample_part, col_samples,
           {layout_.sample_length, l.a, l.in, l.positions}, sides.same, aa);
  return aa;
}

/// b·b of the rows and columns.
MatrixView<const double> SignalProducts::backward(const SignalLayout::Linear& l,
                                                  const Sides& sides) {
  const std::int64_t height = sides.r.count * l.positions;
  bb_.resize(size(height * sides.c.count * l.positions));
  const MatrixView<double> bb{bb_.data(), height, sides.c.count * l.positions, height};
  multiply(sides.rows.row_part, sides.r, sides.cols.row_part, sides.c,
           {layout_.row_length, l.b, l.out * layout_.stacked, l.positions}, sides.same, bb);
  return bb;
}

/// out (+)= (weight·aa + bias) ∘ bb
void SignalProducts::add_single(const SignalLayout::Linear& l, const Sides& sides, bool first,
                                MatrixView<double> out) {
  const auto& [rows, r, cols, c, same] = sides;
  const MatrixView<const double> aa = inputs(l, sides);
  const MatrixView<const double> bb = backward(l, sides);
  const std::int64_t* row_sample = rows.sample_of_row.data() + r.first;
  const std::int64_t* col_sample = cols.sample_of_row.data() + c.first;
  const bool one_a_sample = aa.rows == r.count;
  const double weight = l.weight_multiplier * l.weight_multiplier;
  const double bias = l.bias_multiplier * l.bias_multiplier;
  spread_.resize(size(r.count));
  std::int64_t spread_for = -1;
  for (std::int64_t j = 0; j < out.cols; ++j) {
    const std::int64_t top = same ? j : 0, sample = col_sample[j] - col_sample[0];
    const double* of_sample = aa.col(sample);
    if (!one_a_sample && sample != spread_for) {
      for (std::int64_t i = top; i < r.count; ++i)
        spread_[size(i)] = of_sample[row_sample[i] - row_sample[0]];
      spread_for = sample;
    }
    add_product(weight, bias, (one_a_sample ? of_sample : spread_.data()) + top, bb.col(j) + top,
                first, out.col(j) + top, r.count - top);
  }
}

/// out (+)= weight Σ_ts aa ∘ bb over blocks of positions × positions
void SignalProducts::add_positions(const SignalLayout::Linear& l, const Sides& sides, bool first,
                                   MatrixView<double> out) {
  const auto& [rows, r, cols, c, same] = sides;
  const MatrixView<const double> aa = inputs(l, sides);
  const MatrixView<const double> bb = backward(l, sides);
  const std::int64_t* row_sample = rows.sample_of_row.data() + r.first;
  const std::int64_t* col_sample = cols.sample_of_row.data() + c.first;
  const double weight = l.weight_multiplier * l.weight_multiplier;
  for (std::int64_t j = 0; j < out.cols; ++j)
    for (std::int64_t s = 0; s < l.positions; ++s) {
      const double* of_inputs = aa.col((col_sample[j] - col_sample[0]) * l.positions + s);
      const double* of_signals = bb.col(j * l.positions + s);
      for (std::int64_t i = same ? j : 0; i < out.rows; ++i) {
        const double sum = dot(of_inputs + (row_sample[i] - row_sample[0]) * l.positions,
                               of_signals + i * l.positions, l.positions);
        out(i, j) = (first && s == 0 ? 0.0 : out(i, j)) + weight * sum;
      }
    }
}

}  // namespace fathom
