#include "dist/operations.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace fathom {
namespace {

void assert_one_grid(const DistMatrix& a, const DistMatrix& b) {
  FATHOM_ASSERT(
      a.grid().blacs_context() == b.grid().blacs_context() && a.grid().shape() == b.grid().shape(),
      "matrices on different grids");
}

std::int64_t rows(Op op, const DistMatrix& a) {
  return op == Op::none ? a.rows() : a.cols();
}

std::int64_t cols(Op op, const DistMatrix& a) {
  return op == Op::none ? a.cols() : a.rows();
}

/// The panel of a that starts at global column j, behind whole rounds over the grid's columns: what
/// pdgemr2d adds to the address is then small, and its 32-bit arithmetic holds.
struct Panel {
  std::int64_t local_offset, j;
  Descriptor descriptor;
};

Panel panel(const DistMatrix& a, std::int64_t j) {
  const std::int64_t round = a.nb() * a.grid().npcol(), rounds = j / round;
  Descriptor descriptor = a.descriptor();
  descriptor[3] -= static_cast<int>(rounds * round);
  return {a.local_rows() == 0 ? 0 : rounds * a.nb() * a.local().ld, j - rounds * round, descriptor};
}

template <class Visit>
void for_each_local_column(const DistMatrix& a, SymmetricFill fill, Visit&& visit) {
  const MatrixView<const double> local = a.local();
  const CyclicAxis &row = a.distribution().rows, &col = a.distribution().cols;
  const int myrow = a.grid().myrow(), mycol = a.grid().mycol();
  for (const CyclicAxis::Run& run : col.runs(mycol))
    for (std::int64_t k = 0; k < run.count; ++k) {
      const GlobalIndex j(run.global + k);
      const std::int64_t first =
          fill == SymmetricFill::full ? 0 : row.lower_bound(j, myrow).value();
      visit(
          j,
          std::span(local.col(run.local + k) + first, static_cast<std::size_t>(local.rows - first)),
          first);
    }
}

double sum_of_squares(std::span<const double> x, double scale) {
  double sum = 0;
  for (const double v : x)
    sum += (v * scale) * (v * scale);
  return sum;
}

/// Σ a_ij² scale², over both triangles.
double scaled_squares(const DistMatrix& a, SymmetricFill fill, double scale) {
  double sum = 0;
  for_each_local_column(a, fill, [&](GlobalIndex j, std::span<const double> x, std::int64_t first) {
    double part = sum_of_squares(x, scale);
    if (fill == SymmetricFill::lower) {
      part *= 2;
      const bool diagonal_first =
          !x.empty() && a.global_row(LocalIndex(first)).value() == j.value();
      if (diagonal_first) part -= x[0] * scale * (x[0] * scale);
    }
    sum += part;
  });
  return a.grid().parent().sum(sum);
}

/// Exponent bits all set: Inf or NaN. Integer arithmetic, so that no compiler flag folds it away.
std::int64_t nonfinite_in(std::span<const double> x) {
  constexpr std::uint64_t exponent = 0x7ff0000000000000;
  std::int64_t count = 0;
  for (const double v : x)
    count += (std::bit_cast<std::uint64_t>(v) & exponent) == exponent;
  return count;
}

}  // namespace

void multiply(Op op_a, Op op_b, double alpha, const DistMatrix& a, const DistMatrix& b, double beta,
              DistMatrix& c) {
  assert_one_grid(a, c);
  assert_one_grid(b, c);
  FATHOM_ASSERT(
      rows(op_a, a) == c.rows() && cols(op_b, b) == c.cols() && cols(op_a, a) == rows(op_b, b),
      "product of {} x {} and {} x {} into {} x {}", rows(op_a, a), cols(op_a, a), rows(op_b, b),
      cols(op_b, b), c.rows(), c.cols());
  if (!c.grid().active() || c.rows() == 0 || c.cols() == 0) return;
  scalapack::pdgemm(op_a, op_b, c.rows(), c.cols(), cols(op_a, a), alpha, a.part(), b.part(), beta,
                    c.part());
}

void add(const DistMatrix& a, DistMatrix& b) {
  assert_one_grid(a, b);
  FATHOM_ASSERT(a.distribution() == b.distribution(), "{} x {} to {} x {} of another layout",
                a.rows(), a.cols(), b.rows(), b.cols());
  for (std::int64_t j = 0; j < b.local_cols(); ++j)
    for (std::int64_t i = 0; i < b.local_rows(); ++i)
      b.local()(i, j) += a.local()(i, j);
}

void transpose(const DistMatrix& a, DistMatrix& c) {
  assert_one_grid(a, c);
  FATHOM_ASSERT(a.rows() == c.cols() && a.cols() == c.rows(), "transpose of {} x {} into {} x {}",
                a.rows(), a.cols(), c.rows(), c.cols());
  if (!c.grid().active() || c.rows() == 0 || c.cols() == 0) return;
  scalapack::pdtran(c.rows(), c.cols(), 1.0, a.part(), 0.0, c.part());
}

void redistribute(const DistMatrix& a, DistMatrix& b, std::int64_t panel_elements) {
  FATHOM_ASSERT(a.rows() == b.rows() && a.cols() == b.cols(), "{} x {} into {} x {}", a.rows(),
                a.cols(), b.rows(), b.cols());
  redistribute_block(a, GlobalIndex(0), GlobalIndex(0), b, GlobalIndex(0), GlobalIndex(0), a.rows(),
                     a.cols(), panel_elements);
}

void redistribute_block(const DistMatrix& a, GlobalIndex a_row, GlobalIndex a_col, DistMatrix& b,
                        GlobalIndex b_row, GlobalIndex b_col, std::int64_t rows, std::int64_t cols,
                        std::int64_t panel_elements) {
  const auto inside = [&](const DistMatrix& m, GlobalIndex i, GlobalIndex j) {
    return i.value() >= 0 && j.value() >= 0 && i.value() + rows <= m.rows() &&
           j.value() + cols <= m.cols();
  };
  FATHOM_ASSERT(rows >= 0 && cols >= 0 && inside(a, a_row, a_col) && inside(b, b_row, b_col),
                "{} x {} at ({}, {}) of {} x {} into ({}, {}) of {} x {}", rows, cols,
                a_row.value(), a_col.value(), a.rows(), a.cols(), b_row.value(), b_col.value(),
                b.rows(), b.cols());
  const Communicator& all = a.grid().parent();
  FATHOM_ASSERT(all.size() == b.grid().parent().size() && all.rank() == b.grid().parent().rank(),
                "grids of different communicators");
  if (rows == 0 || cols == 0) return;
  const std::int64_t tallest =
      std::max(a.distribution().rows.local_extent(0), b.distribution().rows.local_extent(0));
  const std::int64_t width =
      std::max<std::int64_t>(1, panel_elements / std::max<std::int64_t>(1, tallest));
  for (std::int64_t j = 0; j < cols; j += width) {
    const Panel from = panel(a, a_col.value() + j), to = panel(b, b_col.value() + j);
    scalapack::pdgemr2d(
        rows, std::min(width, cols - j),
        {a.local().data + from.local_offset, from.descriptor, a_row.value(), from.j},
        {b.local().data + to.local_offset, to.descriptor, b_row.value(), to.j},
        a.grid().union_context());
  }
}

double trace(const DistMatrix& a) {
  const std::vector<double> values = diagonal(a);
  double sum = 0, lost = 0;  // Neumaier: the certificate compares traces to a few ε
  for (const double v : values) {
    const double next = sum + v;
    lost += std::abs(sum) >= std::abs(v) ? (sum - next) + v : (v - next) + sum;
    sum = next;
  }
  return std::isfinite(sum) ? sum + lost : sum;
}

double frobenius_norm(const DistMatrix& a, SymmetricFill fill) {
  const double plain = scaled_squares(a, fill, 1.0);
  // Far from overflow, and so large that what underflowed does not matter.
  if (plain > 0x1p-900 && plain < 0x1p1000) return std::sqrt(plain);
  double largest = 0;
  bool has_nan = false;
  for_each_local_column(a, fill, [&](GlobalIndex, std::span<const double> x, std::int64_t) {
    for (const double v : x) {
      largest = std::max(largest, std::abs(v));
      has_nan |= std::isnan(v);
    }
  });
  if (a.grid().parent().sum(has_nan ? 1.0 : 0.0) > 0)
    return std::numeric_limits<double>::quiet_NaN();
  largest = a.grid().parent().max(largest);
  if (largest == 0 || std::isinf(largest)) return largest;
  const int exponent = std::ilogb(largest);
  // In two steps: the reciprocal of a denormal number overflows.
  const double scale = std::ldexp(1.0, std::min(1000, -exponent));
  return std::sqrt(scaled_squares(a, fill, scale)) / scale;
}

double max_abs(const DistMatrix& a) {
  double largest = 0;
  bool has_nan = false;
  for_each_local_column(a, SymmetricFill::full,
                        [&](GlobalIndex, std::span<const double> x, std::int64_t) {
                          for (const double v : x) {
                            largest = std::max(largest, std::abs(v));
                            has_nan |= std::isnan(v);
                          }
                        });
  if (a.grid().parent().sum(has_nan ? 1.0 : 0.0) > 0)
    return std::numeric_limits<double>::quiet_NaN();
  return a.grid().parent().max(largest);
}

NonFinite count_nonfinite(const DistMatrix& a) {
  NonFinite found;
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();
  std::int64_t position = none;  // column-major in the whole matrix: the first one, on any grid
  for_each_local_column(a, SymmetricFill::full,
                        [&](GlobalIndex j, std::span<const double> x, std::int64_t) {
                          const std::int64_t here = nonfinite_in(x);
                          if (here == 0) return;
                          found.count += here;
                          if (position != none) return;
                          std::int64_t i = 0;
                          while (std::isfinite(x[static_cast<std::size_t>(i)]))
                            ++i;
                          position = j.value() * a.rows() + a.global_row(LocalIndex(i)).value();
                        });
  found.count = a.grid().parent().sum(found.count);
  position = a.grid().parent().min(position);
  if (found.count > 0) {
    found.row = position % a.rows();
    found.col = position / a.rows();
  }
  return found;
}

std::vector<double> diagonal(const DistMatrix& a) {
  FATHOM_ASSERT(a.rows() == a.cols(), "diagonal of {} x {}", a.rows(), a.cols());
  std::vector<double> values(static_cast<std::size_t>(a.rows()), 0.0);
  const CyclicAxis &row = a.distribution().rows, &col = a.distribution().cols;
  for (const CyclicAxis::Run& run : col.runs(a.grid().mycol()))
    for (const CyclicAxis::Run& part :
         row.runs(a.grid().myrow(), GlobalIndex(run.global), GlobalIndex(run.global + run.count)))
      for (std::int64_t k = 0; k < part.count; ++k)
        values[static_cast<std::size_t>(part.global + k)] =
            a.local()(part.local + k, run.local + part.global - run.global + k);
  a.grid().parent().sum(std::span(values));
  return values;
}

}  // namespace fathom
