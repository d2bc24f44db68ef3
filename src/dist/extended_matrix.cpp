#include "dist/extended_matrix.hpp"

#include "base/assert.hpp"
#include "dist/operations.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {

ExtendedMatrix ExtendedMatrix::make(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols,
                                    std::int64_t mb, std::int64_t nb) {
  DistMatrix high = DistMatrix::make(grid, rows, cols, mb, nb);
  return {std::move(high), DistMatrix::make(grid, rows, cols, mb, nb)};
}

void sum_in_order(const Communicator& comm, int slot, int slots, std::span<DoubleDouble> values) {
  FATHOM_ASSERT(0 <= slot && slot < slots, "slot {} of {}", slot, slots);
  constexpr std::size_t panel_doubles = std::size_t{1} << 20;
  const auto wide = static_cast<std::size_t>(slots);
  const std::size_t panel = std::max<std::size_t>(1, panel_doubles / (2 * wide));
  std::vector<double> parts;
  comm.agree([&] { parts.resize(2 * wide * std::min(panel, values.size())); });
  for (std::size_t first = 0; first < values.size(); first += panel) {
    const std::size_t count = std::min(panel, values.size() - first);
    const auto at = [&](std::size_t s, std::size_t k) { return 2 * (s * count + k); };
    std::fill(parts.begin(), parts.end(), 0.0);
    for (std::size_t k = 0; k < count; ++k) {
      parts[at(static_cast<std::size_t>(slot), k)] = values[first + k].x[0];
      parts[at(static_cast<std::size_t>(slot), k) + 1] = values[first + k].x[1];
    }
    comm.sum(std::span(parts));
    for (std::size_t k = 0; k < count; ++k) {
      DoubleDouble sum = 0.0;
      for (std::size_t s = 0; s < wide; ++s)
        sum += DoubleDouble(parts[at(s, k)], parts[at(s, k) + 1]);
      values[first + k] = sum;
    }
  }
}

void redistribute_block(const ExtendedMatrix& a, GlobalIndex a_row, GlobalIndex a_col,
                        ExtendedMatrix& b, GlobalIndex b_row, GlobalIndex b_col, std::int64_t rows,
                        std::int64_t cols) {
  redistribute_block(a.hi, a_row, a_col, b.hi, b_row, b_col, rows, cols);
  redistribute_block(a.lo, a_row, a_col, b.lo, b_row, b_col, rows, cols);
}

void symmetrise(ExtendedMatrix& a) {
  ExtendedMatrix other = ExtendedMatrix::make(a.grid(), a.cols(), a.rows(), a.hi.mb(), a.hi.nb());
  transpose(a.hi, other.hi);
  transpose(a.lo, other.lo);
  // The sum of libqd is the same in either order, so both triangles get the same bits.
  for (std::int64_t j = 0; j < a.hi.local_cols(); ++j)
    for (std::int64_t i = 0; i < a.hi.local_rows(); ++i)
      a.set(i, j, mul_pwr2(a.at(i, j) + other.at(i, j), 0.5));
}

std::vector<DoubleDouble> diagonal(const ExtendedMatrix& a) {
  const std::vector<double> hi = diagonal(a.hi), lo = diagonal(a.lo);
  std::vector<DoubleDouble> values;
  for (std::size_t k = 0; k < hi.size(); ++k)
    values.emplace_back(hi[k], lo[k]);
  return values;
}

DoubleDouble trace(const ExtendedMatrix& a) {
  DoubleDouble sum = 0.0;
  for (const DoubleDouble& value : diagonal(a))
    sum += value;
  return sum;
}

DoubleDouble frobenius_norm(const ExtendedMatrix& a) {
  const double largest = max_abs(a.hi);
  if (largest == 0 || !std::isfinite(largest)) return largest;
  const int exponent = std::ilogb(largest);
  // The reciprocal of a denormal number overflows.
  const double scale = std::ldexp(1.0, std::min(1000, -exponent));
  DoubleDouble sum = 0.0;
  for (std::int64_t j = 0; j < a.hi.local_cols(); ++j)
    for (std::int64_t i = 0; i < a.hi.local_rows(); ++i)
      sum += sqr(mul_pwr2(a.at(i, j), scale));
  const Communicator& all = a.grid().parent();
  sum_in_order(all, all.rank(), all.size(), std::span(&sum, 1));
  return sqrt(sum) / scale;
}

}  // namespace fathom
