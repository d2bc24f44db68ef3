#include "bindings/blas.hpp"

#include "base/blas_int.hpp"
#include "bindings/lapack_calls.hpp"

#include <algorithm>
#include <cstdlib>

#include <cblas.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <lapacke.h>

namespace fathom {
namespace {

CBLAS_TRANSPOSE cblas(Op op) {
  return op == Op::none ? CblasNoTrans : CblasTrans;
}

CBLAS_UPLO cblas(Triangle triangle) {
  return triangle == Triangle::lower ? CblasLower : CblasUpper;
}

char uplo(Triangle triangle) {
  return triangle == Triangle::lower ? 'L' : 'U';
}

template <class T>
std::int64_t rows(Op op, MatrixView<const T> a) {
  return op == Op::none ? a.rows : a.cols;
}

template <class T>
std::int64_t cols(Op op, MatrixView<const T> a) {
  return op == Op::none ? a.cols : a.rows;
}

template <class T>
void assert_product(Op op_a, Op op_b, MatrixView<const T> a, MatrixView<const T> b,
                    MatrixView<T> c) {
  FATHOM_ASSERT(
      rows(op_a, a) == c.rows && cols(op_b, b) == c.cols && cols(op_a, a) == rows(op_b, b),
      "gemm of op(A) {} x {}, op(B) {} x {}, C {} x {}", rows(op_a, a), cols(op_a, a),
      rows(op_b, b), cols(op_b, b), c.rows, c.cols);
}

}  // namespace

std::string blas_loaded() {
  Dl_info where{};
  const char* file = "unknown file";
  if (dladdr(reinterpret_cast<void*>(&cblas_dgemm), &where) && where.dli_fname)
    file = where.dli_fname;
  return fmt::format("{} ({}, kernels for {}, {} thread{})", file, openblas_get_config(),
                     openblas_get_corename(), blas_threads(), blas_threads() == 1 ? "" : "s");
}

void set_blas_threads(int threads) {
  FATHOM_ASSERT(threads >= 1, "{} BLAS threads", threads);
  openblas_set_num_threads(threads);
}

int blas_threads() {
  return openblas_get_num_threads();
}

namespace blas {

void gemm(Op op_a, Op op_b, double alpha, MatrixView<const double> a, MatrixView<const double> b,
          double beta, MatrixView<double> c) {
  assert_product(op_a, op_b, a, b, c);
  if (c.rows == 0 || c.cols == 0) return;
  cblas_dgemm(CblasColMajor, cblas(op_a), cblas(op_b), to_blas_int(c.rows, "gemm rows"),
              to_blas_int(c.cols, "gemm columns"), to_blas_int(cols(op_a, a), "gemm depth"), alpha,
              a.data, to_blas_int(a.ld, "gemm lda"), b.data, to_blas_int(b.ld, "gemm ldb"), beta,
              c.data, to_blas_int(c.ld, "gemm ldc"));
}

void gemm(Op op_a, Op op_b, float alpha, MatrixView<const float> a, MatrixView<const float> b,
          float beta, MatrixView<float> c) {
  assert_product(op_a, op_b, a, b, c);
  if (c.rows == 0 || c.cols == 0) return;
  cblas_sgemm(CblasColMajor, cblas(op_a), cblas(op_b), to_blas_int(c.rows, "gemm rows"),
              to_blas_int(c.cols, "gemm columns"), to_blas_int(cols(op_a, a), "gemm depth"), alpha,
              a.data, to_blas_int(a.ld, "gemm lda"), b.data, to_blas_int(b.ld, "gemm ldb"), beta,
              c.data, to_blas_int(c.ld, "gemm ldc"));
}

void syrk(Triangle triangle, Op op, double alpha, MatrixView<const double> a, double beta,
          MatrixView<double> c) {
  FATHOM_ASSERT(c.rows == c.cols && rows(op, a) == c.rows, "syrk of op(A) {} x {}, C {} x {}",
                rows(op, a), cols(op, a), c.rows, c.cols);
  if (c.rows == 0) return;
  cblas_dsyrk(CblasColMajor, cblas(triangle), cblas(op), to_blas_int(c.rows, "syrk n"),
              to_blas_int(cols(op, a), "syrk depth"), alpha, a.data, to_blas_int(a.ld, "syrk lda"),
              beta, c.data, to_blas_int(c.ld, "syrk ldc"));
}

void gemv(Op op, double alpha, MatrixView<const double> a, std::span<const double> x, double beta,
          std::span<double> y) {
  FATHOM_ASSERT(std::ssize(y) == rows(op, a) && std::ssize(x) == cols(op, a),
                "gemv of op(A) {} x {}, x {}, y {}", rows(op, a), cols(op, a), x.size(), y.size());
  if (y.empty()) return;
  cblas_dgemv(CblasColMajor, cblas(op), to_blas_int(a.rows, "gemv rows"),
              to_blas_int(a.cols, "gemv columns"), alpha, a.data, to_blas_int(a.ld, "gemv lda"),
              x.data(), 1, beta, y.data(), 1);
}

void symm(Triangle triangle, double alpha, MatrixView<const double> a, MatrixView<const double> b,
          double beta, MatrixView<double> c) {
  FATHOM_ASSERT(a.rows == a.cols && a.rows == b.rows && b.rows == c.rows && b.cols == c.cols,
                "symm of A {} x {}, B {} x {}, C {} x {}", a.rows, a.cols, b.rows, b.cols, c.rows,
                c.cols);
  if (c.rows == 0 || c.cols == 0) return;
  cblas_dsymm(CblasColMajor, CblasLeft, cblas(triangle), to_blas_int(c.rows, "symm rows"),
              to_blas_int(c.cols, "symm columns"), alpha, a.data, to_blas_int(a.ld, "symm lda"),
              b.data, to_blas_int(b.ld, "symm ldb"), beta, c.data, to_blas_int(c.ld, "symm ldc"));
}

double nrm2(std::span<const double> x) {
  return cblas_dnrm2(to_blas_int(std::ssize(x), "nrm2 length"), x.data(), 1);
}

double dot(std::span<const double> x, std::span<const double> y) {
  FATHOM_ASSERT(x.size() == y.size(), "dot of {} and {}", x.size(), y.size());
  return cblas_ddot(to_blas_int(std::ssize(x), "dot length"), x.data(), 1, y.data(), 1);
}

void axpy(double alpha, std::span<const double> x, std::span<double> y) {
  FATHOM_ASSERT(x.size() == y.size(), "axpy of {} and {}", x.size(), y.size());
  cblas_daxpy(to_blas_int(std::ssize(x), "axpy length"), alpha, x.data(), 1, y.data(), 1);
}

void scal(double alpha, std::span<double> x) {
  cblas_dscal(to_blas_int(std::ssize(x), "scal length"), alpha, x.data(), 1);
}

}  // namespace blas

namespace lapack {
// The _work entry points: the others check for NaN with 32-bit offsets and fail from n = 46,341 on.

std::vector<double> syev_two_stage(MatrixView<double> a, Triangle triangle) {
  const std::int64_t n = a.rows;
  std::vector<double> eigenvalue(static_cast<std::size_t>(n));
  const int order = to_blas_int(n, "n"), ld = to_blas_int(a.ld, "lda");
  double best_work = 0;
  check(LAPACKE_dsyev_2stage_work(LAPACK_COL_MAJOR, 'N', uplo(triangle), order, a.data, ld,
                                  eigenvalue.data(), &best_work, -1),
        "dsyev_2stage", n);
  std::vector<double> work(static_cast<std::size_t>(best_work) + 1);
  check(LAPACKE_dsyev_2stage_work(LAPACK_COL_MAJOR, 'N', uplo(triangle), order, a.data, ld,
                                  eigenvalue.data(), work.data(),
                                  to_blas_int(std::ssize(work), "workspace of dsyev_2stage")),
        "dsyev_2stage", n);
  return eigenvalue;
}

std::vector<double> syevd(MatrixView<double> a, Triangle triangle, bool vectors) {
  FATHOM_ASSERT(a.rows == a.cols, "syevd of {} x {}", a.rows, a.cols);
  const std::int64_t n = a.rows;
  std::vector<double> eigenvalue(static_cast<std::size_t>(n));
  if (n == 0) return eigenvalue;
  if (!vectors && n >= two_stage_from) return syev_two_stage(a, triangle);
  // LAPACK's own minimum, counted here because LAPACK counts it in 32 bits.
  const std::int64_t minimum = vectors ? 1 + 6 * n + 2 * n * n : 2 * n + 1;
  to_blas_int(minimum, "workspace of dsyevd");
  const int order = to_blas_int(n, "n"), ld = to_blas_int(a.ld, "lda");
  const char job = vectors ? 'V' : 'N';
  double best_work = 0;
  lapack_int best_iwork = 0;
  check(LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, job, uplo(triangle), order, a.data, ld,
                            eigenvalue.data(), &best_work, -1, &best_iwork, -1),
        "dsyevd", n);
  std::vector<double> work(static_cast<std::size_t>(std::max(best_work, double(minimum))));
  std::vector<lapack_int> iwork(static_cast<std::size_t>(best_iwork));
  check(LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, job, uplo(triangle), order, a.data, ld,
                            eigenvalue.data(), work.data(),
                            to_blas_int(std::ssize(work), "workspace of dsyevd"), iwork.data(),
                            to_blas_int(std::ssize(iwork), "integer workspace of dsyevd")),
        "dsyevd", n);
  return eigenvalue;
}

std::vector<double> syevr(MatrixView<double> a, Triangle triangle, std::int64_t first,
                          std::int64_t last, MatrixView<double> z) {
  const std::int64_t n = a.rows, count = last - first + 1;
  const bool vectors = z.data != nullptr;
  FATHOM_ASSERT(a.rows == a.cols && first >= 0 && first <= last && last < n,
                "syevr of {} x {}, modes {} to {}", a.rows, a.cols, first, last);
  FATHOM_ASSERT(!vectors || (z.rows == n && z.cols == count), "syevr vectors {} x {}", z.rows,
                z.cols);
  const int order = to_blas_int(n, "n"), ld = to_blas_int(a.ld, "lda"),
            ldz = to_blas_int(std::max<std::int64_t>(1, z.ld), "ldz");
  const char job = vectors ? 'V' : 'N', range = count == n ? 'A' : 'I';
  const int from = to_blas_int(first + 1, "first mode"), to = to_blas_int(last + 1, "last mode");
  std::vector<double> eigenvalue(static_cast<std::size_t>(n));
  std::vector<lapack_int> support(static_cast<std::size_t>(2 * n));
  lapack_int found = 0;
  double best_work = 0;
  lapack_int best_iwork = 0;
  const auto solve = [&](double* work, int lwork, lapack_int* iwork, int liwork) {
    check(LAPACKE_dsyevr_work(LAPACK_COL_MAJOR, job, range, uplo(triangle), order, a.data, ld, 0, 0,
                              from, to, 0, &found, eigenvalue.data(), z.data, ldz, support.data(),
                              work, lwork, iwork, liwork),
          "dsyevr", n);
  };
  solve(&best_work, -1, &best_iwork, -1);
  std::vector<double> work(static_cast<std::size_t>(best_work));
  std::vector<lapack_int> iwork(static_cast<std::size_t>(best_iwork));
  solve(work.data(), to_blas_int(std::ssize(work), "workspace of dsyevr"), iwork.data(),
        to_blas_int(std::ssize(iwork), "integer workspace of dsyevr"));
  if (found != count)
    throw Error(ExitCode::solver, "dsyevr found {} of {} eigenvalues", found, count);
  eigenvalue.resize(static_cast<std::size_t>(count));
  return eigenvalue;
}

std::vector<double> singular_values(MatrixView<double> a) {
  const std::int64_t shorter = std::min(a.rows, a.cols);
  std::vector<double> sigma(static_cast<std::size_t>(shorter));
  if (shorter == 0) return sigma;
  std::vector<lapack_int> iwork(static_cast<std::size_t>(8 * shorter));
  double best_work = 0;
  const auto solve = [&](double* work, int lwork) {
    check(LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'N', to_blas_int(a.rows, "rows"),
                              to_blas_int(a.cols, "columns"), a.data, to_blas_int(a.ld, "lda"),
                              sigma.data(), nullptr, 1, nullptr, 1, work, lwork, iwork.data()),
          "dgesdd", shorter);
  };
  solve(&best_work, -1);
  std::vector<double> work(static_cast<std::size_t>(best_work));
  solve(work.data(), to_blas_int(std::ssize(work), "workspace of dgesdd"));
  return sigma;
}

}  // namespace lapack
}  // namespace fathom
