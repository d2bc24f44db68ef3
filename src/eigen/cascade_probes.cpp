#include "eigen/cascade_probes.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace fathom {
namespace {

// This file is compiled without contraction of a·b + c: the error-free transformations below
// (Dekker 1971, Knuth 1969) mean every rounding that they write down.

struct Split {
  double high, low;
};

inline Split split(double a) {
  const double c = 134217729.0 * a;
  const double high = c - (c - a);
  return {high, a - high};
}

/// hi + lo ← hi + lo + a·x, with x split and x_low what x lacks.
inline void accumulate(double& hi, double& lo, double a, Split part, double x, Split x_part,
                       double x_low) {
  const double product = a * x;
  const double lost =
      ((part.high * x_part.high - product) + part.high * x_part.low + part.low * x_part.high) +
      part.low * x_part.low;
  const double sum = hi + product;
  const double rounded = sum - hi;
  const double missing = (hi - (sum - rounded)) + (product - rounded);
  hi = sum;
  lo += missing + (lost + a * x_low);
}

inline void normalise(double& hi, double& lo) {
  const double sum = hi + lo;
  lo = lo - (sum - hi);
  hi = sum;
}

/// y(local rows) += column·x
void add_column(const double* column, std::int64_t rows, double x, double x_low, double* hi,
                double* lo) {
  const Split x_part = split(x);
  for (std::int64_t i = 0; i < rows; ++i)
    accumulate(hi[i], lo[i], column[i], split(column[i]), x, x_part, x_low);
}

/// column·x over the local rows, in lanes that the compiler can put in vector registers.
Split dot(const double* column, const double* x, const double* x_low, std::int64_t rows) {
  constexpr std::int64_t lanes = 8;
  std::array<double, lanes> hi{}, lo{};
  std::int64_t i = 0;
  for (; i + lanes <= rows; i += lanes)
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double a = column[i + l], v = x[i + l];
      accumulate(hi[static_cast<std::size_t>(l)], lo[static_cast<std::size_t>(l)], a, split(a), v,
                 split(v), x_low[i + l]);
    }
  for (; i < rows; ++i)
    accumulate(hi[0], lo[0], column[i], split(column[i]), x[i], split(x[i]), x_low[i]);
  Split sum{hi[0], lo[0]};
  for (std::size_t l = 1; l < lanes; ++l)
    accumulate(sum.high, sum.low, hi[l], split(hi[l]), 1.0, {1.0, 0.0}, 0.0), sum.low += lo[l];
  return sum;
}

/// Sums hi + lo over the ranks: the leading bits, cut at one place on all ranks, add up exactly.
void sum_over_ranks(const Communicator& comm, PreciseColumns& y) {
  for (std::size_t i = 0; i < y.hi.size(); ++i)
    normalise(y.hi[i], y.lo[i]);
  if (comm.size() == 1) return;
  std::vector<double> largest(y.hi.size());
  std::transform(y.hi.begin(), y.hi.end(), largest.begin(), [](double v) { return std::abs(v); });
  comm.max(std::span(largest));
  const int spare = static_cast<int>(std::ceil(std::log2(comm.size()))) + 1;
  for (std::size_t i = 0; i < y.hi.size(); ++i) {
    if (!(largest[i] > 0) || !std::isfinite(largest[i])) continue;
    const int exponent = std::max(std::ilogb(largest[i]) + spare - 52, -1000);
    const double leading = std::ldexp(std::nearbyint(std::ldexp(y.hi[i], -exponent)), exponent);
    y.lo[i] += y.hi[i] - leading;
    y.hi[i] = leading;
  }
  comm.sum(std::span(y.hi));
  comm.sum(std::span(y.lo));
  comm.broadcast(y.hi);
  comm.broadcast(y.lo);
  for (std::size_t i = 0; i < y.hi.size(); ++i)
    normalise(y.hi[i], y.lo[i]);
}

}  // namespace

PreciseColumns::PreciseColumns(std::int64_t row_count, std::int64_t col_count)
    : rows(row_count),
      cols(col_count),
      hi(static_cast<std::size_t>(row_count * col_count), 0.0),
      lo(hi.size(), 0.0) {}

PreciseColumns precise_apply(Op op, const DistMatrix& a, std::int64_t first, std::int64_t count,
                             const PreciseColumns& x) {
  const bool plain = op == Op::none;
  FATHOM_ASSERT(
      first >= 0 && count >= 0 && first + count <= a.cols() && x.rows == (plain ? count : a.rows()),
      "columns {} + {} of {} x {} on {} rows", first, count, a.rows(), a.cols(), x.rows);
  PreciseColumns y;
  a.grid().parent().agree([&] {
    y = PreciseColumns(plain ? a.rows() : count, x.cols);
    if (!a.grid().active()) return;
    const auto row = a.distribution().rows.global_indices(a.grid().myrow());
    const auto runs = a.distribution().cols.runs(a.grid().mycol(), GlobalIndex(first),
                                                 GlobalIndex(first + count));
    const std::int64_t rows = std::ssize(row);
    std::vector<double> hi(row.size()), lo(row.size());
    for (std::int64_t c = 0; c < x.cols; ++c) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        hi[i] = plain ? 0.0 : x.hi[x.at(row[i], c)];
        lo[i] = plain ? 0.0 : x.lo[x.at(row[i], c)];
      }
      for (const CyclicAxis::Run& run : runs)
        for (std::int64_t k = 0; k < run.count; ++k) {
          const double* column = a.local().col(run.local + k);
          const std::int64_t j = run.global - first + k;
          if (plain) {
            add_column(column, rows, x.hi[x.at(j, c)], x.lo[x.at(j, c)], hi.data(), lo.data());
          } else {
            const Split sum = dot(column, hi.data(), lo.data(), rows);
            y.hi[y.at(j, c)] = sum.high;
            y.lo[y.at(j, c)] = sum.low;
          }
        }
      for (std::size_t i = 0; plain && i < row.size(); ++i) {
        y.hi[y.at(row[i], c)] = hi[i];
        y.lo[y.at(row[i], c)] = lo[i];
      }
    }
  });
  sum_over_ranks(a.grid().parent(), y);
  return y;
}

PreciseColumns precise_apply(Op op, const DistMatrix& a, const PreciseColumns& x) {
  return precise_apply(op, a, 0, a.cols(), x);
}

PreciseColumns random_signs(std::int64_t order, std::int64_t count, std::uint64_t seed) {
  if (order <= exact_order) {
    PreciseColumns unit(order, order);
    for (std::int64_t i = 0; i < order; ++i)
      unit.hi[unit.at(i, i)] = 1;
    return unit;
  }
  PreciseColumns signs(order, count);
  std::vector<std::int64_t> items(static_cast<std::size_t>(count));
  std::iota(items.begin(), items.end(), 0);
  fill_uniform({seed, Stream::probes}, items, 0, {signs.hi.data(), order, count, order});
  for (double& value : signs.hi)
    value = value < 0.5 ? -1.0 : 1.0;
  return signs;
}

double frobenius_from_signs(const PreciseColumns& product, std::int64_t order,
                            std::span<const double> row_weight) {
  double square = 0;
  for (std::int64_t j = 0; j < product.cols; ++j)
    for (std::int64_t i = 0; i < product.rows; ++i) {
      const double weight = row_weight.empty() ? 1.0 : row_weight[static_cast<std::size_t>(i)];
      const double value = (product.hi[product.at(i, j)] + product.lo[product.at(i, j)]) * weight;
      square += value * value;
    }
  if (order <= exact_order) return 1.01 * std::sqrt(square);
  return 2 * std::sqrt(square / static_cast<double>(std::max<std::int64_t>(1, product.cols)));
}

PreciseColumns sum(const PreciseColumns& x, const PreciseColumns& y) {
  FATHOM_ASSERT(x.rows == y.rows && x.cols == y.cols, "{} x {} and {} x {}", x.rows, x.cols, y.rows,
                y.cols);
  PreciseColumns z(x.rows, x.cols);
  for (std::size_t i = 0; i < z.hi.size(); ++i) {
    const double total = x.hi[i] + y.hi[i], rounded = total - x.hi[i];
    const double missing = (x.hi[i] - (total - rounded)) + (y.hi[i] - rounded);
    z.hi[i] = total;
    z.lo[i] = missing + (x.lo[i] + y.lo[i]);
    normalise(z.hi[i], z.lo[i]);
  }
  return z;
}

PreciseColumns difference(const PreciseColumns& x, const PreciseColumns& y) {
  PreciseColumns negative = y;
  for (auto* part : {&negative.hi, &negative.lo})
    for (double& value : *part)
      value = -value;
  return sum(x, negative);
}

std::vector<double> leading_column_norms(const DistMatrix& a, std::int64_t count) {
  PreciseColumns square;
  a.grid().parent().agree([&] {
    square = PreciseColumns(count, 1);
    if (!a.grid().active()) return;
    std::vector<double> zero(static_cast<std::size_t>(a.local_rows()), 0.0);
    for (const CyclicAxis::Run& run :
         a.distribution().cols.runs(a.grid().mycol(), GlobalIndex(0), GlobalIndex(count)))
      for (std::int64_t k = 0; k < run.count; ++k) {
        const double* column = a.local().col(run.local + k);
        const Split sum = dot(column, column, zero.data(), a.local_rows());
        const auto j = static_cast<std::size_t>(run.global + k);
        square.hi[j] = sum.high;
        square.lo[j] = sum.low;
      }
  });
  sum_over_ranks(a.grid().parent(), square);
  for (double& value : square.hi)
    value = std::sqrt(value);
  return square.hi;
}

}  // namespace fathom
