#include "eigen/krylov_schur.hpp"

#include "base/fault.hpp"
#include "base/random.hpp"
#include "dist/operations.hpp"
#include "eigen/error_bound.hpp"

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
double norm_estimate(const DistMatrix& a, SymmetricFill fill) {
  const std::int64_t n = a.rows();
  const std::vector<std::int64_t> items{1};
  std::vector<double> x(static_cast<std::size_t>(n));
  fill_normal({1, Stream::probes}, items, 0, {x.data(), n, 1, n});
  double norm = 0;
  for (int step = 0; step < 4; ++step) {
    double square = 0;
    for (const double value : x)
      square += value * value;
    if (!(square > 0)) return 0;
    for (double& value : x)
      value /= std::sqrt(square);
    x = symmetric_apply(a, fill, x, 1);
    square = 0;
    for (const double value : x)
      square += value * value;
    norm = std::sqrt(square);
    a.grid().parent().broadcast(x);
  }
  return a.grid().parent().max(norm);
}

}  // namespace

KrylovSchurResult krylov_schur(const DistMatrix& a, SymmetricFill fill, std::int64_t count) {
  const Communicator& comm = a.grid().parent();
  const std::int64_t n = a.rows();
  // PETSc's row partition written as blocks of a P × 1 grid, so that redistribute() takes it back.
  const std::int64_t share = (n + comm.size() - 1) / comm.size();
  const CyclicAxis rows(n, share, comm.size());
  const std::int64_t local_n = rows.local_extent(comm.rank());
  const std::int64_t first = std::min<std::int64_t>(n, share * comm.rank());

  const auto apply = [&](std::span<const double> x, std::span<double> y) {
    std::vector<double> whole(static_cast<std::size_t>(n), 0.0);
    std::copy(x.begin(), x.end(), whole.begin() + first);
    comm.sum(whole);
    const auto product = symmetric_apply(a, fill, whole, 1);
    std::copy_n(product.begin() + first, y.size(), y.begin());
  };
  comm.agree([&] { fault_point("eigen.solve"); });
  const double tolerance =
      std::sqrt(static_cast<double>(n)) * unit_roundoff * norm_estimate(a, fill);
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
  DistMatrix slices = DistMatrix::make(column, n, count, share, count);
  std::copy(top.vectors.begin(), top.vectors.end(), slices.local().data);
  result.vectors = DistMatrix::make(a.grid(), n, count, a.mb(), a.nb());
  redistribute(slices, *result.vectors);
  return result;
}

#else

KrylovSchurResult krylov_schur(const DistMatrix&, SymmetricFill, std::int64_t) {
  throw Error(
      ExitCode::deck,
      "this build has no SLEPc: install libslepc-real-dev and configure again, or use elpa1, "
      "elpa2, scalapack");
}

#endif

}  // namespace fathom
