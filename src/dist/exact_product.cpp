#include "dist/exact_product.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "dist/exact_product_slices.hpp"
#include "dist/operations.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace fathom {
namespace {

constexpr int no_end = std::numeric_limits<int>::max() / 2;

int slice_bits(std::int64_t k) {
  const int log2_k =
      k <= 1 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(k - 1)));
  return (53 - log2_k) / 2 + 1;
}

SlicePlan plan_of_depth(int bits, int depth, int exact_a, int exact_b) {
  SlicePlan plan;
  plan.bits = bits;
  plan.depth = depth;
  plan.slices_a = std::min(depth, exact_a);
  plan.slices_b = std::min(depth, exact_b);
  const auto size = [&](int slices) { return std::ldexp(1.0, -slices * bits); };
  for (int i = 1; i <= plan.slices_a; ++i)
    if (plan.last_b(i) < exact_b) plan.relative_error += size(i - 1) * size(plan.last_b(i));
  if (plan.slices_a < exact_a) plan.relative_error += size(plan.slices_a);
  return plan;
}

/// sum ← sum + term in double-double, element by element.
void accumulate(const DistMatrix& term, ExtendedMatrix& sum) {
  const MatrixView<const double> p = term.local();
  for (std::int64_t j = 0; j < p.cols; ++j) {
    const double* add = p.col(j);
    double* hi = sum.hi.local().col(j);
    double* lo = sum.lo.local().col(j);
    for (std::int64_t i = 0; i < p.rows; ++i) {
      const double s = hi[i] + add[i];
      const double part = s - hi[i];
      const double lost = (hi[i] - (s - part)) + (add[i] - part);
      const double rest = lo[i] + lost;
      hi[i] = s + rest;
      lo[i] = rest - (hi[i] - s);
    }
  }
}

/// Back from the scaled factors' units.
void rescale(ExtendedMatrix& c, const std::vector<int>& row, const std::vector<int>& col) {
  for (std::int64_t j = 0; j < c.hi.local_cols(); ++j)
    for (std::int64_t i = 0; i < c.hi.local_rows(); ++i) {
      const int exponent = row[static_cast<std::size_t>(i)] + col[static_cast<std::size_t>(j)];
      if (exponent == 0) continue;
      c.hi.local()(i, j) = std::ldexp(c.hi.local()(i, j), exponent);
      c.lo.local()(i, j) = std::ldexp(c.lo.local()(i, j), exponent);
    }
}

/// The scale exponents of a factor along an axis of C, which may be cut into other blocks.
std::vector<int> exponents_for(const SlicedFactor& factor, const CyclicAxis& from, int from_proc,
                               const CyclicAxis& to, int to_proc, const ProcessGrid& grid) {
  std::vector<double> all(static_cast<std::size_t>(from.extent()),
                          -std::numeric_limits<double>::infinity());
  const auto held = from.global_indices(from_proc);
  for (std::size_t l = 0; l < held.size(); ++l)
    all[static_cast<std::size_t>(held[l])] = factor.exponents()[l];
  grid.parent().max(all);
  std::vector<int> own;
  for (const std::int64_t g : to.global_indices(to_proc))
    own.push_back(static_cast<int>(all[static_cast<std::size_t>(g)]));
  return own;
}

std::vector<int> row_exponents(const SlicedFactor& sliced, const ExactFactor& a,
                               const DistMatrix& c) {
  const ProcessGrid& grid = c.grid();
  const Distribution& d = a.hi.distribution();
  return a.op == Op::none ? exponents_for(sliced, d.rows, grid.myrow(), c.distribution().rows,
                                          grid.myrow(), grid)
                          : exponents_for(sliced, d.cols, grid.mycol(), c.distribution().rows,
                                          grid.myrow(), grid);
}

std::vector<int> col_exponents(const SlicedFactor& sliced, const ExactFactor& b,
                               const DistMatrix& c) {
  const ProcessGrid& grid = c.grid();
  const Distribution& d = b.hi.distribution();
  return b.op == Op::none ? exponents_for(sliced, d.cols, grid.mycol(), c.distribution().cols,
                                          grid.mycol(), grid)
                          : exponents_for(sliced, d.rows, grid.myrow(), c.distribution().cols,
                                          grid.mycol(), grid);
}

/// The slices that are multiplied, and what is known of the others.
struct Products {
  const ExactFactor &a, &b;
  const SlicePlan& plan;
  SlicedFactor left, right;

  Products(const ExactFactor& a_, const ExactFactor& b_, const SlicePlan& p)
      : a(a_),
        b(b_),
        plan(p),
        left(a_, SlicedFactor::Side::left, p.bits, p.slices_a),
        right(b_, SlicedFactor::Side::right, p.bits, p.slices_b) {}

  bool wanted(int i, int j) const {
    return i >= 1 && i <= plan.slices_a && j >= 1 && j <= plan.slices_b && left.norm(i) > 0 &&
           right.norm(j) > 0;
  }

  /// From the largest pairs to the smallest. Returns the number of products.
  std::int64_t run(ExtendedMatrix& c) const {
    const auto like = [](const DistMatrix& x) {
      return DistMatrix::make(x.grid(), x.rows(), x.cols(), x.mb(), x.nb());
    };
    DistMatrix slice_a = like(a.hi), slice_b = like(b.hi), product = like(c.hi);
    int held_a = 0, held_b = 0;
    std::int64_t count = 0;
    for (int group = 0; group < plan.depth; ++group)
      for (int step = 1; step <= group + 1; ++step) {
        // There and back, so that each group starts with a slice that is at hand.
        const int i = group % 2 ? step : group + 2 - step, j = group + 2 - i;
        if (!wanted(i, j)) continue;
        if (held_a != i) left.extract(held_a = i, slice_a);
        if (held_b != j) right.extract(held_b = j, slice_b);
        multiply(a.op, b.op, 1.0, slice_a, slice_b, 0.0, product);
        accumulate(product, c);
        ++count;
      }
    return count;
  }

  double unit() const { return std::ldexp(1.0, left.top() + right.top()); }

  /// ‖op(A)op(B) − the exact sum of the products made‖_F.
  double skipped() const {
    double sum = 0;
    for (int i = 1; i <= plan.slices_a; ++i)
      sum += left.norm(i) * right.rest(plan.last_b(i));
    const double norm_b =
        b.norm > 0 ? std::min(right.rest(0), std::ldexp(b.norm, -right.top())) : right.rest(0);
    return (sum + left.rest(plan.slices_a) * norm_b) * unit();
  }

  /// Of the double-double sums. The first product is exact, and no partial sum is off the result by
  /// more than the products that follow the first.
  double rounding(double frobenius) const {
    double later = 0;
    std::int64_t additions = 0;
    for (int i = 1; i <= plan.slices_a; ++i)
      for (int j = 1; j <= plan.last_b(i); ++j)
        if (i + j > 2 && wanted(i, j)) {
          later += left.norm(i) * right.norm(j);
          ++additions;
        }
    return static_cast<double>(additions) * 0x1p-105 * (frobenius + later * unit());
  }
};

}  // namespace

int SlicePlan::last_b(int i) const {
  return std::clamp(depth - i + 1, 0, slices_b);
}

std::int64_t SlicePlan::products() const {
  std::int64_t count = 0;
  for (int i = 1; i <= slices_a; ++i)
    count += last_b(i);
  return count;
}

SlicePlan plan_slices(std::int64_t k, double accuracy, int exact_a, int exact_b) {
  FATHOM_ASSERT(k >= 0 && accuracy > 0, "depth {}, accuracy {}", k, accuracy);
  if (exact_a <= 0) exact_a = no_end;
  if (exact_b <= 0) exact_b = no_end;
  // Two doubles may lie 2000 binary orders apart: beyond that there is nothing to find.
  for (int depth = 1; depth < 120; ++depth) {
    const SlicePlan plan = plan_of_depth(slice_bits(k), depth, exact_a, exact_b);
    if (plan.relative_error <= accuracy) return plan;
  }
  FATHOM_ASSERT(false, "no plan for accuracy {}", accuracy);
  return {};
}

ExactProduct exact_product(const ExactFactor& a, const ExactFactor& b, std::int64_t mb,
                           std::int64_t nb, double accuracy) {
  FATHOM_ASSERT(a.cols() == b.rows(), "product of {} x {} and {} x {}", a.rows(), a.cols(),
                b.rows(), b.cols());
  const SlicePlan plan = plan_slices(a.cols(), accuracy, a.exact_slices, b.exact_slices);
  ExactProduct out{ExtendedMatrix::make(a.hi.grid(), a.rows(), b.cols(), mb, nb)};
  out.value.hi.fill(0);
  out.value.lo.fill(0);
  if (a.rows() == 0 || b.cols() == 0 || a.cols() == 0) return out;
  const Products products(a, b, plan);
  out.products = products.run(out.value);
  rescale(out.value, row_exponents(products.left, a, out.value.hi),
          col_exponents(products.right, b, out.value.hi));
  out.frobenius = to_double(frobenius_norm(out.value));
  out.error = products.skipped() + products.rounding(out.frobenius);
  return out;
}

void round_to_slices(DistMatrix& x, int slices) {
  const int bits = slice_bits(x.rows());
  const ExactFactor factor(x);
  const SlicedFactor sliced(factor, SlicedFactor::Side::right, bits, 1);
  const int below = std::min(slices * bits - 1, 1000);
  const double on_grid = std::ldexp(1.0, 52 - below);
  for (std::int64_t j = 0; j < x.local_cols(); ++j) {
    const int exponent = sliced.exponents()[static_cast<std::size_t>(j)];
    double* column = x.local().col(j);
    for (std::int64_t i = 0; i < x.local_rows(); ++i) {
      const double scaled = std::ldexp(column[i], -exponent);
      // The last bit of a larger element is no finer than the grid.
      if (std::abs(scaled) < on_grid)
        column[i] = std::ldexp(std::nearbyint(std::ldexp(scaled, below)), exponent - below);
    }
  }
}

}  // namespace fathom
