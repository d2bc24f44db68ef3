#include "eigen/cascade_basis.hpp"

#include "base/random.hpp"
#include "bindings/blas.hpp"
#include "dist/factorisations.hpp"
#include "dist/operations.hpp"
#include "eigen/cascade_bounds.hpp"
#include "eigen/cascade_vectors.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/factor_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fathom {
namespace {

/// rows × cols on every rank, column-major.
struct Replicated {
  std::int64_t rows = 0, cols = 0;
  std::vector<double> data;
  Replicated() = default;
  Replicated(std::int64_t r, std::int64_t c)
      : rows(r), cols(c), data(static_cast<std::size_t>(r * c), 0.0) {}
  MatrixView<double> view() { return {data.data(), rows, cols, std::max<std::int64_t>(1, rows)}; }
};

/// The leading rows × cols of a on every rank.
Replicated replicate(const DistMatrix& a, std::int64_t rows, std::int64_t cols) {
  const Communicator& comm = a.grid().parent();
  Replicated all;
  comm.agree([&] {
    all = Replicated(rows, cols);
    for (std::int64_t j = 0; j < a.local_cols(); ++j) {
      const std::int64_t col = a.global_col(LocalIndex(j)).value();
      for (std::int64_t i = 0; i < a.local_rows() && col < cols; ++i) {
        const std::int64_t row = a.global_row(LocalIndex(i)).value();
        if (row < rows) all.view()(row, col) = a.local()(i, j);
      }
    }
  });
  comm.sum(std::span(all.data));
  comm.broadcast(all.data);
  return all;
}

DistMatrix distribute(Replicated& a, const DistMatrix& like) {
  DistMatrix d = DistMatrix::make(like.grid(), a.rows, a.cols, like.mb(), like.nb());
  d.fill_from([&](std::int64_t i, std::int64_t j) { return a.view()(i, j); });
  return d;
}

PreciseColumns leading_rows(const PreciseColumns& x, std::int64_t count) {
  PreciseColumns top(count, x.cols);
  for (std::int64_t c = 0; c < x.cols; ++c) {
    std::copy_n(&x.hi[x.at(0, c)], count, &top.hi[top.at(0, c)]);
    std::copy_n(&x.lo[x.at(0, c)], count, &top.lo[top.at(0, c)]);
  }
  return top;
}

/// The leading rows of x ← −top.
void put_negative(const PreciseColumns& top, PreciseColumns& x) {
  for (std::int64_t c = 0; c < x.cols; ++c)
    for (std::int64_t i = 0; i < top.rows; ++i) {
      x.hi[x.at(i, c)] = -top.hi[top.at(i, c)];
      x.lo[x.at(i, c)] = -top.lo[top.at(i, c)];
    }
}

}  // namespace

LevelBasis::LevelBasis(DistMatrix v, std::int64_t head) : order_(v.rows()), head_(head) {
  FATHOM_ASSERT(v.rows() == v.cols() && head <= order_, "{} x {}, head {}", v.rows(), v.cols(),
                head);
  full_.emplace(std::move(v));
}

LevelBasis LevelBasis::reflector(DistMatrix v_h) {
  LevelBasis basis;
  const std::int64_t k = v_h.cols();
  basis.order_ = v_h.rows();
  basis.head_ = k;
  // V₁ = P Σ Wᵀ: S = P Wᵀ and YᵀV_h = I + W Σ Wᵀ = T⁻¹.
  Replicated top = replicate(v_h, k, k), s(k, k), t(k, k), u(k, k), wt(k, k);
  v_h.grid().parent().agree([&] {
    std::vector<double> sigma = lapack::svd(top.view(), u.view(), wt.view());
    blas::gemm(Op::none, Op::none, 1.0, u.view(), wt.view(), 0.0, s.view());
    for (std::int64_t j = 0; j < k; ++j)
      for (std::int64_t i = 0; i < k; ++i)
        u.view()(i, j) = wt.view()(i, j) / (1 + sigma[static_cast<std::size_t>(i)]);
    blas::gemm(Op::transpose, Op::none, 1.0, wt.view(), u.view(), 0.0, t.view());
  });
  v_h.grid().parent().broadcast(s.data);
  v_h.grid().parent().broadcast(t.data);
  for (std::int64_t j = 0; j < v_h.local_cols(); ++j) {
    const std::int64_t col = v_h.global_col(LocalIndex(j)).value();
    for (std::int64_t i = 0; i < v_h.local_rows(); ++i) {
      const std::int64_t row = v_h.global_row(LocalIndex(i)).value();
      if (row < k) v_h.local()(i, j) += s.view()(row, col);
    }
  }
  basis.s_.emplace(distribute(s, v_h));
  basis.t_.emplace(distribute(t, v_h));
  basis.y_.emplace(std::move(v_h));
  return basis;
}

PreciseColumns LevelBasis::apply(Op op, const PreciseColumns& x) const {
  if (full_) return precise_apply(op, *full_, x);
  PreciseColumns z = x;
  if (op == Op::none) put_negative(precise_apply(Op::none, *s_, leading_rows(z, head_)), z);
  const PreciseColumns inner = precise_apply(op, *t_, precise_apply(Op::transpose, *y_, z));
  z = difference(z, precise_apply(Op::none, *y_, inner));
  if (op == Op::transpose)
    put_negative(precise_apply(Op::transpose, *s_, leading_rows(z, head_)), z);
  return z;
}

void LevelBasis::reflect(DistMatrix& a, std::int64_t first) const {
  const ProcessGrid& grid = a.grid();
  const std::int64_t rows = a.rows();
  DistMatrix ay = DistMatrix::make(grid, rows, head_, a.mb(), a.nb());
  DistMatrix ayt = DistMatrix::make(grid, rows, head_, a.mb(), a.nb());
  multiply_parts(grid, Op::none, Op::none, rows, head_, order_, 1.0, a.part(0, first), y_->part(),
                 0.0, ay.part());
  multiply(Op::none, Op::none, 1.0, ay, *t_, 0.0, ayt);
  multiply_parts(grid, Op::none, Op::transpose, rows, order_, head_, -1.0, ayt.part(), y_->part(),
                 1.0, a.part(0, first));
  // The head's columns, now those of −V_h Sᵀ, back to V_h.
  redistribute_block(a, GlobalIndex(0), GlobalIndex(first), ay, GlobalIndex(0), GlobalIndex(0),
                     rows, head_);
  multiply_parts(grid, Op::none, Op::none, rows, head_, head_, -1.0, ay.part(), s_->part(), 0.0,
                 a.part(0, first));
}

DistMatrix LevelBasis::product(const DistMatrix& a) const {
  if (!full_) {
    DistMatrix b = leading_columns(a, a.cols());
    reflect(b, 0);
    return b;
  }
  DistMatrix b = DistMatrix::make(a.grid(), a.rows(), order_, a.mb(), a.nb());
  multiply(Op::none, Op::none, 1.0, a, *full_, 0.0, b);
  return b;
}

void LevelBasis::turn(DistMatrix& total, std::int64_t first) const {
  if (full_)
    turn_trailing_columns(total, first, *full_);
  else
    reflect(total, first);
}

DistMatrix LevelBasis::matrix() const {
  if (full_) return leading_columns(*full_, order_);
  DistMatrix v = DistMatrix::make(y_->grid(), order_, order_, y_->mb(), y_->nb());
  v.fill_from([](std::int64_t i, std::int64_t j) { return i == j ? 1.0 : 0.0; });
  reflect(v, 0);
  return v;
}

namespace {

/// Eigenpairs of AᵀA on the columns of q, descending; aq ← A·q.
EigenResult rayleigh_ritz(const DistMatrix& a, const DistMatrix& q, DistMatrix& aq) {
  const ProcessGrid& grid = a.grid();
  const std::int64_t width = q.cols();
  multiply(Op::none, Op::none, 1.0, a, q, 0.0, aq);
  DistMatrix gram = DistMatrix::make(grid, width, width, a.nb(), a.nb());
  gram.fill(0);
  rank_k_update(Op::transpose, 1.0, aq, 0.0, gram);
  int exponent = 0;
  std::frexp(max_abs(gram), &exponent);
  scale_by_power(gram, -exponent);
  const EigenRequest request{.count = 0, .vectors = true};
  const SolverPlan plan = plan_solver(request, width, grid.parent().size(),
                                      {.grid = grid.shape(), .block = a.nb(), .memory = {}});
  return Eigensolver(plan.backend).solve(gram, SymmetricFill::lower, request);
}

}  // namespace

std::optional<DistMatrix> leading_space(const DistMatrix& a, std::int64_t width, double threshold,
                                        std::uint64_t seed) {
  constexpr int first_steps = 2, most_steps = 6;
  constexpr double digits = 7;  // of the angle between head and rest: what is left leaks, squared
  const ProcessGrid& grid = a.grid();
  const std::int64_t p = a.rows(), m = a.cols(), block = a.nb();
  DistMatrix q = DistMatrix::make(grid, m, width, block, block);
  q.fill_from([&](std::int64_t i, std::int64_t j) { return normal({seed, Stream::probes}, j, i); });
  DistMatrix aq = DistMatrix::make(grid, p, width, block, block);
  const auto iterate = [&](int steps) {
    for (int step = 0; step < steps; ++step) {
      // A basis after each factor: its columns are half as near to one another as after both.
      multiply(Op::none, Op::none, 1.0, a, q, 0.0, aq);
      orthonormalise_columns(aq);
      multiply(Op::transpose, Op::none, 1.0, a, aq, 0.0, q);
      orthonormalise_columns(q);
    }
  };
  iterate(first_steps);
  EigenResult ritz = rayleigh_ritz(a, q, aq);
  std::int64_t head = head_size(ritz.eigenvalue, threshold);
  if (head > width / 2) return std::nullopt;
  // The other columns make the head converge, by λ_width/λ_head a step.
  const double fall = std::max(ritz.eigenvalue.back(), 0x1p-60 * ritz.eigenvalue.front()) /
                      ritz.eigenvalue[static_cast<std::size_t>(head - 1)];
  const double steps = std::ceil(digits / std::max(1e-3, -std::log10(fall)));
  if (!(steps <= most_steps)) return std::nullopt;
  if (steps > first_steps) {
    iterate(static_cast<int>(steps) - first_steps);
    ritz = rayleigh_ritz(a, q, aq);
    head = head_size(ritz.eigenvalue, threshold);
    if (head > width / 2) return std::nullopt;
  }
  DistMatrix v = DistMatrix::make(grid, m, head, block, block);
  multiply(Op::none, Op::none, 1.0, q, leading_columns(*ritz.vectors, head), 0.0, v);
  return v;
}

}  // namespace fathom
