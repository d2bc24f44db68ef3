#include "base/assert.hpp"
#include "bindings/blas.hpp"
#include "comm/exchange.hpp"
#include "dist/operations.hpp"

#include <algorithm>
#include <vector>

namespace fathom {
namespace {

/// AᵀA on one grid row, where every rank holds whole columns: panels of rows are gathered and
/// multiplied on the spot, block column by block column down from the diagonal. PBLAS goes through
/// panels of a few rows instead and reaches half of dgemm's rate.
class GatheredRankK {
 public:
  /// Local; may throw bad_alloc.
  GatheredRankK(const DistMatrix& a, DistMatrix& c) : a_(a), c_(c), axis_(a.distribution().cols) {
    constexpr std::int64_t entries = std::int64_t{1} << 20, least = 64;
    height_ = std::min(a.rows(), std::max(least, entries / std::max<std::int64_t>(1, a.cols())));
    gathered_.resize(static_cast<std::size_t>(height_ * a.cols()));
    ordered_.resize(gathered_.size());
  }

  /// Collective over the grid row.
  void run(double alpha, double beta) {
    for (std::int64_t first = 0; first < a_.rows(); first += height_) {
      const std::int64_t height = std::min(height_, a_.rows() - first);
      gather(first, height);
      multiply(first, height, alpha, first == 0 ? beta : 1.0);
    }
  }

 private:
  void gather(std::int64_t first, std::int64_t height) {
    const ProcessGrid& grid = a_.grid();
    std::vector<std::int64_t> counts;
    std::int64_t mine = 0;
    for (int rank = 0; rank < grid.npcol(); ++rank) {
      if (rank < grid.mycol()) mine += height * axis_.local_extent(rank);
      counts.push_back(height * axis_.local_extent(rank));
    }
    for (std::int64_t j = 0; j < a_.local_cols(); ++j)
      std::copy_n(a_.local().col(j) + first, height, gathered_.data() + mine + j * height);
    all_gather_in_place(grid.row_comm(), counts,
                        std::span(gathered_).first(static_cast<std::size_t>(height * a_.cols())));
    const double* next = gathered_.data();
    for (int rank = 0; rank < grid.npcol(); ++rank)
      for (const CyclicAxis::Run& run : axis_.runs(rank)) {
        std::copy_n(next, height * run.count, ordered_.data() + height * run.global);
        next += height * run.count;
      }
  }

  void multiply(std::int64_t first, std::int64_t height, double alpha, double beta) {
    for (const CyclicAxis::Run& run : axis_.runs(a_.grid().mycol())) {
      const MatrixView<const double> mine = a_.local().block(first, run.local, height, run.count);
      blas::syrk(Triangle::lower, Op::transpose, alpha, mine, beta,
                 c_.local().block(run.global, run.local, run.count, run.count));
      const std::int64_t next = run.global + run.count, below = a_.cols() - next;
      if (below == 0) continue;
      const MatrixView<const double> left{ordered_.data() + height * next, height, below, height};
      blas::gemm(Op::transpose, Op::none, alpha, left, mine, beta,
                 c_.local().block(next, run.local, below, run.count));
    }
  }

  const DistMatrix& a_;
  DistMatrix& c_;
  CyclicAxis axis_;
  std::int64_t height_ = 0;
  std::vector<double> gathered_, ordered_;  // height × cols: by rank, and in global order
};

/// Small products are not worth a copy of their operand.
bool worth_gathering(const DistMatrix& a, const DistMatrix& c) {
  constexpr std::int64_t least_rows = 256, least_cols = 256;
  return a.grid().nprow() == 1 && a.grid().npcol() > 1 && a.rows() >= least_rows &&
         a.cols() >= least_cols && a.distribution().cols == c.distribution().cols;
}

}  // namespace

void rank_k_update(Op op, double alpha, const DistMatrix& a, double beta, DistMatrix& c) {
  FATHOM_ASSERT(
      a.grid().blacs_context() == c.grid().blacs_context() && a.grid().shape() == c.grid().shape(),
      "matrices on different grids");
  const std::int64_t order = op == Op::none ? a.rows() : a.cols(),
                     depth = op == Op::none ? a.cols() : a.rows();
  FATHOM_ASSERT(c.rows() == c.cols() && order == c.rows(), "rank-k update of {} x {} by {} x {}",
                c.rows(), c.cols(), order, depth);
  if (op == Op::transpose && worth_gathering(a, c)) {
    std::vector<GatheredRankK> update;
    a.grid().parent().agree([&] {
      if (a.grid().active()) update.emplace_back(a, c);
    });
    for (GatheredRankK& on_active_ranks : update)
      on_active_ranks.run(alpha, beta);
    return;
  }
  if (!c.grid().active() || c.rows() == 0) return;
  scalapack::pdsyrk(Triangle::lower, op, c.rows(), depth, alpha, a.part(), beta, c.part());
}

}  // namespace fathom
