#include "eigen/cascade.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "dist/factorisations.hpp"
#include "dist/operations.hpp"
#include "eigen/cascade_basis.hpp"
#include "eigen/cascade_bounds.hpp"
#include "eigen/cascade_probes.hpp"
#include "eigen/cascade_result.hpp"
#include "eigen/cascade_vectors.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/factor_rows.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fathom {
namespace {

int exponent_of(double largest) {
  int exponent = 0;
  if (largest > 0) std::frexp(largest, &exponent);
  return exponent;
}

/// Columns of a subspace iteration. Half of the largest number, squared, stands on every rank.
constexpr std::int64_t least_width = 16, largest_width = 4000;

/// Rank 0's value: all ranks decide by the same bits.
double agreed(const Communicator& comm, double value) {
  comm.broadcast(std::span(&value, 1));
  return value;
}

/// One level after another on the matrix that is left.
class Cascade {
 public:
  Cascade(DistMatrix a, const CascadeOptions& options, Progress& progress)
      : a_(std::move(a)),
        grid_(a_.grid()),
        comm_(grid_.parent()),
        options_(options),
        progress_(progress),
        block_(a_.nb()),
        rows_(a_.rows()),
        cols_(a_.cols()) {
    FATHOM_ASSERT(rows_ >= cols_ && cols_ >= 1 && a_.mb() == a_.nb(),
                  "{} x {} in blocks of {} x {}", rows_, cols_, a_.mb(), a_.nb());
    weight_ = row_norms(a_);
    comm_.broadcast(weight_);
    for (double& w : weight_)
      w = w > 0 ? 1 / w : 0.0;
  }

  CascadeResult run() {
    if (options_.left || row_wise())
      heads_.emplace(DistMatrix::make(grid_, rows_, cols_, block_, block_));
    while (done_ < cols_ && worth_a_level())
      level();
    finish_unresolved();
    share_interleaved_errors(out_);
    sort_modes(out_);
    return std::move(out_);
  }

 private:
  struct Leak {
    double norm, smallest_head;  ///< ‖X‖ and the smallest singular value of the head
  };

  /// Brings the largest entry near 1, and decides whether anything in the rest can be trusted.
  bool worth_a_level() {
    const double largest = max_abs(a_);
    if (!(largest > 0)) return false;
    const int shift = exponent_of(largest);
    scale_by_power(a_, -shift);
    exponent_ += shift;
    const double norm = agreed(comm_, frobenius_norm(a_, SymmetricFill::full));
    const double hopeless = 20 * (options_.absolute_error + absolute_);
    const double row_wise = options_.row_condition * row_relative_;
    return in_units(norm) > hopeless || row_wise < 0.04;
  }

  bool row_wise() const { return std::isfinite(options_.row_condition); }

  double in_units(double x) const { return std::ldexp(x, exponent_); }

  void level() {
    comm_.agree([] { fault_point("cascade.level"); });
    CascadeLevel level;
    level.order = a_.cols();
    const LevelBasis basis = choose_basis(level);
    level.head = basis.head();
    level.small_head = !basis.full();
    deflate(level, basis);
    out_.levels.push_back(level);
    const auto head = std::span(out_.singular_value).last(static_cast<std::size_t>(level.head));
    const double top = out_.levels.front().norm;
    progress_.note(fmt::format(
        "cascade level {}: {} modes, {} finished, sigma/sigma_1 {:.3g} to {:.3g}, rest {:.3g}; "
        "errors {:.2g} absolute, orthogonality {:.2g}, leak {:.2g}",
        out_.levels.size(), level.order, level.head, level.norm / top,
        *std::min_element(head.begin(), head.end()) / top, level.rest / top, level.absolute / top,
        level.orthogonality, level.leak));
  }

  /// A small head needs no eigenvectors of the rest: those of the next levels will do.
  LevelBasis choose_basis(CascadeLevel& level) {
    const std::int64_t m = a_.cols();
    const std::int64_t last = out_.levels.empty() ? 0 : out_.levels.back().head;
    const std::int64_t expected = expected_head(m, done_, last);
    const std::int64_t width = std::max(least_width, expected / 2 * 5);
    if (m >= options_.subspace_from && width <= std::min(m / 4, largest_width) && subspace_pays_) {
      Timer timer;
      std::optional<DistMatrix> space =
          leading_space(a_, width, options_.threshold, options_.seed + out_.levels.size());
      level.eigen_seconds = timer.seconds();
      if (space) return LevelBasis::reflector(std::move(*space));
      subspace_pays_ = false;
    }
    return eigenvectors(level);
  }

  LevelBasis eigenvectors(CascadeLevel& level) {
    const std::int64_t m = a_.cols();
    Timer timer;
    DistMatrix gram = DistMatrix::make(grid_, m, m, block_, block_);
    gram.fill(0);
    rank_k_update(Op::transpose, 1.0, a_, 0.0, gram);
    scale_by_power(gram, -exponent_of(max_abs(gram)));
    level.product_seconds += timer.seconds();
    const EigenRequest request{.count = 0, .vectors = true};
    const SolverPlan plan = plan_solver(request, m, comm_.size(),
                                        {.grid = grid_.shape(), .block = block_, .memory = {}});
    EigenResult eigen = Eigensolver(plan.backend).solve(gram, SymmetricFill::lower, request);
    level.eigen_seconds += eigen.seconds;
    return LevelBasis(std::move(*eigen.vectors), head_size(eigen.eigenvalue, options_.threshold));
  }

  /// B = A V, its head finished, its rest made orthogonal to the head and put in the place of A.
  void deflate(CascadeLevel& level, const LevelBasis& v) {
    const std::int64_t m = level.order, k = level.head, rest = m - k;
    Timer timer;
    DistMatrix b = v.product(a_);
    DistMatrix earlier = DistMatrix::make(grid_, heads_ ? done_ : 0, m, block_, block_);
    take_off_earlier_heads(b, earlier);
    const std::vector<double> norm = leading_column_norms(b, k);
    DistMatrix q = leading_columns(b, k);
    std::vector<double> reciprocal(norm.size());
    std::transform(norm.begin(), norm.end(), reciprocal.begin(),
                   [](double s) { return s > 0 ? 1 / s : 0.0; });
    scale_columns(q, reciprocal);
    const HeadGram head = head_gram(q, norm);
    level.overlap = overlap_with_earlier(q);
    DistMatrix x = DistMatrix::make(grid_, k, rest, block_, block_);
    x.fill(0);
    if (rest > 0) take_off_leak(q, reciprocal, head.cosine, b, x);
    level.leak = rest > 0 ? agreed(comm_, frobenius_norm(x, SymmetricFill::full)) : 0.0;
    level.product_seconds += timer.seconds();

    timer.restart();
    measure(level, v, b, x, earlier, norm);
    level.check_seconds = timer.seconds();
    timer.restart();
    a_ = DistMatrix::make(grid_, rows_, rest, block_, block_);
    redistribute_block(b, GlobalIndex(0), GlobalIndex(k), a_, GlobalIndex(0), GlobalIndex(0), rows_,
                       rest);
    level.rest = rest > 0 ? in_units(agreed(comm_, frobenius_norm(a_, SymmetricFill::full))) : 0.0;
    finish_head(level, norm, head.residual);
    if (heads_)
      redistribute_block(q, GlobalIndex(0), GlobalIndex(0), *heads_, GlobalIndex(0),
                         GlobalIndex(done_), rows_, k);
    if (options_.right) keep_right(v, x, level.leak);
    done_ += k;
    level.product_seconds += timer.seconds();
  }

  /// B ← (I − QQᵀ)B for the heads Q of earlier levels, twice, where rows are graded: a row-wise
  /// error of this level is small beside the row of the first level, but not beside the small
  /// singular values unless its part in the space of the heads is taken off. C ← what was taken
  /// off.
  void take_off_earlier_heads(DistMatrix& b, DistMatrix& taken) {
    taken.fill(0);
    earlier_leak_ = 0;
    const std::int64_t m = b.cols();
    if (taken.rows() == 0) return;
    DistMatrix c = DistMatrix::make(grid_, done_, m, block_, block_);
    for (int pass = 0; pass < 2; ++pass) {
      multiply_parts(grid_, Op::transpose, Op::none, done_, m, rows_, 1.0, heads_->part(), b.part(),
                     0.0, c.part());
      multiply_parts(grid_, Op::none, Op::none, rows_, m, done_, -1.0, heads_->part(), c.part(),
                     1.0, b.part());
      add(c, taken);
    }
    std::vector<double> reciprocal(static_cast<std::size_t>(done_));
    for (std::size_t i = 0; i < reciprocal.size(); ++i)
      reciprocal[i] = 1 / std::ldexp(out_.singular_value[i], -exponent_);
    for (std::int64_t j = 0; j < taken.local_cols(); ++j)
      std::copy_n(taken.local().col(j), taken.local_rows(), c.local().col(j));
    scale_rows(c, reciprocal);
    earlier_leak_ = agreed(comm_, frobenius_norm(c, SymmetricFill::full));
  }

  /// ‖Q_earlierᵀQ‖_F: the sines of what is not orthogonal among finished columns.
  double overlap_with_earlier(const DistMatrix& q) {
    if (!row_wise() || done_ == 0) return 0;
    const std::int64_t k = q.cols();
    DistMatrix c = DistMatrix::make(grid_, done_, k, block_, block_);
    multiply_parts(grid_, Op::transpose, Op::none, done_, k, rows_, 1.0, heads_->part(), q.part(),
                   0.0, c.part());
    return agreed(comm_, frobenius_norm(c, SymmetricFill::full));
  }

  struct HeadGram {
    std::vector<double> residual;  ///< per column of B_hᵀB_h without its diagonal
    double cosine;                 ///< ‖Q_hᵀQ_h − I‖_F without its diagonal
  };

  HeadGram head_gram(const DistMatrix& q, std::span<const double> norm) {
    const std::int64_t k = q.cols();
    DistMatrix gram = DistMatrix::make(grid_, k, k, block_, block_);
    rank_k_update(Op::transpose, 1.0, q, 0.0, gram);
    HeadGram out{std::vector<double>(static_cast<std::size_t>(k), 0.0), 0.0};
    const auto local = gram.local();
    double square = 0;
    for (std::int64_t j = 0; j < local.cols; ++j) {
      const auto col = static_cast<std::size_t>(gram.global_col(LocalIndex(j)).value());
      for (std::int64_t i = 0; i < local.rows; ++i) {
        const auto row = static_cast<std::size_t>(gram.global_row(LocalIndex(i)).value());
        if (row <= col) continue;
        const double coupling = norm[row] * norm[col] * local(i, j);
        out.residual[row] += coupling * coupling;
        out.residual[col] += coupling * coupling;
        square += 2 * local(i, j) * local(i, j);
      }
    }
    comm_.sum(std::span(out.residual));
    comm_.broadcast(out.residual);
    for (double& r : out.residual)
      r = std::sqrt(r);
    out.cosine = agreed(comm_, std::sqrt(comm_.sum(square)));
    return out;
  }

  /// B_r ← (I − QQᵀ)B_r, twice where Q is far from orthonormal; X ← Σ⁻¹ times what was taken off.
  void take_off_leak(const DistMatrix& q, std::span<const double> reciprocal, double cosine,
                     DistMatrix& b, DistMatrix& x) {
    const std::int64_t k = x.rows(), rest = x.cols();
    DistMatrix c = DistMatrix::make(grid_, k, rest, block_, block_);
    double left_over = 1;
    for (int pass = 0; pass < 3 && left_over > unit_roundoff; ++pass) {
      multiply_parts(grid_, Op::transpose, Op::none, k, rest, rows_, 1.0, q.part(), b.part(0, k),
                     0.0, c.part());
      multiply_parts(grid_, Op::none, Op::none, rows_, rest, k, -1.0, q.part(), c.part(), 1.0,
                     b.part(0, k));
      scale_rows(c, reciprocal);
      add(c, x);
      // What a pass leaves behind is its own part times the head's lack of orthogonality.
      left_over = agreed(comm_, frobenius_norm(c, SymmetricFill::full)) * cosine;
    }
  }

  /// By random columns ω: A(Vω) − B(Nω), VᵀVω − ω, Σ⁻¹QᵀB_rω.
  void measure(CascadeLevel& level, const LevelBasis& v, const DistMatrix& b, const DistMatrix& x,
               const DistMatrix& earlier, std::span<const double> norm) {
    const std::int64_t m = level.order, k = level.head, rest = m - k;
    const PreciseColumns omega =
        random_signs(m, options_.probes, options_.seed + out_.levels.size());
    PreciseColumns tail(rest, omega.cols), head(k, omega.cols);
    for (std::int64_t c = 0; c < omega.cols; ++c) {
      std::copy_n(&omega.hi[omega.at(k, c)], rest, &tail.hi[tail.at(0, c)]);
      std::copy_n(&omega.hi[omega.at(0, c)], k, &head.hi[head.at(0, c)]);
    }
    const PreciseColumns leaked = precise_apply(Op::none, x, tail);
    const PreciseColumns b_tail = precise_apply(Op::none, b, k, rest, tail);
    const PreciseColumns b_head = precise_apply(Op::none, b, 0, k, sum(head, leaked));
    const PreciseColumns turned = v.apply(Op::none, omega);
    const PreciseColumns product = precise_apply(Op::none, a_, turned);
    PreciseColumns missed = difference(product, sum(b_head, b_tail));
    if (earlier.rows() > 0)
      missed = difference(missed, precise_apply(Op::none, *heads_, 0, done_,
                                                precise_apply(Op::none, earlier, omega)));
    level.absolute = in_units(frobenius_from_signs(missed, m));
    level.row_relative = in_units(frobenius_from_signs(missed, m, weight_));
    level.orthogonality =
        frobenius_from_signs(difference(v.apply(Op::transpose, turned), omega), m);
    if (rest == 0) return;
    const PreciseColumns overlap = precise_apply(Op::transpose, b, 0, k, b_tail);
    std::vector<double> weight(norm.size());
    std::transform(norm.begin(), norm.end(), weight.begin(), [](double s) { return 1 / s; });
    // What is left of the rest in the space of the head: a part of its error as a matrix by itself.
    level.absolute += in_units(frobenius_from_signs(overlap, m, weight));
    for (double& w : weight)
      w *= w;
    level.residual_leak = frobenius_from_signs(overlap, m, weight);
  }

  void finish_head(CascadeLevel& level, std::span<const double> norm,
                   std::span<const double> residual) {
    const std::int64_t rest = level.order - level.head;
    const double smallest = *std::min_element(norm.begin(), norm.end());
    level.norm = in_units(*std::max_element(norm.begin(), norm.end()));
    absolute_ += level.absolute;
    row_relative_ += level.row_relative;
    relative_ += level.orthogonality + earlier_leak_;
    const std::vector<double> inner = head_errors(norm, residual);
    for (std::size_t i = 0; i < norm.size(); ++i) {
      const double sigma = in_units(norm[i]);
      const double ratio = std::min(1.0, level.rest / sigma);
      add_mode(sigma, absolute_, row_relative_,
               relative_ + inner[i] + 0.5 * leak_error(level.leak, ratio * ratio) + level.overlap +
                   level.residual_leak + earlier_leaks(sigma));
    }
    relative_ += level.residual_leak;
    if (rest > 0) leaks_.push_back({level.leak, in_units(smallest)});
  }

  double earlier_leaks(double sigma) const {
    double sum = 0;
    for (const Leak& leak : leaks_) {
      const double ratio = std::min(1.0, sigma / leak.smallest_head);
      sum += 0.5 * leak_error(leak.norm, ratio * ratio);
    }
    return sum;
  }

  void add_mode(double sigma, double absolute, double row_relative, double relative) {
    out_.singular_value.push_back(sigma);
    out_.absolute.push_back(absolute);
    out_.row_relative.push_back(row_relative);
    out_.relative.push_back(relative);
  }

  void keep_right(const LevelBasis& v, const DistMatrix& x, double leak) {
    if (out_.right)
      v.turn(*out_.right, done_);
    else
      out_.right.emplace(v.matrix());
    rotate_by_leak(*out_.right, done_, x, leak);
  }

  /// What is left when the cascade ends: only an upper bound of it is known.
  void finish_unresolved() {
    out_.resolved = done_;
    const double bound = done_ < cols_ ? in_units(norm_at_end()) : 0.0;
    for (std::int64_t j = done_; j < cols_; ++j)
      add_mode(0.0, bound * (1 + relative_) + absolute_, std::numeric_limits<double>::infinity(),
               relative_);
    if (options_.right && !out_.right) {
      out_.right.emplace(DistMatrix::make(grid_, cols_, cols_, block_, block_));
      out_.right->fill_from([](std::int64_t i, std::int64_t j) { return i == j ? 1.0 : 0.0; });
    }
    if (options_.left) {
      out_.left.emplace(leading_columns(*heads_, done_));
      heads_.reset();
    }
  }

  double norm_at_end() { return agreed(comm_, frobenius_norm(a_, SymmetricFill::full)); }

  DistMatrix a_;
  ProcessGrid grid_;
  const Communicator& comm_;
  const CascadeOptions& options_;
  Progress& progress_;
  std::int64_t block_, rows_, cols_;
  std::vector<double> weight_;  ///< one over the norm of every row
  int exponent_ = 0;            ///< the matrix that was given is a_·2^exponent_
  std::int64_t done_ = 0;
  double absolute_ = 0, row_relative_ = 0, relative_ = 0;  ///< of all levels so far
  bool subspace_pays_ = true;
  double earlier_leak_ = 0;  ///< ‖Σ⁻¹C‖_F of what this level took off in the space of earlier heads
  std::vector<Leak> leaks_;
  std::optional<DistMatrix> heads_;  ///< normalised columns of the heads so far
  CascadeResult out_;
};

}  // namespace

CascadeResult cascade(DistMatrix a, const CascadeOptions& options, Progress& progress) {
  return Cascade(std::move(a), options, progress).run();
}

}  // namespace fathom
