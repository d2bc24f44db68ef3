#include "base/blas_int.hpp"
#include "bindings/lapack_calls.hpp"

#include <algorithm>
#include <cmath>

namespace fathom::lapack {
namespace {

void require_finite(MatrixView<const double> a, const char* routine) {
  for (std::int64_t j = 0; j < a.cols; ++j)
    for (std::int64_t i = 0; i < a.rows; ++i)
      if (!std::isfinite(a(i, j)))
        throw Error(ExitCode::numeric, "{}: element ({}, {}) of a {} x {} matrix is {}", routine, i,
                    j, a.rows, a.cols, a(i, j));
}

std::vector<double> workspace(std::int64_t length, const char* what) {
  to_blas_int(length, what);
  return std::vector<double>(static_cast<std::size_t>(length));
}

int leading(const MatrixView<double>& a) {
  return to_blas_int(std::max<std::int64_t>(1, a.ld), "leading dimension");
}

}  // namespace

std::vector<double> svd(MatrixView<double> a, MatrixView<double> u, MatrixView<double> vt) {
  const std::int64_t shorter = std::min(a.rows, a.cols);
  FATHOM_ASSERT(u.rows == a.rows && u.cols == shorter && vt.rows == shorter && vt.cols == a.cols,
                "svd of {} x {} into {} x {} and {} x {}", a.rows, a.cols, u.rows, u.cols, vt.rows,
                vt.cols);
  std::vector<double> sigma(static_cast<std::size_t>(shorter));
  if (shorter == 0) return sigma;
  require_finite(a, "dgesdd");
  // LAPACK's own minimum, counted here because LAPACK counts it in 32 bits.
  const std::int64_t minimum = 4 * shorter * shorter + 7 * shorter;
  to_blas_int(minimum, "workspace of dgesdd");
  std::vector<lapack_int> iwork(static_cast<std::size_t>(8 * shorter));
  const auto solve = [&](double* work, int lwork) {
    check(LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'S', to_blas_int(a.rows, "rows"),
                              to_blas_int(a.cols, "columns"), a.data, leading(a), sigma.data(),
                              u.data, leading(u), vt.data, leading(vt), work, lwork, iwork.data()),
          "dgesdd", shorter);
  };
  double best_work = 0;
  solve(&best_work, -1);
  std::vector<double> work =
      workspace(std::max(static_cast<std::int64_t>(best_work), minimum), "workspace of dgesdd");
  solve(work.data(), static_cast<int>(work.size()));
  return sigma;
}

std::vector<double> jacobi_svd(MatrixView<double> a, MatrixView<double> v) {
  FATHOM_ASSERT(a.rows >= a.cols && (!v.data || (v.rows == a.cols && v.cols == a.cols)),
                "jacobi_svd of {} x {}, vectors {} x {}", a.rows, a.cols, v.rows, v.cols);
  std::vector<double> sigma(static_cast<std::size_t>(a.cols));
  if (a.cols == 0) return sigma;
  require_finite(a, "dgesvj");
  std::vector<double> work =
      workspace(std::max<std::int64_t>(6, a.rows + a.cols), "workspace of dgesvj");
  check(LAPACKE_dgesvj_work(LAPACK_COL_MAJOR, 'G', 'U', v.data ? 'V' : 'N',
                            to_blas_int(a.rows, "rows"), to_blas_int(a.cols, "columns"), a.data,
                            leading(a), sigma.data(), 0, v.data, leading(v), work.data(),
                            static_cast<int>(work.size())),
        "dgesvj", a.cols);
  for (double& value : sigma)
    value *= work[0];  // 1 but where a value would leave the range of doubles
  return sigma;
}

std::vector<double> preconditioned_jacobi_svd(MatrixView<double> a, MatrixView<double> u,
                                              MatrixView<double> v) {
  const std::int64_t m = a.rows, n = a.cols;
  FATHOM_ASSERT(m >= n && (!u.data || (u.rows == m && u.cols == n)) &&
                    (!v.data || (v.rows == n && v.cols == n)),
                "jacobi svd of {} x {} into {} x {} and {} x {}", m, n, u.rows, u.cols, v.rows,
                v.cols);
  std::vector<double> sigma(static_cast<std::size_t>(n));
  if (n == 0) return sigma;
  require_finite(a, "dgejsv");
  const bool both = u.data && v.data;
  const std::int64_t square = u.data || v.data ? (both ? 2 * n * n : n * n) : 0;
  const std::int64_t length = std::max({2 * m + n, 6 * n + square + n * 64, std::int64_t{7}});
  // n more than is said: with right vectors alone dgejsv hands dgesvj an array shifted by n, and
  // its unshifted length.
  std::vector<double> work = workspace(length + n, "workspace of dgejsv");
  std::vector<lapack_int> iwork(static_cast<std::size_t>(m + 3 * n));
  check(LAPACKE_dgejsv_work(LAPACK_COL_MAJOR, 'F', u.data ? 'U' : 'N', v.data ? 'V' : 'N', 'N', 'N',
                            'N', to_blas_int(m, "rows"), to_blas_int(n, "columns"), a.data,
                            leading(a), sigma.data(), u.data, leading(u), v.data, leading(v),
                            work.data(), static_cast<int>(length), iwork.data()),
        "dgejsv", n);
  for (double& value : sigma)
    value *= work[0] / work[1];
  return sigma;
}

std::vector<double> tridiagonal_eigen(std::span<const double> alpha, std::span<const double> beta,
                                      MatrixView<double> z) {
  const std::int64_t k = std::ssize(alpha);
  FATHOM_ASSERT(std::ssize(beta) == std::max<std::int64_t>(0, k - 1),
                "tridiagonal matrix with {} and {} entries", k, beta.size());
  FATHOM_ASSERT(z.data == nullptr || (z.rows == k && z.cols == k), "vectors {} x {} of {}", z.rows,
                z.cols, k);
  std::vector<double> value(alpha.begin(), alpha.end()), off(beta.begin(), beta.end());
  for (const std::vector<double>* entries : {&value, &off})
    for (std::size_t i = 0; i < entries->size(); ++i)
      if (!std::isfinite((*entries)[i]))
        throw Error(ExitCode::numeric, "entry {} of a tridiagonal matrix of order {} is {}", i, k,
                    (*entries)[i]);
  if (k == 0) return value;
  off.push_back(0);
  std::vector<double> work(static_cast<std::size_t>(std::max<std::int64_t>(1, 2 * k - 2)));
  check(LAPACKE_dstev_work(LAPACK_COL_MAJOR, z.data ? 'V' : 'N', to_blas_int(k, "order of dstev"),
                           value.data(), off.data(), z.data,
                           to_blas_int(std::max<std::int64_t>(1, z.ld), "ldz"), work.data()),
        "dstev", k);
  return value;
}

TridiagonalEigen tridiagonal_eigen(std::span<const double> alpha, std::span<const double> beta) {
  const std::int64_t k = std::ssize(alpha);
  std::vector<double> vectors(static_cast<std::size_t>(std::max<std::int64_t>(1, k * k)));
  const MatrixView<double> z{vectors.data(), k, k, std::max<std::int64_t>(1, k)};
  TridiagonalEigen result;
  result.eigenvalue = tridiagonal_eigen(alpha, beta, z);
  result.first_component.resize(static_cast<std::size_t>(k));
  for (std::int64_t j = 0; j < k; ++j)
    result.first_component[static_cast<std::size_t>(j)] = z(0, j);
  return result;
}

}  // namespace fathom::lapack
