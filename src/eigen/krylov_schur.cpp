#include "eigen/krylov_schur.hpp"

#include "base/fault.hpp"
#include "base/random.hpp"
#include "bindings/blas.hpp"
#include "dist/operations.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/matrix_operator.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

#ifdef FATHOM_HAVE_SLEPC
#include "bindings/slepc.hpp"
#endif

namespace fathom {

#ifdef FATHOM_HAVE_SLEPC
namespace {

/// A few power steps: a lower estimate of ‖A‖₂, which sets the tolerance.
double norm_estimate(const Communicator& comm, const LinearOperator& a) {
  const std::int64_t n = a.order();
  const std::vector<std::int64_t> items{1};
  std::vector<double> x(static_cast<std::size_t>(n)), y(x.size());
  fill_normal({1, Stream::probes}, items, 0, {x.data(), n, 1, n});
  double norm = 0;
  for (int step = 0; step < 4; ++step) {
    const double length = blas::nrm2(x);
    if (!(length > 0)) break;
    blas::scal(1 / length, x);
    a.apply({x.data(), n, 1, n}, {y.data(), n, 1, n});
    norm = blas::nrm2(y);
    x.swap(y);
  }
  return comm.max(norm);
}

}  // namespace

KrylovSchurResult krylov_schur(const Communicator& comm, const LinearOperator& a,
                               std::int64_t count) {
  const std::int64_t n = a.order();
  // PETSc's row partition written as blocks of a P × 1 grid, so that redistribute() takes it.
  const std::int64_t share = (n + comm.size() - 1) / comm.size();
  const CyclicAxis rows(n, share, comm.size());
  const std::int64_t local_n = rows.local_extent(comm.rank());
  const std::int64_t first = std::min<std::int64_t>(n, share * comm.rank());

  std::vector<double> whole(static_cast<std::size_t>(n)), product(whole.size());
  const auto apply = [&](std::span<const double> x, std::span<double> y) {
    std::fill(whole.begin(), whole.end(), 0.0);
    std::copy(x.begin(), x.end(), whole.begin() + first);
    comm.sum(whole);
    a.apply({whole.data(), n, 1, n}, {product.data(), n, 1, n});
    std::copy_n(product.begin() + first, y.size(), y.begin());
  };
  comm.agree([&] { fault_point("eigen.solve"); });
  const double tolerance =
      std::max(std::sqrt(static_cast<double>(n)) * unit_roundoff, a.relative_error()) *
      norm_estimate(comm, a);
  SlepcResult top;
  std::exception_ptr failure;  // SLEPc communicates: its errors are agreed on afterwards
  try {
    top = slepc_largest(comm.native(), n, local_n, count, tolerance, apply);
  } catch (...) {
    failure = std::current_exception();
  }
  comm.agree([&] {
    if (failure) std::rethrow_exception(failure);
  });

  KrylovSchurResult result;
  result.eigenvalue = std::move(top.eigenvalue);
  const ProcessGrid column(comm, {comm.size(), 1});
  result.vectors = DistMatrix::make(column, n, count, share, count);
  std::copy(top.vectors.begin(), top.vectors.end(), result.vectors->local().data);
  return result;
}

KrylovSchurResult krylov_schur(const DistMatrix& a, SymmetricFill fill, std::int64_t count) {
  KrylovSchurResult result = krylov_schur(a.grid().parent(), MatrixOperator(a, fill), count);
  DistMatrix vectors = DistMatrix::make(a.grid(), a.rows(), count, a.mb(), a.nb());
  redistribute(*result.vectors, vectors);
  result.vectors = std::move(vectors);
  return result;
}

#else

KrylovSchurResult krylov_schur(const Communicator&, const LinearOperator&, std::int64_t) {
  throw AgreedError(
      ExitCode::deck,
      "this build has no SLEPc: install libslepc-real-dev and configure again, or use elpa1, "
      "elpa2, scalapack");
}

KrylovSchurResult krylov_schur(const DistMatrix& a, SymmetricFill fill, std::int64_t count) {
  return krylov_schur(a.grid().parent(), MatrixOperator(a, fill), count);
}

#endif

}  // namespace fathom
