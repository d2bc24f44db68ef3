#include "networks/gradient_columns.hpp"

#include "base/assert.hpp"
#include "bindings/blas.hpp"

#include <algorithm>

namespace fathom {
namespace {

/// The entries [from, until) of a tensor that a range of parameters meets, and the row of `out`
/// where its first entry stands.
struct Overlap {
  std::int64_t from = 0, until = 0, row = 0;
  bool empty() const { return from >= until; }
};

Overlap overlap(const ParameterTensor& tensor, std::int64_t first, std::int64_t count) {
  Overlap met;
  met.from = std::max<std::int64_t>(0, first - tensor.offset);
  met.until = std::min(tensor.size(), first + count - tensor.offset);
  met.row = tensor.offset + met.from - first;
  return met;
}

/// Σ_t b_t a_tᵀ of one row.
template <class T>
struct RowSignals {
  MatrixView<const T> a, b;  ///< in × positions, out × positions
  T multiplier = 1;

  /// The part [from, until) of column i.
  void part_of_column(std::int64_t i, std::int64_t from, std::int64_t until, T* out) const {
    std::fill_n(out, until - from, T(0));
    for (std::int64_t t = 0; t < a.cols; ++t) {
      const T factor = multiplier * a(i, t);
      const T* signal = b.col(t) + from;
      for (std::int64_t k = 0; k < until - from; ++k)
        out[k] += factor * signal[k];
    }
  }

  /// Columns [from, until), one after the other.
  void whole_columns(std::int64_t from, std::int64_t until, T* out) const {
    if (a.cols > 1)
      return blas::gemm(Op::none, Op::transpose, multiplier, b,
                        a.block(from, 0, until - from, a.cols), T(0),
                        MatrixView<T>{out, b.rows, until - from, b.rows});
    for (std::int64_t i = from; i < until; ++i, out += b.rows)
      part_of_column(i, 0, b.rows, out);
  }
};

template <class T>
RowSignals<T> row_signals(const LinearSignals<T>& linear, std::int64_t sample, std::int64_t row,
                          double multiplier) {
  const std::int64_t positions = linear.positions;
  return {{linear.a.data() + linear.in * positions * sample, linear.in, positions, linear.in},
          {linear.b.data() + linear.out * positions * row, linear.out, positions, linear.out},
          static_cast<T>(multiplier)};
}

template <class T>
void weight_gradient(const RowSignals<T>& row, const Overlap& met, T* out) {
  const std::int64_t height = row.b.rows;
  std::int64_t at = met.from;
  const auto part = [&](std::int64_t until) {
    row.part_of_column(at / height, at % height, at % height + until - at, out);
    out += until - at;
    at = until;
  };
  if (at % height != 0) part(std::min(met.until, (at / height + 1) * height));
  if (met.until - at >= height) {
    const std::int64_t columns = (met.until - at) / height;
    row.whole_columns(at / height, at / height + columns, out);
    out += columns * height;
    at += columns * height;
  }
  if (at < met.until) part(met.until);
}

template <class T>
void bias_gradient(MatrixView<const T> b, T multiplier, const Overlap& met, T* out) {
  std::fill_n(out, met.until - met.from, T(0));
  for (std::int64_t t = 0; t < b.cols; ++t)
    for (std::int64_t k = met.from; k < met.until; ++k)
      out[k - met.from] += multiplier * b(k, t);
}

}  // namespace

template <class T>
void gradient_columns(const Network<T>& network, const GradientSignals<T>& signals,
                      std::int64_t first_parameter, MatrixView<T> out) {
  FATHOM_ASSERT(out.cols == signals.rows() && first_parameter >= 0 &&
                    first_parameter + out.rows <= network.parameters(),
                "parameters {} + {} of {}, {} columns for {} rows", first_parameter, out.rows,
                network.parameters(), out.cols, signals.rows());
  const auto met_by = [&](std::int64_t tensor) {
    if (tensor < 0) return Overlap{};
    return overlap(network.tensors()[static_cast<std::size_t>(tensor)], first_parameter, out.rows);
  };
  const auto multiplier = [&](std::int64_t tensor) {
    return network.tensors()[static_cast<std::size_t>(tensor)].multiplier;
  };
  for (const LinearSignals<T>& linear : signals.linear) {
    const Overlap weight = met_by(linear.weight), bias = met_by(linear.bias);
    for (std::int64_t r = 0; r < out.cols; ++r) {
      if (weight.empty() && bias.empty()) break;
      const auto row = row_signals(linear, r / signals.choices, r, multiplier(linear.weight));
      if (!weight.empty()) weight_gradient(row, weight, out.col(r) + weight.row);
      if (!bias.empty())
        bias_gradient(row.b, static_cast<T>(multiplier(linear.bias)), bias, out.col(r) + bias.row);
    }
  }
  for (const DirectGradients<T>& direct : signals.direct) {
    const Overlap met = met_by(direct.tensor);
    if (met.empty()) continue;
    const auto size = network.tensors()[static_cast<std::size_t>(direct.tensor)].size();
    for (std::int64_t r = 0; r < out.cols; ++r)
      std::copy_n(direct.gradient.data() + size * r + met.from, met.until - met.from,
                  out.col(r) + met.row);
  }
}

template void gradient_columns(const Network<double>&, const GradientSignals<double>&, std::int64_t,
                               MatrixView<double>);
template void gradient_columns(const Network<float>&, const GradientSignals<float>&, std::int64_t,
                               MatrixView<float>);

}  // namespace fathom
