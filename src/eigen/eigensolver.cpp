#include "eigen/eigensolver.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "base/timer.hpp"
#include "bindings/elpa.hpp"
#include "bindings/scalapack.hpp"
#include "dist/operations.hpp"
#include "eigen/krylov_schur.hpp"

#ifdef FATHOM_HAVE_SLEPC
#include "bindings/slepc.hpp"
#endif

#include <algorithm>
#include <cmath>
#include <exception>
#include <string_view>

namespace fathom {
namespace {

/// What a dense solver works on. All of them deliver ascending eigenvalues of −A: those of A,
/// descending, with the vectors in the same order and no exchange of columns.
struct DenseProblem {
  DistMatrix& a;
  std::int64_t count;
  std::vector<double> value;          ///< n, the first `count` are results
  std::optional<DistMatrix> vectors;  ///< n × n

  double* vector_data() { return vectors ? vectors->local().data : nullptr; }
};

void negate(DistMatrix& a) {
  const auto local = a.local();
  for (std::int64_t j = 0; j < local.cols; ++j)
    for (std::int64_t i = 0; i < local.rows; ++i)
      local(i, j) = -local(i, j);
}

std::uint64_t key_of(GlobalIndex i) {
  const auto z = (static_cast<std::uint64_t>(i.value()) + 1) * 0x9e3779b97f4a7c15u;
  return (z ^ (z >> 31)) * 0xbf58476d1ce4e5b9u;
}

/// a_ij ← a_ij (1 ± 2ε), with symmetric pseudo-random signs, and nothing below 1e-40 of the
/// largest: less than a rounding error of the solve. Where columns of a panel are exact multiples
/// of each other (min(i, j), 2^-|i-j|, a constant plus a diagonal), ELPA's reduction to a band
/// divides by squares of leftovers that underflow, and comes back with wrong eigenvalues, in the
/// worst case measured by a third of the largest. A last bit that differs keeps the leftovers at
/// the rounding level. Local but for the maximum.
void loosen_exact_dependence(DistMatrix& a) {
  const double negligible = 1e-40 * max_abs(a);
  const auto local = a.local();
  std::vector<std::uint64_t> row_key(static_cast<std::size_t>(local.rows));
  for (std::int64_t i = 0; i < local.rows; ++i)
    row_key[static_cast<std::size_t>(i)] = key_of(a.global_row(LocalIndex(i)));
  for (std::int64_t j = 0; j < local.cols; ++j) {
    const std::uint64_t col_key = key_of(a.global_col(LocalIndex(j)));
    double* column = local.col(j);
    for (std::int64_t i = 0; i < local.rows; ++i) {
      const std::uint64_t sum = row_key[static_cast<std::size_t>(i)] + col_key;
      const std::uint64_t mixed = (sum ^ (sum >> 29)) * 0x94d049bb133111ebu;
      const double factor = mixed >> 63 ? 1 + 0x1p-52 : 1 - 0x1p-52;
      column[i] = std::abs(column[i]) > negligible ? column[i] * factor : 0.0;
    }
  }
}

void run_elpa(DenseProblem& p, ElpaStage stage) {
  const ProcessGrid& grid = p.a.grid();
  elpa_eigen({.comm = grid.active_comm().native(),
              .myrow = grid.myrow(),
              .mycol = grid.mycol(),
              .n = p.a.rows(),
              .block = p.a.nb(),
              .local_rows = p.a.local_rows(),
              .local_cols = p.a.local_cols()},
             stage, p.count, p.a.local().data, p.value, p.vector_data());
}

/// Values alone are standard by QR iteration, as pdsyevd has to make vectors; with vectors pdsyevd
/// is the faster. The second attempt takes the other.
const char* scalapack_routine(Algorithm algorithm, bool vectors) {
  return (algorithm == Algorithm::standard) == vectors ? "pdsyevd" : "pdsyev";
}

void run_scalapack(DenseProblem& p, std::string_view routine) {
  const std::int64_t n = p.a.rows();
  const scalapack::Part a{p.a.local().data, p.a.descriptor()};
  const scalapack::Part z{p.vector_data(), p.vectors ? p.vectors->descriptor() : p.a.descriptor()};
  // pdsyevr is left aside: its eigenvalues were off by 35 ε λ₁ where the others' are by 4, and with
  // few vectors it hands PDORMTR too short a workspace and returns wrong ones with info = 0.
  const int info = routine == "pdsyev" ? scalapack::pdsyev(Triangle::lower, n, a, p.value, z)
                                       : scalapack::pdsyevd(Triangle::lower, n, a, p.value, z);
  if (info != 0) throw Error(ExitCode::solver, "ScaLAPACK: {} ended with info = {}", routine, info);
}

void run_lapack(DenseProblem& p) {
  const std::int64_t n = p.a.rows();
  const MatrixView<double> a = p.a.local();
  constexpr std::int64_t largest_syevd = 32765;  // 2n² + 6n + 1 workspace in 32 bits
  if (p.count == n && (!p.vectors || n <= largest_syevd)) {
    p.value = lapack::syevd(a, Triangle::lower, p.vectors.has_value());
    if (p.vectors)
      for (std::int64_t j = 0; j < n; ++j)
        std::copy_n(a.col(j), n, p.vectors->local().col(j));
    return;
  }
  const MatrixView<double> z =
      p.vectors ? p.vectors->local().block(0, 0, n, p.count) : MatrixView<double>{nullptr, 0, 0, 1};
  const auto value = lapack::syevr(a, Triangle::lower, 0, p.count - 1, z);
  std::copy_n(value.begin(), p.count, p.value.begin());
}

/// The vendor calls communicate, so their errors are kept and agreed on afterwards.
void run_dense(DenseProblem& p, Backend backend, std::string_view routine) {
  const ProcessGrid& grid = p.a.grid();
  std::exception_ptr failure;
  if (grid.active()) {
    try {
      if (backend == Backend::lapack)
        run_lapack(p);
      else if (backend == Backend::scalapack)
        run_scalapack(p, routine);
      else
        run_elpa(p, backend == Backend::elpa1 ? ElpaStage::one : ElpaStage::two);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  grid.parent().agree([&] {
    if (failure) std::rethrow_exception(failure);
  });
}

/// The first `count` columns: block-cyclic columns keep their owner and their order.
DistMatrix leading_columns(const DistMatrix& z, std::int64_t count) {
  DistMatrix leading = DistMatrix::make(z.grid(), z.rows(), count, z.mb(), z.nb());
  for (std::int64_t j = 0; j < leading.local_cols(); ++j)
    std::copy_n(z.local().col(j), z.local_rows(), leading.local().col(j));
  return leading;
}

void refuse_unsupported(Backend backend, const EigenRequest& request, std::int64_t n) {
  const Capabilities able = capabilities(backend);
  const bool all = request.wanted(n) == n;
  if (!able.available || (all && !able.all) || (!all && !able.partial) ||
      (request.vectors && !able.vectors))
    throw AgreedError(ExitCode::deck, "{} cannot compute {} of {} eigenvalues{}: {}", name(backend),
                      request.wanted(n), n, request.vectors ? " with vectors" : "", able.limits);
}

}  // namespace

EigenResult Eigensolver::solve(DistMatrix& a, SymmetricFill fill,
                               const EigenRequest& request) const {
  FATHOM_ASSERT(a.rows() == a.cols() && a.mb() == a.nb(), "{} x {} in blocks of {} x {}", a.rows(),
                a.cols(), a.mb(), a.nb());
  FATHOM_ASSERT(backend_ != Backend::automatic, "a plan chooses the backend");
  const std::int64_t n = a.rows(), count = request.wanted(n);
  refuse_unsupported(backend_, request, n);
  const Communicator& comm = a.grid().parent();
  Timer timer;
  EigenResult result;
  result.backend = backend_;

  if (backend_ == Backend::slepc) {
    KrylovSchurResult top = krylov_schur(a, fill, count);
    result.eigenvalue = std::move(top.eigenvalue);
    comm.broadcast(result.eigenvalue);  // every rank decides by the same bits
    if (request.vectors) result.vectors = std::move(top.vectors);
    result.seconds = comm.max(timer.seconds());
    return result;
  }

  if (fill == SymmetricFill::lower && (backend_ == Backend::elpa1 || backend_ == Backend::elpa2))
    mirror_lower(a);
  negate(a);
  if (backend_ == Backend::elpa2) loosen_exact_dependence(a);
  const bool scalapack = backend_ == Backend::scalapack;
  const char* routine = scalapack ? scalapack_routine(algorithm_, request.vectors) : "";
  const bool pdsyevd = scalapack && std::string_view(routine) == "pdsyevd";
  DenseProblem problem{a, count, {}, {}};
  comm.agree([&] {
    fault_point("eigen.allocate");
    problem.value.assign(static_cast<std::size_t>(n), 0.0);
    if (request.vectors || pdsyevd) problem.vectors.emplace(a.grid(), n, n, a.mb(), a.nb());
  });
  comm.agree([&] {
    fault_point("eigen.solve");
    fault_point(routine);
  });
  run_dense(problem, backend_, routine);

  comm.broadcast(problem.value);  // idle ranks have none yet
  result.eigenvalue.resize(static_cast<std::size_t>(count));
  for (std::size_t k = 0; k < result.eigenvalue.size(); ++k)
    result.eigenvalue[k] = 0.0 - problem.value[k];
  if (request.vectors)
    result.vectors =
        count == n ? std::move(*problem.vectors) : leading_columns(*problem.vectors, count);
  result.seconds = comm.max(timer.seconds());
  return result;
}

void finalize_solvers() {
  elpa_finalize();
#ifdef FATHOM_HAVE_SLEPC
  slepc_finalize();
#endif
}

}  // namespace fathom
