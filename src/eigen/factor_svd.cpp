#include "eigen/factor_svd.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "dist/factorisations.hpp"
#include "dist/operations.hpp"
#include "eigen/error_bound.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace fathom {
namespace {

constexpr std::int64_t probes = 2;
constexpr std::int64_t largest_dgesdd = 23000;  // 4q² + 7q doubles of workspace in 32 bits

bool on_one_rank(const DistMatrix& a) {
  return a.grid().nprow() == 1 && a.grid().npcol() == 1;
}

/// Probes of norm about 1, the same on any grid.
DistMatrix probe_block(const ProcessGrid& grid, std::int64_t rows, std::int64_t block) {
  DistMatrix z = DistMatrix::make(grid, rows, probes, block, block);
  const double norm = 1 / std::sqrt(double(rows));
  z.fill_from([&](std::int64_t i, std::int64_t j) {
    const auto key = static_cast<std::uint64_t>(i * probes + j + 1) * 0x9e3779b97f4a7c15u;
    return ((key ^ (key >> 29)) * 0xbf58476d1ce4e5b9u) >> 63 ? norm : -norm;
  });
  return z;
}

DistMatrix product(Op op, const DistMatrix& a, const DistMatrix& z) {
  DistMatrix y =
      DistMatrix::make(a.grid(), op == Op::none ? a.rows() : a.cols(), z.cols(), a.mb(), a.nb());
  multiply(op, Op::none, 1.0, a, z, 0.0, y);
  return y;
}

/// What the check needs of A, taken before A is destroyed.
struct Memory {
  double frobenius;
  DistMatrix z, az;  ///< q × m, p × m: right probes
  DistMatrix w, aw;  ///< p × m, q × m: left probes, Aᵀw

  explicit Memory(const DistMatrix& a)
      : frobenius(frobenius_norm(a, SymmetricFill::full)),
        z(probe_block(a.grid(), a.cols(), a.mb())),
        az(product(Op::none, a, z)),
        w(probe_block(a.grid(), a.rows(), a.mb())),
        aw(product(Op::transpose, a, w)) {}
};

void run_scalapack(DistMatrix& a, FactorSvd& svd, std::optional<DistMatrix>& vt) {
  const scalapack::Part none{nullptr, a.descriptor()};
  const int info = scalapack::pdgesvd(a.rows(), a.cols(), a.part(), svd.singular_value,
                                      svd.left.has_value(), svd.left ? svd.left->part() : none,
                                      vt.has_value(), vt ? vt->part() : none);
  if (info != 0) throw Error(ExitCode::solver, "ScaLAPACK: pdgesvd ended with info = {}", info);
}

void run_lapack(DistMatrix& a, FactorSvd& svd, std::optional<DistMatrix>& vt) {
  std::optional<DistMatrix> again;
  if (vt) {
    // Divide and conquer drops couplings below 64 ε σ₁, at every level; without vectors LAPACK
    // iterates by dqds, which drops them in proportion to their neighbours.
    again.emplace(a.grid(), a.rows(), a.cols(), a.mb(), a.nb());
    for (std::int64_t j = 0; j < a.local_cols(); ++j)
      std::copy_n(a.local().col(j), a.local_rows(), again->local().col(j));
    lapack::svd(a.local(), svd.left->local(), vt->local());
  }
  svd.singular_value = lapack::singular_values(again ? again->local() : a.local());
}

void run_jacobi(DistMatrix& a, FactorSvd& svd) {
  const MatrixView<double> none{nullptr, 0, 0, 1};
  svd.singular_value = lapack::preconditioned_jacobi_svd(
      a.local(), svd.left ? svd.left->local() : none, svd.right ? svd.right->local() : none);
}

/// max over the probes of ‖diag(σ)·(Vᵀx) − y‖ or, where `other` is null, of the difference of
/// norms; and of ‖V(Vᵀx)‖ against what orthonormal columns give.
double probe_defect(const DistMatrix& v, const std::vector<double>& sigma, const DistMatrix& x,
                    const DistMatrix& y, const DistMatrix* other) {
  DistMatrix inner = product(Op::transpose, v, x);
  scale_rows(inner, sigma);
  double defect = 0;
  if (other) {
    const DistMatrix found = product(Op::none, *other, inner);
    DistMatrix difference = DistMatrix::make(y.grid(), y.rows(), y.cols(), y.mb(), y.nb());
    for (std::int64_t j = 0; j < y.local_cols(); ++j)
      for (std::int64_t i = 0; i < y.local_rows(); ++i)
        difference.local()(i, j) = found.local()(i, j) - y.local()(i, j);
    defect = frobenius_norm(difference, SymmetricFill::full);
  } else {
    defect = std::abs(frobenius_norm(inner, SymmetricFill::full) -
                      frobenius_norm(y, SymmetricFill::full));
  }
  return defect;
}

/// ‖Vᵀ(Vx) − x‖ over the probes x of V's columns.
double orthogonality_defect(const DistMatrix& v) {
  const DistMatrix x = probe_block(v.grid(), v.cols(), v.mb());
  DistMatrix back = product(Op::transpose, v, product(Op::none, v, x));
  for (std::int64_t j = 0; j < x.local_cols(); ++j)
    for (std::int64_t i = 0; i < x.local_rows(); ++i)
      back.local()(i, j) -= x.local()(i, j);
  return frobenius_norm(back, SymmetricFill::full);
}

void refuse(const char* what, double found, double allowed) {
  if (found <= allowed) return;
  throw AgreedError(ExitCode::solver,
                    "singular values failed their check: {} = {:.1e}, at most {:.1e}", what, found,
                    allowed);
}

void check(const FactorSvd& svd, const Memory& before) {
  const std::vector<double>& sigma = svd.singular_value;
  double sum = 0;
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    if (!std::isfinite(sigma[k]) || sigma[k] < 0 || (k > 0 && sigma[k] > sigma[k - 1]))
      throw AgreedError(ExitCode::solver, "singular value {} of {} is {} after {}", k, sigma.size(),
                        sigma[k], k > 0 ? sigma[k - 1] : 0.0);
    sum = std::hypot(sum, sigma[k]);
  }
  // Errors seen are some tens of ε at q = 1000; a routine that did not converge is off by 1e-8 and
  // more.
  const double allowed = unit_roundoff * (200 + 4 * double(sigma.size()));
  refuse("sum of squares", std::abs(sum - before.frobenius), allowed * before.frobenius);
  if (svd.right) {
    refuse("orthogonality of right vectors", orthogonality_defect(*svd.right), allowed);
    refuse("right vectors on probes",
           probe_defect(*svd.right, sigma, before.z, before.az, svd.left ? &*svd.left : nullptr),
           allowed * before.frobenius);
  }
  if (svd.left) {
    refuse("orthogonality of left vectors", orthogonality_defect(*svd.left), allowed);
    refuse("left vectors on probes",
           probe_defect(*svd.left, sigma, before.w, before.aw, svd.right ? &*svd.right : nullptr),
           allowed * before.frobenius);
  }
}

FactorSvdMethod choose(const DistMatrix& a, FactorSvdMethod wanted) {
  if (wanted == FactorSvdMethod::automatic)
    return on_one_rank(a) && a.cols() <= largest_dgesdd ? FactorSvdMethod::lapack
                                                        : FactorSvdMethod::scalapack;
  if (wanted != FactorSvdMethod::scalapack && !on_one_rank(a))
    throw AgreedError(ExitCode::usage, "this singular value solver needs a 1 x 1 grid, not {} x {}",
                      a.grid().nprow(), a.grid().npcol());
  return wanted;
}

}  // namespace

FactorSvd factor_svd(DistMatrix& a, bool right, bool left, FactorSvdMethod method) {
  FATHOM_ASSERT(a.rows() >= a.cols() && a.mb() == a.nb(), "svd of {} x {} in blocks {} x {}",
                a.rows(), a.cols(), a.mb(), a.nb());
  const ProcessGrid& grid = a.grid();
  const std::int64_t p = a.rows(), q = a.cols(), nb = a.nb();
  method = choose(a, method);
  if (const NonFinite bad = count_nonfinite(a); bad.count > 0)
    throw AgreedError(ExitCode::numeric,
                      "{} entries of a reduced factor are NaN or infinite, one of them at row {}, "
                      "column {} (from 0)",
                      bad.count, bad.row, bad.col);
  const Memory before(a);
  FactorSvd svd;
  std::optional<DistMatrix> vt;
  const bool jacobi = method == FactorSvdMethod::jacobi;
  // dgesdd makes both kinds of vectors or none.
  const bool both = method == FactorSvdMethod::lapack && (left || right);
  grid.parent().agree([&] {
    fault_point("eigen.svd");
    svd.singular_value.assign(static_cast<std::size_t>(q), 0.0);
    if (left || both) svd.left.emplace(grid, p, q, nb, nb);
    if (jacobi && right) svd.right.emplace(grid, q, q, nb, nb);
    if (!jacobi && (right || both)) vt.emplace(grid, q, q, nb, nb);
  });
  std::exception_ptr failure;
  if (grid.active() && q > 0) {
    try {
      if (method == FactorSvdMethod::scalapack)
        run_scalapack(a, svd, vt);
      else if (jacobi)
        run_jacobi(a, svd);
      else
        run_lapack(a, svd, vt);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  grid.parent().agree([&] {
    if (failure) std::rethrow_exception(failure);
    if (fault_armed("eigen.svd", "shift") && !svd.singular_value.empty())
      svd.singular_value.back() += svd.singular_value.front() * 1e-3;
  });
  grid.parent().broadcast(svd.singular_value);  // idle ranks have none yet
  if (fault_armed("eigen.svd", "swap") && vt && vt->local_rows() > 0 && vt->local_cols() > 0)
    vt->local()(0, 0) += 1e-3;
  if (vt && right) {
    svd.right.emplace(DistMatrix::make(grid, q, q, nb, nb));
    transpose(*vt, *svd.right);
  }
  if (!left) svd.left.reset();
  check(svd, before);
  return svd;
}

}  // namespace fathom
