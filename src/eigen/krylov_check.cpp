#include "eigen/krylov_check.hpp"

#include "base/random.hpp"
#include "bindings/blas.hpp"
#include "eigen/matrix_operator.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

namespace fathom {
namespace {

/// An orthonormal basis that grows column by column, and A times it.
class Basis {
 public:
  Basis(std::int64_t n, std::int64_t most)
      : n_(n), q_(static_cast<std::size_t>(n * most)), w_(static_cast<std::size_t>(n * most)) {}

  std::int64_t size() const { return size_; }
  MatrixView<double> q(std::int64_t first, std::int64_t count) {
    return {q_.data() + first * n_, n_, count, std::max<std::int64_t>(1, n_)};
  }
  MatrixView<double> w(std::int64_t first, std::int64_t count) {
    return {w_.data() + first * n_, n_, count, std::max<std::int64_t>(1, n_)};
  }
  std::span<const double> columns(std::int64_t first, std::int64_t count) const {
    return {q_.data() + first * n_, static_cast<std::size_t>(count * n_)};
  }

  /// Orthogonalises x twice against the basis and appends it; a column that is in the span to
  /// rounding is dropped.
  void append(std::span<double> x) {
    if (static_cast<std::size_t>((size_ + 1) * n_) > q_.size()) return;
    const double before = blas::nrm2(x);
    if (!(before > 0)) return;
    for (int pass = 0; pass < 2 && size_ > 0; ++pass) {
      std::vector<double> h(static_cast<std::size_t>(size_));
      blas::gemv(Op::transpose, 1.0, q(0, size_), x, 0.0, h);
      blas::gemv(Op::none, -1.0, q(0, size_), h, 1.0, x);
      if (pass == 0 && blas::nrm2(x) < 1e-10 * before) return;
    }
    const double after = blas::nrm2(x);
    if (!(after > 0)) return;
    double* column = q(size_, 1).data;
    for (std::int64_t i = 0; i < n_; ++i)
      column[i] = x[static_cast<std::size_t>(i)] / after;
    ++size_;
  }

 private:
  std::int64_t n_;
  std::int64_t size_ = 0;
  std::vector<double> q_, w_;
};

RitzPairs rayleigh_ritz(Basis& basis, std::int64_t n) {
  const std::int64_t m = basis.size();
  std::vector<double> t_storage(static_cast<std::size_t>(m * m)),
      r_storage(static_cast<std::size_t>(n * m));
  const MatrixView<double> t{t_storage.data(), m, m, std::max<std::int64_t>(1, m)};
  const MatrixView<double> r{r_storage.data(), n, m, std::max<std::int64_t>(1, n)};
  blas::gemm(Op::transpose, Op::none, 1.0, basis.q(0, m), basis.w(0, m), 0.0, t);

  RitzPairs pairs;
  for (std::int64_t j = 0; j < m; ++j)
    for (std::int64_t i = 0; i < j; ++i) {
      pairs.asymmetry = std::max(pairs.asymmetry, std::abs(t(i, j) - t(j, i)));
      t(i, j) = t(j, i) = 0.5 * (t(i, j) + t(j, i));
    }
  pairs.value = lapack::syevd(t, Triangle::lower, true);
  blas::gemm(Op::none, Op::none, 1.0, basis.w(0, m), t, 0.0, r);
  for (std::int64_t j = 0; j < m; ++j) {
    std::span<double> column{r.col(j), static_cast<std::size_t>(n)};
    blas::gemv(Op::none, -pairs.value[static_cast<std::size_t>(j)], basis.q(0, m),
               {t.col(j), static_cast<std::size_t>(m)}, 1.0, column);
    pairs.residual.push_back(blas::nrm2(column));
  }
  std::reverse(pairs.value.begin(), pairs.value.end());
  std::reverse(pairs.residual.begin(), pairs.residual.end());
  return pairs;
}

void refuse_nonfinite(std::span<const double> product, const LinearOperator& a) {
  if (!std::all_of(product.begin(), product.end(), [](double x) { return std::isfinite(x); }))
    throw Error(ExitCode::numeric, "a product of {} (order {}) holds NaN or Inf", a.description(),
                a.order());
}

struct Nearest {
  double distance;  ///< to the nearest value
  double gap;       ///< to the nearest but one
};

/// @pre descending and not empty
Nearest nearest(double x, std::span<const double> descending) {
  const auto size = static_cast<std::ptrdiff_t>(descending.size());
  const auto below = std::lower_bound(descending.begin(), descending.end(), x, std::greater<>()) -
                     descending.begin();
  Nearest found{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  for (std::ptrdiff_t k = std::max<std::ptrdiff_t>(0, below - 2);
       k < std::min<std::ptrdiff_t>(size, below + 2); ++k) {
    const double d = std::abs(descending[static_cast<std::size_t>(k)] - x);
    if (d < found.distance)
      found = {d, found.distance};
    else if (d < found.gap)
      found.gap = d;
  }
  return found;
}

}  // namespace

double RitzPairs::norm() const {
  return value.empty() ? 0.0 : std::max(std::abs(value.front()), std::abs(value.back()));
}

RitzPairs random_krylov(const Communicator& comm, const LinearOperator& a, int probes, int steps,
                        std::uint64_t seed) {
  // Only the products are shared out: rank 0 keeps the basis, so that all ranks see the same bits.
  const std::int64_t n = a.order();
  std::optional<Basis> basis;
  std::vector<double> block, product;
  comm.agree([&] {
    block.resize(static_cast<std::size_t>(n * probes));
    if (!comm.root()) return;
    basis.emplace(n, std::min<std::int64_t>(n, static_cast<std::int64_t>(probes) * steps));
    std::vector<std::int64_t> items(static_cast<std::size_t>(probes));
    std::iota(items.begin(), items.end(), 0);
    fill_normal({seed, Stream::probes}, items, 0,
                {block.data(), n, probes, std::max<std::int64_t>(1, n)});
  });

  for (int step = 0; step < steps; ++step) {
    std::int64_t added = 0;
    comm.agree([&] {
      if (!comm.root()) return;
      const std::int64_t first = basis->size();
      for (std::size_t start = 0; start < block.size(); start += static_cast<std::size_t>(n))
        basis->append({block.data() + start, static_cast<std::size_t>(n)});
      added = basis->size() - first;
      const auto fresh = basis->columns(first, added);
      block.assign(fresh.begin(), fresh.end());
    });
    comm.broadcast(std::span(&added, 1));
    if (added == 0) break;
    block.resize(static_cast<std::size_t>(n * added));
    comm.broadcast(block);
    product.resize(block.size());
    const std::int64_t ld = std::max<std::int64_t>(1, n);
    a.apply({block.data(), n, added, ld}, {product.data(), n, added, ld});
    block.swap(product);
    comm.agree_on_root([&] {
      refuse_nonfinite(block, a);
      std::copy(block.begin(), block.end(), basis->w(basis->size() - added, added).data);
    });
  }

  RitzPairs pairs;
  comm.agree([&] {
    if (comm.root()) pairs = rayleigh_ritz(*basis, n);
  });
  std::int64_t size = static_cast<std::int64_t>(pairs.value.size());
  comm.broadcast(std::span(&size, 1));
  pairs.value.resize(static_cast<std::size_t>(size));
  pairs.residual.resize(static_cast<std::size_t>(size));
  comm.broadcast(pairs.value);
  comm.broadcast(pairs.residual);
  comm.broadcast(std::span(&pairs.asymmetry, 1));
  return pairs;
}

RitzPairs random_krylov(const DistMatrix& a, SymmetricFill fill, int probes, int steps,
                        std::uint64_t seed) {
  return random_krylov(a.grid().parent(), MatrixOperator(a, fill), probes, steps, seed);
}

double ritz_value_excess(const RitzPairs& ritz, std::span<const double> eigenvalue, bool all) {
  double worst = 0;
  for (std::size_t i = 0; i < ritz.value.size(); ++i) {
    const double theta = ritz.value[i], rho = ritz.residual[i];
    if (!all && !(theta - rho > eigenvalue.back())) continue;
    Nearest found = nearest(theta, eigenvalue);
    if (!all) found.gap = std::min(found.gap, theta - eigenvalue.back());
    const double radius = rho < found.gap ? rho * (rho / found.gap) : rho;
    worst = std::max(worst, found.distance - radius);
  }
  return worst;
}

double ritz_order_excess(const RitzPairs& ritz, std::span<const double> eigenvalue, bool all) {
  double worst = 0;
  const std::size_t size = std::min(ritz.value.size(), eigenvalue.size());
  for (std::size_t i = 0; i < size; ++i) {
    worst = std::max(worst, ritz.value[i] - eigenvalue[i]);
    if (all)
      worst = std::max(
          worst, eigenvalue[eigenvalue.size() - 1 - i] - ritz.value[ritz.value.size() - 1 - i]);
  }
  return worst;
}

}  // namespace fathom
