#include "eigen/cascade_vectors.hpp"

#include "comm/exchange.hpp"
#include "dist/factorisations.hpp"
#include "dist/operations.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/error_bound.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace fathom {
void multiply_parts(const ProcessGrid& grid, Op op_a, Op op_b, std::int64_t rows, std::int64_t cols,
                    std::int64_t depth, double alpha, scalapack::ConstPart a,
                    scalapack::ConstPart b, double beta, scalapack::Part c) {
  if (!grid.active() || rows == 0 || cols == 0 || depth == 0) return;
  scalapack::pdgemm(op_a, op_b, rows, cols, depth, alpha, a, b, beta, c);
}

DistMatrix leading_columns(const DistMatrix& a, std::int64_t count) {
  DistMatrix leading = DistMatrix::make(a.grid(), a.rows(), count, a.mb(), a.nb());
  for (std::int64_t j = 0; j < leading.local_cols(); ++j)
    std::copy_n(a.local().col(j), a.local_rows(), leading.local().col(j));
  return leading;
}

void rotate_by_leak(DistMatrix& v, std::int64_t first, const DistMatrix& x, double leak) {
  const ProcessGrid& grid = v.grid();
  const std::int64_t n = v.rows(), k = x.rows(), rest = x.cols();
  FATHOM_ASSERT(first + k + rest == v.cols(), "{} + {} + {} of {} columns", first, k, rest,
                v.cols());
  if (rest == 0 || leak == 0) return;
  DistMatrix head = DistMatrix::make(grid, n, k, v.mb(), v.nb());
  redistribute_block(v, GlobalIndex(0), GlobalIndex(first), head, GlobalIndex(0), GlobalIndex(0), n,
                     k);
  const auto head_part = v.part(0, first), rest_part = v.part(0, first + k);
  multiply_parts(grid, Op::none, Op::none, n, rest, k, -1.0, head.part(), x.part(), 1.0, rest_part);
  // V_r Xᵀ of the new V_r is short of the old one's by V_h XXᵀ: a matter of normalisation.
  DistMatrix turned = DistMatrix::make(grid, n, k, v.mb(), v.nb());
  multiply_parts(grid, Op::none, Op::transpose, n, k, rest, 1.0, rest_part, x.part(), 0.0,
                 turned.part());
  multiply_parts(grid, Op::none, Op::transpose, n, k, rest, 1.0, rest_part, x.part(), 1.0,
                 head_part);
  if (leak * leak < unit_roundoff) return;
  multiply_parts(grid, Op::none, Op::none, n, rest, k, -0.5, turned.part(), x.part(), 1.0,
                 rest_part);
  DistMatrix square = DistMatrix::make(grid, k, k, v.mb(), v.nb());
  multiply(Op::none, Op::transpose, 1.0, x, x, 0.0, square);
  // Less V_r Xᵀ: or head and rest stay orthogonal to third order only.
  for (std::int64_t j = 0; j < head.local_cols(); ++j)
    for (std::int64_t i = 0; i < head.local_rows(); ++i)
      head.local()(i, j) -= turned.local()(i, j);
  multiply_parts(grid, Op::none, Op::none, n, k, k, 0.5, head.part(), square.part(), 1.0,
                 head_part);
}

void turn_trailing_columns(DistMatrix& total, std::int64_t first, const DistMatrix& v) {
  const std::int64_t n = total.rows(), m = v.cols();
  FATHOM_ASSERT(first + m == total.cols() && v.rows() == m, "{} columns from {} by {} x {}",
                total.cols(), first, v.rows(), m);
  DistMatrix turned = DistMatrix::make(total.grid(), n, m, total.mb(), total.nb());
  multiply_parts(total.grid(), Op::none, Op::none, n, m, m, 1.0, total.part(0, first), v.part(),
                 0.0, turned.part());
  redistribute_block(turned, GlobalIndex(0), GlobalIndex(0), total, GlobalIndex(0),
                     GlobalIndex(first), n, m);
}

void permute_columns(DistMatrix& a, std::span<const std::int64_t> source) {
  FATHOM_ASSERT(std::ssize(source) == a.cols(), "{} of {} columns", source.size(), a.cols());
  if (std::is_sorted(source.begin(), source.end())) return;
  const ProcessGrid& grid = a.grid();
  std::vector<double> sent, received;
  std::vector<std::int64_t> send_counts, receive_counts;
  const std::int64_t rows = a.local_rows();
  const CyclicAxis& axis = a.distribution().cols;
  // A sender packs by destination, a receiver unpacks by origin, both in the order of new columns.
  std::vector<std::vector<std::int64_t>> from(static_cast<std::size_t>(grid.npcol()));
  grid.parent().agree([&] {
    if (!grid.active()) return;
    send_counts.assign(from.size(), 0);
    receive_counts.assign(from.size(), 0);
    sent.reserve(static_cast<std::size_t>(rows * a.local_cols()));
    for (int to = 0; to < grid.npcol(); ++to)
      for (const std::int64_t j : axis.global_indices(to)) {
        const GlobalIndex old(source[static_cast<std::size_t>(j)]);
        const int owner = axis.owner(old);
        if (owner == grid.mycol()) {
          const double* column = a.local().col(axis.local(old).value());
          sent.insert(sent.end(), column, column + rows);
          send_counts[static_cast<std::size_t>(to)] += rows;
        }
        if (to == grid.mycol()) {
          from[static_cast<std::size_t>(owner)].push_back(axis.local(GlobalIndex(j)).value());
          receive_counts[static_cast<std::size_t>(owner)] += rows;
        }
      }
    received.resize(static_cast<std::size_t>(rows * a.local_cols()));
  });
  if (!grid.active()) return;
  exchange(grid.row_comm(), sent, send_counts, received, receive_counts);
  const double* next = received.data();
  for (const auto& columns : from)
    for (const std::int64_t j : columns) {
      std::copy_n(next, rows, a.local().col(j));
      next += rows;
    }
}

void orthonormalise(DistMatrix& u) {
  const std::int64_t k = u.cols();
  if (k == 0) return;
  double defect = 1;
  for (int step = 0; step < 3 && defect * defect > unit_roundoff; ++step) {
    const std::optional<double> before = cholesky_orthonormalise(u);
    defect = before.value_or(1);
    if (!(defect < 0.9))
      throw AgreedError(ExitCode::solver, "{} left singular vectors are linearly dependent: {:.2g}",
                        k, defect);
  }
}

DistMatrix completed_basis(const DistMatrix& u) {
  const std::int64_t n = u.rows(), known = u.cols();
  DistMatrix projector = DistMatrix::make(u.grid(), n, n, u.mb(), u.nb());
  projector.fill(0);
  if (known > 0) rank_k_update(Op::none, 1.0, u, 0.0, projector);
  const EigenRequest request{.count = 0, .vectors = true};
  const SolverPlan plan = plan_solver(request, n, u.grid().parent().size(),
                                      {.grid = u.grid().shape(), .block = u.nb(), .memory = {}});
  EigenResult eigen = Eigensolver(plan.backend).solve(projector, SymmetricFill::lower, request);
  redistribute_block(u, GlobalIndex(0), GlobalIndex(0), *eigen.vectors, GlobalIndex(0),
                     GlobalIndex(0), n, known);
  return std::move(*eigen.vectors);
}

}  // namespace fathom
