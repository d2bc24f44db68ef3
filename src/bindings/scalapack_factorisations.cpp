#include "bindings/scalapack_calls.hpp"

#include <cstddef>
#include <vector>

extern "C" {
void pdgesvd_(const char* jobu, const char* jobvt, const int* m, const int* n, double* a,
              const int* ia, const int* ja, const int* desca, double* s, double* u, const int* iu,
              const int* ju, const int* descu, double* vt, const int* ivt, const int* jvt,
              const int* descvt, double* work, const int* lwork, int* info, std::size_t,
              std::size_t);
void pdgeqrf_(const int* m, const int* n, double* a, const int* ia, const int* ja, const int* desca,
              double* tau, double* work, const int* lwork, int* info);
void pdgelqf_(const int* m, const int* n, double* a, const int* ia, const int* ja, const int* desca,
              double* tau, double* work, const int* lwork, int* info);
void pdorgqr_(const int* m, const int* n, const int* k, double* a, const int* ia, const int* ja,
              const int* desca, const double* tau, double* work, const int* lwork, int* info);
void pdorglq_(const int* m, const int* n, const int* k, double* a, const int* ia, const int* ja,
              const int* desca, const double* tau, double* work, const int* lwork, int* info);
void pdtrsm_(const char* side, const char* uplo, const char* op, const char* diag, const int* m,
             const int* n, const double* alpha, const double* a, const int* ia, const int* ja,
             const int* desca, double* b, const int* ib, const int* jb, const int* descb);
void pdtrtri_(const char* uplo, const char* diag, const int* n, double* a, const int* ia,
              const int* ja, const int* desca, int* info, std::size_t, std::size_t);
void pdpotrf_(const char* uplo, const int* n, double* a, const int* ia, const int* ja,
              const int* desca, int* info, std::size_t);
void pb_topget_(const int* context, const char* operation, const char* scope, char* topology,
                std::size_t, std::size_t, std::size_t);
void pb_topset_(const int* context, const char* operation, const char* scope, const char* topology,
                std::size_t, std::size_t, std::size_t);
}

namespace fathom::scalapack {
namespace {

/// Local rows and columns, those of the offset in front included, and the larger block.
struct LocalShape {
  std::int64_t rows, cols, block;
};

LocalShape local_shape(std::int64_t m, std::int64_t n, ConstPart a) {
  const Descriptor& d = a.descriptor;
  const blacs::GridInfo grid = blacs::grid_info(d[1]);
  return {numroc(a.i + m, d[4], grid.myrow, grid.nprow),
          numroc(a.j + n, d[5], grid.mycol, grid.npcol), std::max(d[4], d[5])};
}

/// Query, check, run: call(work, lwork) is made twice, the second time with what the first asked
/// for and the panels' own need.
template <class Call>
void with_workspace(std::int64_t m, std::int64_t n, ConstPart a, const char* routine, Call&& call) {
  double asked = 0;
  call(&asked, -1);
  const LocalShape local = local_shape(m, n, a);
  const std::int64_t panels = local.block * (local.rows + local.cols + local.block);
  const int length = std::max(work_length(asked, 1, routine), to_blas_int(panels, routine));
  std::vector<double> work(static_cast<std::size_t>(length));
  call(work.data(), length);
}

std::int64_t numroc_of(std::int64_t extent, ConstPart a, bool of_rows) {
  const Descriptor& d = a.descriptor;
  const blacs::GridInfo grid = blacs::grid_info(d[1]);
  return of_rows ? numroc(extent, d[4], grid.myrow, grid.nprow)
                 : numroc(extent, d[5], grid.mycol, grid.npcol);
}

/// How PBLAS passes blocks along a row of the grid: one setting a process, for all its grids.
class RowBroadcast {
 public:
  explicit RowBroadcast(const Descriptor& d) : context_(d[1]) {
    pb_topget_(&context_, "Broadcast", "Rowwise", &topology_, 9, 7, 1);
  }
  void restore() const { pb_topset_(&context_, "Broadcast", "Rowwise", &topology_, 9, 7, 1); }

 private:
  int context_;
  char topology_ = ' ';
};

}  // namespace

int pdgesvd_values(std::int64_t m, std::int64_t n, Part a, std::span<double> s) {
  const Part none{nullptr, a.descriptor};
  return pdgesvd(m, n, a, s, false, none, false, none);
}

int pdgesvd(std::int64_t m, std::int64_t n, Part a, std::span<double> s, bool left, Part u,
            bool right, Part vt) {
  const std::int64_t shorter = std::min(m, n);
  FATHOM_ASSERT(std::ssize(s) >= shorter, "pdgesvd: {} values of {} x {}", s.size(), m, n);
  FATHOM_ASSERT(m >= n || (!left && !right), "pdgesvd with vectors of {} x {}", m, n);
  const int m32 = size(m), n32 = size(n), ia = origin(a.i), ja = origin(a.j);
  const int iu = origin(u.i), ju = origin(u.j), ivt = origin(vt.i), jvt = origin(vt.j);
  double unused = 0;
  double* u_data = left && u.data ? u.data : &unused;
  double* vt_data = right && vt.data ? vt.data : &unused;
  std::vector<double> work(3);
  int lwork = -1, info = 0;
  const auto call = [&] {
    pdgesvd_(left ? "V" : "N", right ? "V" : "N", &m32, &n32, a.data, &ia, &ja, a.descriptor.data(),
             s.data(), u_data, &iu, &ju, u.descriptor.data(), vt_data, &ivt, &jvt,
             vt.descriptor.data(), work.data(), &lwork, &info, 1, 1);
    check_arguments(info, "pdgesvd");
  };
  call();
  // Its vectors travel through rows and columns dealt out over all processes, counted in 32 bits.
  const blacs::GridInfo grid = blacs::grid_info(a.descriptor[1]);
  const std::int64_t processes = std::int64_t{grid.nprow} * grid.npcol,
                     dealt = shorter * ((left ? m : 0) / processes + (right ? n : 0) / processes);
  const LocalShape local = local_shape(m, n, a);
  // pdormbr works one row or column further in than the query counts, and is told of more memory
  // than it has: the vectors are not taken off.
  const std::int64_t forgotten =
      2 * local.block * (local.rows + local.cols + 3 * local.block) + 4 * (m + n);
  lwork = work_length(work[0], std::max(shorter, dealt), "workspace of pdgesvd");
  lwork = to_blas_int(lwork + forgotten, "workspace of pdgesvd");
  work.resize(static_cast<std::size_t>(lwork));
  call();
  return info;
}

void pdgeqrf(std::int64_t m, std::int64_t n, Part a, std::span<double> tau) {
  FATHOM_ASSERT(std::ssize(tau) >= numroc_of(a.j + std::min(m, n), a, false) && !tau.empty(),
                "pdgeqrf of {} x {}: tau {}", m, n, tau.size());
  const int m32 = size(m), n32 = size(n), ia = origin(a.i), ja = origin(a.j);
  with_workspace(m, n, a, "workspace of pdgeqrf", [&](double* work, int lwork) {
    int info = 0;
    pdgeqrf_(&m32, &n32, a.data, &ia, &ja, a.descriptor.data(), tau.data(), work, &lwork, &info);
    check_arguments(info, "pdgeqrf");
  });
}

void pdgelqf(std::int64_t m, std::int64_t n, Part a, std::span<double> tau) {
  FATHOM_ASSERT(std::ssize(tau) >= numroc_of(a.i + std::min(m, n), a, true) && !tau.empty(),
                "pdgelqf of {} x {}: tau {}", m, n, tau.size());
  const int m32 = size(m), n32 = size(n), ia = origin(a.i), ja = origin(a.j);
  with_workspace(m, n, a, "workspace of pdgelqf", [&](double* work, int lwork) {
    int info = 0;
    pdgelqf_(&m32, &n32, a.data, &ia, &ja, a.descriptor.data(), tau.data(), work, &lwork, &info);
    check_arguments(info, "pdgelqf");
  });
}

void pdorgqr(std::int64_t m, std::int64_t n, std::int64_t k, Part a, std::span<const double> tau) {
  FATHOM_ASSERT(m >= n && n >= k, "pdorgqr of {} x {}, {} reflectors", m, n, k);
  const int m32 = size(m), n32 = size(n), k32 = size(k), ia = origin(a.i), ja = origin(a.j);
  // The library leaves its own choice behind (2.2): a rank that was idle here waits for ever when
  // it meets the others on the next grid.
  const RowBroadcast before(a.descriptor);
  with_workspace(m, n, a, "workspace of pdorgqr", [&](double* work, int lwork) {
    int info = 0;
    pdorgqr_(&m32, &n32, &k32, a.data, &ia, &ja, a.descriptor.data(), tau.data(), work, &lwork,
             &info);
    before.restore();
    check_arguments(info, "pdorgqr");
  });
}

void pdorglq(std::int64_t m, std::int64_t n, std::int64_t k, Part a, std::span<const double> tau) {
  FATHOM_ASSERT(n >= m && m >= k, "pdorglq of {} x {}, {} reflectors", m, n, k);
  const int m32 = size(m), n32 = size(n), k32 = size(k), ia = origin(a.i), ja = origin(a.j);
  with_workspace(m, n, a, "workspace of pdorglq", [&](double* work, int lwork) {
    int info = 0;
    pdorglq_(&m32, &n32, &k32, a.data, &ia, &ja, a.descriptor.data(), tau.data(), work, &lwork,
             &info);
    check_arguments(info, "pdorglq");
  });
}

void pdtrsm(Side side, Triangle triangle, Op op, std::int64_t m, std::int64_t n, double alpha,
            ConstPart a, Part b) {
  const int m32 = size(m), n32 = size(n);
  const int ia = origin(a.i), ja = origin(a.j), ib = origin(b.i), jb = origin(b.j);
  pdtrsm_(side == Side::left ? "L" : "R", letter(triangle), letter(op), "N", &m32, &n32, &alpha,
          a.data, &ia, &ja, a.descriptor.data(), b.data, &ib, &jb, b.descriptor.data());
}

int pdtrtri(Triangle triangle, std::int64_t n, Part a) {
  const int n32 = size(n), ia = origin(a.i), ja = origin(a.j);
  int info = 0;
  pdtrtri_(letter(triangle), "N", &n32, a.data, &ia, &ja, a.descriptor.data(), &info, 1, 1);
  check_arguments(info, "pdtrtri");
  return info;
}

int pdpotrf(Triangle triangle, std::int64_t n, Part a) {
  const int n32 = size(n), ia = origin(a.i), ja = origin(a.j);
  int info = 0;
  pdpotrf_(letter(triangle), &n32, a.data, &ia, &ja, a.descriptor.data(), &info, 1);
  check_arguments(info, "pdpotrf");
  return info;
}

}  // namespace fathom::scalapack
