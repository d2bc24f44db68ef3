#include "dist/factorisations.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "dist/operations.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <optional>

namespace fathom {
namespace {

/// The library communicates inside, so an error is kept and agreed on afterwards.
template <class Call>
void call_agreed(const ProcessGrid& grid, const char* point, Call&& call) {
  grid.parent().agree([&] { fault_point(point); });
  std::exception_ptr failure;
  if (grid.active()) {
    try {
      call();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  grid.parent().agree([&] {
    if (failure) std::rethrow_exception(failure);
  });
}

/// What ScaLAPACK reports on active ranks, on idle ones too.
std::int64_t on_all(const ProcessGrid& grid, int info) {
  return grid.parent().max(std::int64_t{info});
}

void assert_same_grid(const DistMatrix& a, const DistMatrix& b) {
  FATHOM_ASSERT(
      a.grid().blacs_context() == b.grid().blacs_context() && a.grid().shape() == b.grid().shape(),
      "matrices on different grids");
}

std::vector<double> reflector_factors(std::int64_t count) {
  return std::vector<double>(static_cast<std::size_t>(std::max<std::int64_t>(1, count)), 0.0);
}

/// √Σx² a row or column, in two passes: the largest first, so that no square leaves the range.
std::vector<double> norms(const DistMatrix& a, bool of_rows) {
  const Communicator& all = a.grid().parent();
  const auto extent = static_cast<std::size_t>(of_rows ? a.rows() : a.cols());
  const MatrixView<const double> local = a.local();
  const std::vector<std::int64_t> row = a.distribution().rows.global_indices(a.grid().myrow()),
                                  col = a.distribution().cols.global_indices(a.grid().mycol());
  const auto visit = [&](auto&& take) {
    for (std::size_t j = 0; j < col.size(); ++j)
      for (std::size_t i = 0; i < row.size(); ++i)
        take(static_cast<std::size_t>(of_rows ? row[i] : col[j]),
             local(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)));
  };
  std::vector<double> largest(extent, 0.0), sum(extent, 0.0);
  visit([&](std::size_t k, double x) {
    largest[k] =
        std::isnan(x) ? std::numeric_limits<double>::infinity() : std::max(largest[k], std::abs(x));
  });
  all.max(std::span(largest));
  std::vector<int> exponent(extent, 0);
  for (std::size_t k = 0; k < extent; ++k)
    if (largest[k] > 0 && std::isfinite(largest[k])) exponent[k] = std::ilogb(largest[k]);
  visit([&](std::size_t k, double x) {
    const double scaled = std::ldexp(x, -exponent[k]);
    sum[k] += scaled * scaled;
  });
  all.sum(std::span(sum));
  for (std::size_t k = 0; k < extent; ++k)
    sum[k] = std::ldexp(std::sqrt(sum[k]), exponent[k]);
  return sum;
}

}  // namespace

void reduce_to_triangle(DistMatrix& a, std::int64_t rows) {
  FATHOM_ASSERT(rows >= 0 && rows <= a.rows(), "{} rows of {}", rows, a.rows());
  if (rows > 0 && a.cols() > 0)
    call_agreed(a.grid(), "dist.qr", [&] {
      std::vector<double> tau = reflector_factors(a.local_cols());
      scalapack::pdgeqrf(rows, a.cols(), a.part(), tau);
    });
  const CyclicAxis& row = a.distribution().rows;
  for (std::int64_t j = 0; j < a.local_cols(); ++j) {
    const std::int64_t below = std::min(rows, a.global_col(LocalIndex(j)).value() + 1);
    const std::int64_t first = row.lower_bound(GlobalIndex(below), a.grid().myrow()).value(),
                       last = row.lower_bound(GlobalIndex(rows), a.grid().myrow()).value();
    std::fill(a.local().col(j) + first, a.local().col(j) + last, 0.0);
  }
}

namespace {

/// By QR of Aᵀ: the same reflections, whose panels are columns. On a wide grid a panel of columns
/// stands on few ranks, one of rows on many, and each reflection is a message between these.
DistMatrix reduce_rows_by_columns(DistMatrix& a) {
  DistMatrix q = DistMatrix::make(a.grid(), a.cols(), a.rows(), a.mb(), a.nb());
  DistMatrix r = DistMatrix::make(a.grid(), a.rows(), a.rows(), a.mb(), a.nb());
  call_agreed(a.grid(), "dist.lq", [&] {
    std::vector<double> tau = reflector_factors(q.local_cols());
    scalapack::pdtran(a.cols(), a.rows(), 1.0, a.part(), 0.0, q.part());
    scalapack::pdgeqrf(a.cols(), a.rows(), q.part(), tau);
    scalapack::pdtran(a.rows(), a.rows(), 1.0, q.part(), 0.0, r.part());
    scalapack::pdorgqr(a.cols(), a.rows(), a.rows(), q.part(), tau);
  });
  keep_triangle(Triangle::lower, r);
  const std::int64_t triangle = r.local_cols();
  for (std::int64_t j = 0; j < a.local_cols(); ++j) {
    if (j < triangle)
      std::copy_n(r.local().col(j), a.local_rows(), a.local().col(j));
    else
      std::fill_n(a.local().col(j), a.local_rows(), 0.0);
  }
  return q;
}

}  // namespace

DistMatrix reduce_rows(DistMatrix& a) {
  FATHOM_ASSERT(a.rows() <= a.cols(), "LQ of {} x {}", a.rows(), a.cols());
  if (a.rows() > 0 && a.mb() == a.nb() && a.grid().nprow() < a.grid().npcol())
    return reduce_rows_by_columns(a);
  DistMatrix q = DistMatrix::make(a.grid(), a.rows(), a.cols(), a.mb(), a.nb());
  DistMatrix result = DistMatrix::make(a.grid(), a.cols(), a.rows(), a.mb(), a.nb());
  if (a.rows() == 0) return result;
  call_agreed(a.grid(), "dist.lq", [&] {
    std::vector<double> tau = reflector_factors(a.local_rows());
    scalapack::pdgelqf(a.rows(), a.cols(), a.part(), tau);
    for (std::int64_t j = 0; j < a.local_cols(); ++j)
      std::copy_n(a.local().col(j), a.local_rows(), q.local().col(j));
    scalapack::pdorglq(a.rows(), a.cols(), a.rows(), q.part(), tau);
    scalapack::pdtran(a.cols(), a.rows(), 1.0, q.part(), 0.0, result.part());
  });
  keep_triangle(Triangle::lower, a);
  return result;
}

std::optional<double> cholesky_orthonormalise(DistMatrix& a) {
  const std::int64_t n = a.cols();
  DistMatrix gram = DistMatrix::make(a.grid(), n, n, a.nb(), a.nb());
  gram.fill(0.0);
  rank_k_update(Op::transpose, 1.0, a, 0.0, gram);
  double square = 0;
  for (std::int64_t j = 0; j < gram.local_cols(); ++j)
    for (std::int64_t i = 0; i < gram.local_rows(); ++i) {
      const std::int64_t row = gram.global_row(LocalIndex(i)).value(),
                         col = gram.global_col(LocalIndex(j)).value();
      const double off = gram.local()(i, j) - (row == col ? 1.0 : 0.0);
      if (row >= col) square += (row == col ? 1 : 2) * off * off;
    }
  double defect = std::sqrt(a.grid().parent().sum(square));
  a.grid().parent().broadcast(std::span(&defect, 1));
  if (!cholesky(gram)) return {};
  solve_triangular(Side::right, Triangle::lower, Op::transpose, 1.0, gram, a);
  return defect;
}

namespace {

void householder_columns(DistMatrix& a) {
  call_agreed(a.grid(), "dist.qr", [&] {
    std::vector<double> tau = reflector_factors(a.local_cols());
    scalapack::pdgeqrf(a.rows(), a.cols(), a.part(), tau);
    scalapack::pdorgqr(a.rows(), a.cols(), a.cols(), a.part(), tau);
  });
}

}  // namespace

void orthonormalise_columns(DistMatrix& a) {
  FATHOM_ASSERT(a.rows() >= a.cols(), "basis of {} x {}", a.rows(), a.cols());
  if (a.cols() == 0) return;
  std::vector<double> factor = column_norms(a);
  for (double& f : factor)
    f = f > 0 ? std::clamp(1 / f, 0x1p-1000, 0x1p1000) : 1.0;
  scale_columns(a, factor);
  // A first step leaves cond(A)²ε of AᵀA − I: below a half the second one leaves rounding.
  bool good = cholesky_orthonormalise(a).has_value();
  if (good) {
    const std::optional<double> defect = cholesky_orthonormalise(a);
    good = defect && *defect < 0.5;
  }
  if (!good) householder_columns(a);
}

void solve_triangular(Side side, Triangle triangle, Op op, double alpha, const DistMatrix& a,
                      DistMatrix& b) {
  assert_same_grid(a, b);
  FATHOM_ASSERT(a.rows() == a.cols() && a.rows() == (side == Side::left ? b.rows() : b.cols()),
                "triangle {} x {} and {} x {}", a.rows(), a.cols(), b.rows(), b.cols());
  if (!b.grid().active() || b.rows() == 0 || b.cols() == 0) return;
  scalapack::pdtrsm(side, triangle, op, b.rows(), b.cols(), alpha, a.part(), b.part());
}

bool invert_triangular(Triangle triangle, DistMatrix& a) {
  FATHOM_ASSERT(a.rows() == a.cols() && a.mb() == a.nb(), "inverse of {} x {} in blocks {} x {}",
                a.rows(), a.cols(), a.mb(), a.nb());
  if (a.rows() == 0) return true;
  int info = 0;
  call_agreed(a.grid(), "dist.inverse",
              [&] { info = scalapack::pdtrtri(triangle, a.rows(), a.part()); });
  return on_all(a.grid(), info) == 0;
}

bool cholesky(DistMatrix& a) {
  FATHOM_ASSERT(a.rows() == a.cols() && a.mb() == a.nb(), "Cholesky of {} x {} in blocks {} x {}",
                a.rows(), a.cols(), a.mb(), a.nb());
  if (a.rows() == 0) return true;
  int info = 0;
  call_agreed(a.grid(), "dist.cholesky",
              [&] { info = scalapack::pdpotrf(Triangle::lower, a.rows(), a.part()); });
  keep_triangle(Triangle::lower, a);
  return on_all(a.grid(), info) == 0;
}

void keep_triangle(Triangle triangle, DistMatrix& a) {
  const CyclicAxis& row = a.distribution().rows;
  for (std::int64_t j = 0; j < a.local_cols(); ++j) {
    const GlobalIndex diagonal = a.global_col(LocalIndex(j));
    double* column = a.local().col(j);
    if (triangle == Triangle::lower)
      std::fill(column, column + row.lower_bound(diagonal, a.grid().myrow()).value(), 0.0);
    else
      std::fill(column + row.lower_bound(diagonal + 1, a.grid().myrow()).value(),
                column + a.local_rows(), 0.0);
  }
}

std::vector<double> row_norms(const DistMatrix& a) {
  return norms(a, true);
}

std::vector<double> column_norms(const DistMatrix& a) {
  return norms(a, false);
}

void scale_rows(DistMatrix& a, std::span<const double> factor) {
  FATHOM_ASSERT(std::ssize(factor) == a.rows(), "{} factors for {} rows", factor.size(), a.rows());
  for (std::int64_t i = 0; i < a.local_rows(); ++i) {
    const double f = factor[static_cast<std::size_t>(a.global_row(LocalIndex(i)).value())];
    for (std::int64_t j = 0; j < a.local_cols(); ++j)
      a.local()(i, j) *= f;
  }
}

void scale_columns(DistMatrix& a, std::span<const double> factor) {
  FATHOM_ASSERT(std::ssize(factor) == a.cols(), "{} factors for {} columns", factor.size(),
                a.cols());
  for (std::int64_t j = 0; j < a.local_cols(); ++j) {
    const double f = factor[static_cast<std::size_t>(a.global_col(LocalIndex(j)).value())];
    for (std::int64_t i = 0; i < a.local_rows(); ++i)
      a.local()(i, j) *= f;
  }
}

}  // namespace fathom
