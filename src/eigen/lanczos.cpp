#include "eigen/lanczos.hpp"

#include "base/fault.hpp"
#include "base/random.hpp"
#include "bindings/blas.hpp"
#include "comm/exchange.hpp"
#include "dist/distribution.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/lanczos_keeper.hpp"
#include "eigen/lanczos_quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fathom {
namespace {

/// The slices of all ranks as one block that stands on every rank: count × m of each,
/// column-major; `whole` n × m. Collective.
void assemble(const Communicator& comm, const CyclicAxis& axis, std::span<const double> slices,
              std::int64_t m, std::span<double> buffer, std::span<double> whole) {
  std::vector<std::int64_t> counts;
  for (int rank = 0; rank < comm.size(); ++rank)
    counts.push_back(axis.local_extent(rank) * m);
  all_gather(comm, slices, counts, buffer);
  const double* part = buffer.data();
  for (int rank = 0; rank < comm.size(); ++rank) {
    const std::int64_t rows = axis.local_extent(rank);
    for (std::int64_t j = 0; j < m; ++j, part += rows)
      std::copy_n(part, rows, whole.data() + j * axis.extent() + axis.block() * rank);
  }
}

/// Sums over the ranks with the same bits on all of them.
void sum_alike(const Communicator& comm, std::span<double> values) {
  comm.sum(values);
  comm.broadcast(values);
}

class BlockedLanczos {
 public:
  BlockedLanczos(const Communicator& comm, const LinearOperator& a, MatrixView<const double> starts,
                 const LanczosOptions& options)
      : comm_(comm),
        a_(a),
        options_(options),
        n_(a.order()),
        m_(starts.cols),
        steps_(std::min<std::int64_t>(options.steps, a.order())),
        vectors_(comm, n_, m_, steps_),
        rows_(vectors_.axis().local_extent(comm.rank())),
        first_(std::min(n_, vectors_.axis().block() * comm.rank())) {
    FATHOM_ASSERT(starts.rows == n_ && m_ >= 1 && options.steps >= 1,
                  "{} x {} start vectors, order {}, {} steps", starts.rows, m_, n_, options.steps);
    comm.agree([&] {
      fault_point("eigen.lanczos");
      const auto block = static_cast<std::size_t>(n_ * m_);
      x_.resize(block), y_.resize(block), buffer_.resize(block);
      vectors_.allocate();
      slice_.resize(static_cast<std::size_t>(rows_ * m_));
    });
    result_.probe.resize(static_cast<std::size_t>(m_));
    take_starts(starts);
  }

  LanczosResult run() {
    if (options_.keeper != nullptr) take_up(options_.keeper->resume(vectors_));
    while (step_ < steps_ && active()) {
      append_to_basis();
      if (options_.keeper != nullptr) options_.keeper->between(mark(), vectors_);
      assemble(comm_, vectors_.axis(), slice_, m_, buffer_, x_);
      a_.apply(view(x_), view(y_));
      ++result_.products;
      orthogonalise();
      ++step_;
      if (options_.after_step) options_.after_step(step_);
    }
    refuse_asymmetry();
    find_resolved();
    return std::move(result_);
  }

 private:
  MatrixView<double> view(std::vector<double>& block) const { return {block.data(), n_, m_, n_}; }
  Tridiagonal& probe(std::int64_t p) { return result_.probe[static_cast<std::size_t>(p)]; }
  double* column(std::int64_t p) { return slice_.data() + p * rows_; }
  std::span<double> residual(std::int64_t p) {
    return {column(p), static_cast<std::size_t>(rows_)};
  }
  MatrixView<double> basis(std::int64_t p, std::int64_t count) { return vectors_.of(p, count); }
  bool active() {
    return std::any_of(result_.probe.begin(), result_.probe.end(),
                       [](const Tridiagonal& t) { return !t.exhausted; });
  }
  /// What rounding leaves of a product: below it a residual says nothing.
  double noise() const { return 10 * std::max(unit_roundoff, a_.relative_error()) * result_.norm; }

  void take_starts(MatrixView<const double> starts) {
    std::vector<double> norm;
    for (std::int64_t p = 0; p < m_; ++p) {
      std::copy_n(starts.col(p) + first_, rows_, column(p));
      norm.push_back(blas::nrm2({starts.col(p), static_cast<std::size_t>(n_)}));
    }
    comm_.broadcast(norm);
    refuse_nonfinite(norm, "a start vector");
    for (std::int64_t p = 0; p < m_; ++p) {
      probe(p).start_norm = norm[static_cast<std::size_t>(p)];
      probe(p).exhausted = !(probe(p).start_norm > 0);
      if (!probe(p).exhausted) blas::scal(1 / probe(p).start_norm, residual(p));
    }
  }

  LanczosMark mark() const { return {step_, result_.probe, result_.norm, largest_defect_}; }

  /// The vectors of the next step stand behind those of the steps that are done.
  void take_up(const LanczosMark& kept) {
    if (kept.done == 0) return;
    FATHOM_ASSERT(std::ssize(kept.probe) == m_ && kept.done < steps_,
                  "{} start vectors, {} products", kept.probe.size(), kept.done);
    step_ = kept.done;
    result_.products = static_cast<int>(step_);
    result_.probe = kept.probe;
    result_.norm = kept.norm;
    largest_defect_ = kept.largest_defect;
    for (std::int64_t p = 0; p < m_; ++p)
      std::copy_n(basis(p, steps_).col(step_), rows_, column(p));
  }

  /// Start vectors that are exhausted go on as zeros, so that blocks keep their shape.
  void append_to_basis() {
    for (std::int64_t p = 0; p < m_; ++p) {
      if (probe(p).exhausted) std::fill_n(column(p), rows_, 0.0);
      std::copy_n(column(p), rows_, basis(p, steps_).col(step_));
    }
  }

  /// h = Qᵀw for all start vectors, w ← w − Qh.
  std::vector<double> project_out() {
    const std::int64_t count = step_ + 1;
    std::vector<double> h(static_cast<std::size_t>(m_ * count), 0.0);
    const auto of = [&](std::int64_t p) {
      return std::span<double>(h.data() + p * count, static_cast<std::size_t>(count));
    };
    for (std::int64_t p = 0; p < m_ && rows_ > 0; ++p)
      blas::gemv(Op::transpose, 1.0, basis(p, count), residual(p), 0.0, of(p));
    sum_alike(comm_, h);
    for (std::int64_t p = 0; p < m_ && rows_ > 0; ++p)
      blas::gemv(Op::none, -1.0, basis(p, count), of(p), 1.0, residual(p));
    return h;
  }

  void orthogonalise() {
    for (std::int64_t p = 0; p < m_; ++p)
      std::copy_n(y_.data() + p * n_ + first_, rows_, column(p));
    const std::vector<double> h = project_out();
    refuse_nonfinite(h, "a product");
    const std::vector<double> correction = project_out();
    std::vector<double> norm;
    for (std::int64_t p = 0; p < m_; ++p) {
      const double local = blas::nrm2(residual(p));
      norm.push_back(local * local);
    }
    sum_alike(comm_, norm);
    for (std::int64_t p = 0; p < m_; ++p)
      if (!probe(p).exhausted)
        record(p, {h.data() + p * (step_ + 1), static_cast<std::size_t>(step_ + 1)},
               correction[static_cast<std::size_t>((p + 1) * (step_ + 1) - 1)],
               std::sqrt(norm[static_cast<std::size_t>(p)]));
  }

  /// One column of QᵀAQ: the last entry is alpha, the one before it the last beta, the others zero.
  void record(std::int64_t p, std::span<const double> h, double correction, double beta) {
    Tridiagonal& t = probe(p);
    for (std::size_t i = 0; i + 1 < h.size(); ++i) {
      const double expected = i + 2 == h.size() ? t.beta.back() : 0.0;
      largest_defect_ = std::max(largest_defect_, std::abs(h[i] - expected));
    }
    t.alpha.push_back(h.back() + correction);
    t.beta.push_back(beta);
    result_.norm = std::max(result_.norm, std::hypot(t.alpha.back(), beta));
    if (step_ + 1 == n_ || beta <= noise())
      t.exhausted = true;
    else
      blas::scal(1 / beta, residual(p));
  }

  void refuse_nonfinite(std::span<const double> values, const char* what) const {
    const auto bad = std::find_if_not(values.begin(), values.end(),
                                      [](double value) { return std::isfinite(value); });
    if (bad != values.end())
      throw AgreedError(ExitCode::numeric, "{} of {} ({} x {}) holds NaN or Inf at Lanczos step {}",
                        what, a_.description(), n_, n_, step_ + 1);
  }

  void refuse_asymmetry() {
    result_.asymmetry = result_.norm > 0 ? largest_defect_ / result_.norm : 0.0;
    const double limit = std::max(options_.asymmetry_limit, 100 * a_.relative_error());
    if (result_.asymmetry > limit)
      throw AgreedError(
          ExitCode::numeric,
          "{} is not symmetric: its projection on a Krylov space is off a tridiagonal matrix by "
          "{:.3g} of its norm, more than {:.3g}",
          a_.description(), result_.asymmetry, limit);
  }

  /// How many leading Ritz pairs every start vector has resolved, all of them to the same values.
  std::size_t common_head(const std::vector<RitzPoints>& ritz) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0;; ++j) {
      double low = infinity, high = -infinity, gap = infinity;
      for (std::size_t p = 0; p < ritz.size(); ++p) {
        const auto& value = ritz[p].value;
        if (j >= value.size()) return j;
        if (j + 1 < value.size()) gap = std::min(gap, value[j] - value[j + 1]);
        if (j + 1 == value.size() && !result_.probe[p].exhausted) return j;
        low = std::min(low, value[j]), high = std::max(high, value[j]);
      }
      const bool alike = high - low <= options_.resolved_below * gap && low > 100 * noise();
      for (const RitzPoints& r : ritz)
        if (!alike || !(r.residual[j] <= options_.resolved_below * gap)) return j;
    }
  }

  /// The Ritz vectors of all start vectors to one eigenvalue span its eigenspace, or m dimensions
  /// of it: their Gram matrix has as many eigenvalues away from zero.
  void find_resolved() {
    std::vector<RitzPoints> ritz;
    for (const Tridiagonal& t : result_.probe)
      ritz.push_back(ritz_points(t));
    const std::size_t head = common_head(ritz);
    if (head == 0) return;
    const auto square = static_cast<std::size_t>(m_ * m_);
    std::vector<double> grams(head * square, 0.0), vectors(slice_.size());
    for (std::size_t j = 0; j < head && rows_ > 0; ++j) {
      for (std::int64_t p = 0; p < m_; ++p) {
        const RitzPoints& r = ritz[static_cast<std::size_t>(p)];
        const auto k = static_cast<std::size_t>(probe(p).steps());
        blas::gemv(Op::none, 1.0, basis(p, static_cast<std::int64_t>(k)),
                   {r.vectors.data() + j * k, k}, 0.0,
                   {vectors.data() + p * rows_, static_cast<std::size_t>(rows_)});
      }
      const MatrixView<const double> v{vectors.data(), rows_, m_, rows_};
      blas::gemm(Op::transpose, Op::none, 1.0, v, v, 0.0, {grams.data() + j * square, m_, m_, m_});
    }
    sum_alike(comm_, grams);
    for (std::size_t j = 0; j < head; ++j) {
      const std::vector<double> spectrum =
          lapack::syevd({grams.data() + j * square, m_, m_, m_}, Triangle::lower, false);
      const auto dimensions = std::count_if(spectrum.begin(), spectrum.end(),
                                            [](double value) { return value > 1e-4; });
      if (dimensions == m_) return;
      double value = 0;
      for (const RitzPoints& r : ritz)
        value = std::max(value, r.value[j]);
      result_.resolved.insert(result_.resolved.end(), static_cast<std::size_t>(dimensions), value);
    }
  }

  const Communicator& comm_;
  const LinearOperator& a_;
  LanczosOptions options_;
  std::int64_t n_, m_, steps_;
  LanczosVectors vectors_;
  std::int64_t rows_;      // of this rank
  std::int64_t first_;     // of them
  std::int64_t step_ = 0;  // products recorded so far
  double largest_defect_ = 0;
  std::vector<double> x_, y_, buffer_;  // n × m
  std::vector<double> slice_;           // rows × m: the vectors of the next step
  LanczosResult result_;
};

}  // namespace

std::vector<double> gaussian_starts(std::int64_t n, std::int64_t m, std::uint64_t seed) {
  std::vector<double> block(static_cast<std::size_t>(n * m));
  std::vector<std::int64_t> columns(static_cast<std::size_t>(m));
  std::iota(columns.begin(), columns.end(), 0);
  fill_normal({seed, Stream::probes}, columns, 0,
              {block.data(), n, m, std::max<std::int64_t>(1, n)});
  return block;
}

LanczosResult lanczos(const Communicator& comm, const LinearOperator& a,
                      MatrixView<const double> starts, const LanczosOptions& options) {
  return BlockedLanczos(comm, a, starts, options).run();
}

}  // namespace fathom
