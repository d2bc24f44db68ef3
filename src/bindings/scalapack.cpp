#include "bindings/scalapack.hpp"

#include "bindings/scalapack_calls.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

// Neither BLACS nor ScaLAPACK ships C headers. The trailing lengths belong to Fortran's character
// arguments.
extern "C" {
int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridmap(int* context, int* map, int ldmap, int nprow, int npcol);
void Cblacs_gridinfo(int context, int* nprow, int* npcol, int* myrow, int* mycol);
void Cblacs_gridexit(int context);
void Cpdgemr2d(int m, int n, double* a, int ia, int ja, int* desca, double* b, int ib, int jb,
               int* descb, int context);
int numroc_(const int* n, const int* nb, const int* proc, const int* source, const int* nprocs);
void pdgemm_(const char* op_a, const char* op_b, const int* m, const int* n, const int* k,
             const double* alpha, const double* a, const int* ia, const int* ja, const int* desca,
             const double* b, const int* ib, const int* jb, const int* descb, const double* beta,
             double* c, const int* ic, const int* jc, const int* descc);
void pdsyrk_(const char* uplo, const char* op, const int* n, const int* k, const double* alpha,
             const double* a, const int* ia, const int* ja, const int* desca, const double* beta,
             double* c, const int* ic, const int* jc, const int* descc);
void pdtran_(const int* m, const int* n, const double* alpha, const double* a, const int* ia,
             const int* ja, const int* desca, const double* beta, double* c, const int* ic,
             const int* jc, const int* descc);
void pdgeadd_(const char* op, const int* m, const int* n, const double* alpha, const double* a,
              const int* ia, const int* ja, const int* desca, const double* beta, double* c,
              const int* ic, const int* jc, const int* descc);
double pdlange_(const char* norm, const int* m, const int* n, const double* a, const int* ia,
                const int* ja, const int* desca, double* work, std::size_t);
double pdlansy_(const char* norm, const char* uplo, const int* n, const double* a, const int* ia,
                const int* ja, const int* desca, double* work, std::size_t, std::size_t);
void pdsyev_(const char* jobz, const char* uplo, const int* n, double* a, const int* ia,
             const int* ja, const int* desca, double* w, double* z, const int* iz, const int* jz,
             const int* descz, double* work, const int* lwork, int* info, std::size_t, std::size_t);
void pdsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* ia,
              const int* ja, const int* desca, double* w, double* z, const int* iz, const int* jz,
              const int* descz, double* work, const int* lwork, int* iwork, const int* liwork,
              int* info, std::size_t, std::size_t);
void pdsyevr_(const char* jobz, const char* range, const char* uplo, const int* n, double* a,
              const int* ia, const int* ja, const int* desca, const double* vl, const double* vu,
              const int* il, const int* iu, int* m, int* nz, double* w, double* z, const int* iz,
              const int* jz, const int* descz, double* work, const int* lwork, int* iwork,
              const int* liwork, int* info, std::size_t, std::size_t, std::size_t);
}

namespace fathom {
namespace blacs {

int system_handle(MPI_Comm comm) {
  return Csys2blacs_handle(comm);
}

void free_system_handle(int handle) {
  Cfree_blacs_system_handle(handle);
}

int grid_map(int handle, std::span<const int> map, int nprow, int npcol) {
  FATHOM_ASSERT(std::ssize(map) == std::int64_t{nprow} * npcol, "map of {} ranks for {} x {}",
                map.size(), nprow, npcol);
  std::vector<int> ranks(map.begin(), map.end());
  int context = handle;
  Cblacs_gridmap(&context, ranks.data(), nprow, nprow, npcol);
  return context;
}

GridInfo grid_info(int context) {
  GridInfo info;
  if (context >= 0) Cblacs_gridinfo(context, &info.nprow, &info.npcol, &info.myrow, &info.mycol);
  return info;
}

void grid_exit(int context) {
  Cblacs_gridexit(context);
}

}  // namespace blacs

namespace scalapack {
namespace {

std::int64_t local_area(std::int64_t n, const Descriptor& d) {
  const blacs::GridInfo grid = blacs::grid_info(d[1]);
  return numroc(n, d[4], grid.myrow, grid.nprow) * numroc(n, d[5], grid.mycol, grid.npcol);
}

}  // namespace

std::int64_t numroc(std::int64_t n, std::int64_t nb, int proc, int nprocs) {
  const int n32 = size(n), nb32 = size(nb), source = 0;
  return numroc_(&n32, &nb32, &proc, &source, &nprocs);
}

Descriptor descriptor(int context, std::int64_t rows, std::int64_t cols, std::int64_t mb,
                      std::int64_t nb, std::int64_t lld) {
  return {1,
          context,
          to_blas_int(rows, "matrix rows"),
          to_blas_int(cols, "matrix columns"),
          to_blas_int(mb, "row block"),
          to_blas_int(nb, "column block"),
          0,
          0,
          to_blas_int(std::max<std::int64_t>(1, lld), "local leading dimension")};
}

void pdgemm(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
            ConstPart a, ConstPart b, double beta, Part c) {
  const int m32 = size(m), n32 = size(n), k32 = size(k);
  const int ia = origin(a.i), ja = origin(a.j), ib = origin(b.i), jb = origin(b.j);
  const int ic = origin(c.i), jc = origin(c.j);
  pdgemm_(letter(op_a), letter(op_b), &m32, &n32, &k32, &alpha, a.data, &ia, &ja,
          a.descriptor.data(), b.data, &ib, &jb, b.descriptor.data(), &beta, c.data, &ic, &jc,
          c.descriptor.data());
}

void pdsyrk(Triangle triangle, Op op, std::int64_t n, std::int64_t k, double alpha, ConstPart a,
            double beta, Part c) {
  const int n32 = size(n), k32 = size(k);
  const int ia = origin(a.i), ja = origin(a.j), ic = origin(c.i), jc = origin(c.j);
  pdsyrk_(letter(triangle), letter(op), &n32, &k32, &alpha, a.data, &ia, &ja, a.descriptor.data(),
          &beta, c.data, &ic, &jc, c.descriptor.data());
}

void pdtran(std::int64_t m, std::int64_t n, double alpha, ConstPart a, double beta, Part c) {
  const int m32 = size(m), n32 = size(n);
  const int ia = origin(a.i), ja = origin(a.j), ic = origin(c.i), jc = origin(c.j);
  pdtran_(&m32, &n32, &alpha, a.data, &ia, &ja, a.descriptor.data(), &beta, c.data, &ic, &jc,
          c.descriptor.data());
}

void pdgeadd(Op op, std::int64_t m, std::int64_t n, double alpha, ConstPart a, double beta,
             Part b) {
  const int m32 = size(m), n32 = size(n);
  const int ia = origin(a.i), ja = origin(a.j), ib = origin(b.i), jb = origin(b.j);
  pdgeadd_(letter(op), &m32, &n32, &alpha, a.data, &ia, &ja, a.descriptor.data(), &beta, b.data,
           &ib, &jb, b.descriptor.data());
}

void pdgemr2d(std::int64_t m, std::int64_t n, ConstPart a, Part b, int context) {
  Descriptor from = a.descriptor, to = b.descriptor;
  Cpdgemr2d(size(m), size(n), const_cast<double*>(a.data), origin(a.i), origin(a.j), from.data(),
            b.data, origin(b.i), origin(b.j), to.data(), context);
}

/// What the drivers' workspace queries forget: PDLASRT (under pdsyevd) wants np·(nb + nq) on ranks
/// that hold less than a block of columns, PDORMTR (under pdsyevr with few vectors) its panels. The
/// library prints a complaint and goes on with wrong vectors, or hangs.
std::int64_t forgotten_workspace(std::int64_t n, const Descriptor& d) {
  const blacs::GridInfo grid = blacs::grid_info(d[1]);
  const std::int64_t nb = d[5], np = numroc(n, d[4], grid.myrow, grid.nprow),
                     nq = numroc(n, d[5], grid.mycol, grid.npcol);
  return 4 * n + nb * (np + nq + 3 * nb);
}

double pdlange(char norm, std::int64_t m, std::int64_t n, ConstPart a) {
  const int m32 = size(m), n32 = size(n), ia = origin(a.i), ja = origin(a.j);
  // Enough for every norm: the local rows and columns with the offset in their first block.
  std::vector<double> work(static_cast<std::size_t>(m + n + a.descriptor[4] + a.descriptor[5]));
  return pdlange_(&norm, &m32, &n32, a.data, &ia, &ja, a.descriptor.data(), work.data(), 1);
}

double pdlansy(char norm, Triangle triangle, std::int64_t n, ConstPart a) {
  const int n32 = size(n), ia = origin(a.i), ja = origin(a.j);
  const std::int64_t padded = n + a.descriptor[4] + a.descriptor[5];
  std::vector<double> work(static_cast<std::size_t>(4 * padded));
  return pdlansy_(&norm, letter(triangle), &n32, a.data, &ia, &ja, a.descriptor.data(), work.data(),
                  1, 1);
}

int pdsyev(Triangle triangle, std::int64_t n, Part a, std::span<double> w, Part z) {
  const char job = z.data ? 'V' : 'N';
  const int n32 = size(n), ia = origin(a.i), ja = origin(a.j), iz = origin(z.i), jz = origin(z.j);
  std::vector<double> work(3);
  int lwork = -1, info = 0;
  const auto call = [&] {
    pdsyev_(&job, letter(triangle), &n32, a.data, &ia, &ja, a.descriptor.data(), w.data(), z.data,
            &iz, &jz, z.descriptor.data(), work.data(), &lwork, &info, 1, 1);
    check_arguments(info, "pdsyev");
  };
  call();
  lwork = work_length(work[0], n, "workspace of pdsyev");
  work.resize(static_cast<std::size_t>(lwork));
  call();
  return info;
}

int pdsyevd(Triangle triangle, std::int64_t n, Part a, std::span<double> w, Part z) {
  FATHOM_ASSERT(z.data != nullptr || local_area(n, a.descriptor) == 0,
                "pdsyevd without vectors is not implemented in ScaLAPACK");
  const int n32 = size(n), ia = origin(a.i), ja = origin(a.j), iz = origin(z.i), jz = origin(z.j);
  std::vector<double> work(3);
  std::vector<int> iwork(3);
  int lwork = -1, liwork = -1, info = 0;
  const auto call = [&] {
    pdsyevd_("V", letter(triangle), &n32, a.data, &ia, &ja, a.descriptor.data(), w.data(), z.data,
             &iz, &jz, z.descriptor.data(), work.data(), &lwork, iwork.data(), &liwork, &info, 1,
             1);
    check_arguments(info, "pdsyevd");
  };
  call();
  lwork = work_length(work[0], 1 + 6 * n + 2 * local_area(n, a.descriptor), "workspace of pdsyevd");
  lwork = to_blas_int(lwork + forgotten_workspace(n, a.descriptor), "workspace of pdsyevd");
  liwork = std::max(1, iwork[0]);
  work.resize(static_cast<std::size_t>(lwork));
  iwork.resize(static_cast<std::size_t>(liwork));
  call();
  return info;
}

int pdsyevr(Triangle triangle, std::int64_t n, Part a, std::int64_t first, std::int64_t last,
            std::span<double> w, Part z) {
  FATHOM_ASSERT(first >= 0 && first <= last && last < n && std::ssize(w) >= n,
                "pdsyevr modes {} to {} of {}", first, last, n);
  const char job = z.data ? 'V' : 'N', range = last - first + 1 == n ? 'A' : 'I';
  const int n32 = size(n), ia = origin(a.i), ja = origin(a.j), iz = origin(z.i), jz = origin(z.j);
  const int from = origin(first), to = origin(last);
  const double unused = 0;
  std::vector<double> work(3);
  std::vector<int> iwork(3);
  int lwork = -1, liwork = -1, found = 0, found_vectors = 0, info = 0;
  const auto call = [&] {
    pdsyevr_(&job, &range, letter(triangle), &n32, a.data, &ia, &ja, a.descriptor.data(), &unused,
             &unused, &from, &to, &found, &found_vectors, w.data(), z.data, &iz, &jz,
             z.descriptor.data(), work.data(), &lwork, iwork.data(), &liwork, &info, 1, 1, 1);
    check_arguments(info, "pdsyevr");
  };
  call();
  lwork = work_length(work[0], n, "workspace of pdsyevr");
  lwork = to_blas_int(lwork + forgotten_workspace(n, a.descriptor), "workspace of pdsyevr");
  liwork = std::max(1, iwork[0]);
  work.resize(static_cast<std::size_t>(lwork));
  iwork.resize(static_cast<std::size_t>(liwork));
  call();
  if (info == 0 && found != last - first + 1) return 1;
  return info;
}

}  // namespace scalapack
}  // namespace fathom
