#include "dist/exact_product_slices.hpp"

#include "base/fault.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

// 2^1074 is no double: rows below 2^-1000 are scaled as if they had an element of that size.
constexpr int lowest_exponent = -1000;

/// Adding and subtracting 1.5·2^52 units rounds to a multiple of the unit.
double rounding_shift(int bits, int slice) {
  return std::ldexp(1.5, 52 - (slice * bits - 1));
}

/// hi + lo ← what is left of it after a slice, which is returned. Exact.
inline double take_slice(double& hi, double& lo, double shift) {
  const double sum = hi + lo;
  const double part = sum - hi;
  lo = (hi - (sum - part)) + (lo - part);
  const double slice = (sum + shift) - shift;
  hi = sum - slice;
  return slice;
}

}  // namespace

SlicedFactor::SlicedFactor(const ExactFactor& factor, Side side, int bits, int count)
    : factor_(factor),
      along_rows_((side == Side::left) == (factor.op == Op::none)),
      bits_(bits),
      count_(count) {
  factor.hi.grid().parent().agree([&] {
    const auto extent = along_rows() ? factor.hi.local_rows() : factor.hi.local_cols();
    exponent_.assign(static_cast<std::size_t>(extent), 0);
    scale_.assign(exponent_.size(), 1.0);
    slice_norm_.assign(static_cast<std::size_t>(count) + 1, 0.0);
    rest_norm_.assign(slice_norm_.size(), 0.0);
  });
  take_exponents();
  take_norms();
}

void SlicedFactor::take_exponents() {
  const MatrixView<const double> hi = factor_.hi.local();
  std::vector<double> largest(exponent_.size(), 0.0);
  for (std::int64_t j = 0; j < hi.cols; ++j)
    for (std::int64_t i = 0; i < hi.rows; ++i) {
      const double lo = factor_.lo ? std::abs(factor_.lo->local()(i, j)) : 0.0;
      double& here = largest[static_cast<std::size_t>(along_rows() ? i : j)];
      here = std::max(here, std::abs(hi(i, j)) + lo);
    }
  const ProcessGrid& grid = factor_.hi.grid();
  if (grid.active()) (along_rows() ? grid.row_comm() : grid.column_comm()).max(largest);
  double top = lowest_exponent;
  for (std::size_t k = 0; k < largest.size(); ++k) {
    int exponent = lowest_exponent;
    if (largest[k] > 0) std::frexp(largest[k], &exponent);
    exponent_[k] = std::max(exponent, lowest_exponent);
    scale_[k] = std::ldexp(1.0, -exponent_[k]);
    top = std::max(top, static_cast<double>(exponent_[k]));
  }
  top_ = static_cast<int>(grid.parent().max(top));
}

void SlicedFactor::take_norms() {
  const MatrixView<const double> hi = factor_.hi.local();
  const auto count = static_cast<std::size_t>(count_);
  std::vector<double> squares(2 * (count + 1), 0.0), shift(count + 1);
  for (std::size_t s = 1; s <= count; ++s)
    shift[s] = rounding_shift(bits_, static_cast<int>(s));
  std::vector<double> weights(exponent_.size());
  for (std::size_t k = 0; k < weights.size(); ++k)
    weights[k] = std::ldexp(1.0, std::max(exponent_[k] - top_, lowest_exponent));
  for (std::int64_t j = 0; j < hi.cols; ++j)
    for (std::int64_t i = 0; i < hi.rows; ++i) {
      const auto k = static_cast<std::size_t>(along_rows() ? i : j);
      const double weight = weights[k];
      double x = hi(i, j) * scale_[k];
      double y = factor_.lo ? factor_.lo->local()(i, j) * scale_[k] : 0.0;
      const auto square = [&](double z) { return (z * weight) * (z * weight); };
      squares[count + 1] += square(x);
      for (std::size_t s = 1; s <= count; ++s) {
        squares[s] += square(take_slice(x, y, shift[s]));
        squares[count + 1 + s] += square(x + y);
      }
    }
  const Communicator& all = factor_.hi.grid().parent();
  all.sum(squares);
  all.broadcast(squares);
  // Upper bounds: a margin for the rounding of the sums.
  for (std::size_t s = 0; s <= count; ++s) {
    slice_norm_[s] = std::sqrt(squares[s]) * (1 + 1e-6);
    rest_norm_[s] = std::sqrt(squares[count + 1 + s]) * (1 + 1e-6);
  }
}

void SlicedFactor::extract(int i, DistMatrix& out) const {
  const MatrixView<const double> hi = factor_.hi.local();
  const MatrixView<double> to = out.local();
  const bool faulty = i == 2 && fault_armed("dist.slice", "zero");
  std::vector<double> x(static_cast<std::size_t>(hi.rows)), y(x.size());
  for (std::int64_t j = 0; j < hi.cols; ++j) {
    const double* high = hi.col(j);
    const double* low = factor_.lo ? factor_.lo->local().col(j) : nullptr;
    const double own = along_rows() ? 0.0 : scale_[static_cast<std::size_t>(j)];
    for (std::size_t r = 0; r < x.size(); ++r) {
      const double scale = along_rows() ? scale_[r] : own;
      x[r] = high[r] * scale;
      y[r] = low ? low[r] * scale : 0.0;
    }
    for (int s = 1; s < i; ++s) {
      const double shift = rounding_shift(bits_, s);
      for (std::size_t r = 0; r < x.size(); ++r)
        take_slice(x[r], y[r], shift);
    }
    const double shift = rounding_shift(bits_, i);
    double* column = to.col(j);
    for (std::size_t r = 0; r < x.size(); ++r)
      column[r] = take_slice(x[r], y[r], shift);
    if (faulty) std::fill(column, column + hi.rows, 0.0);
  }
}

}  // namespace fathom
