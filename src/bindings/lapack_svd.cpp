#include "base/blas_int.hpp"
#include "bindings/lapack_calls.hpp"

#include <algorithm>
#include <cmath>

namespace fathom::lapack {

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
