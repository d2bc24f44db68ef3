#include "eigen/row_accuracy.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "dist/factorisations.hpp"
#include "dist/operations.hpp"
#include "eigen/error_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t probe_count = 16;

DistMatrix copy_of(const DistMatrix& a, std::int64_t cols) {
  DistMatrix copy = DistMatrix::make(a.grid(), a.rows(), cols, a.mb(), a.nb());
  for (std::int64_t j = 0; j < copy.local_cols(); ++j)
    std::copy_n(a.local().col(j), a.local_rows(), copy.local().col(j));
  return copy;
}

/// 1/x; nothing where a norm is zero, not finite, or so small that its reciprocal overflows.
std::vector<double> reciprocals(const std::vector<double>& norm) {
  std::vector<double> inverse(norm.size());
  for (std::size_t k = 0; k < norm.size(); ++k) {
    inverse[k] = 1 / norm[k];
    if (!(norm[k] > 0) || !std::isfinite(norm[k]) || !std::isfinite(inverse[k])) return {};
  }
  return inverse;
}

double root_of_squares(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x)
    sum = std::hypot(sum, v);
  return std::isnan(sum) ? infinity : sum;
}

enum class Scaling { rows, columns };

/// Inverse of a triangle whose rows (or columns) are divided by their norms first: nothing leaves
/// the range however they fall. None where it is singular.
std::optional<DistMatrix> scaled_inverse(const DistMatrix& r, Triangle triangle, Scaling scaling,
                                         const std::vector<double>& norm) {
  const std::vector<double> factor = reciprocals(norm);
  if (factor.empty()) return {};
  DistMatrix b = copy_of(r, r.cols());
  if (scaling == Scaling::rows)
    scale_rows(b, factor);
  else
    scale_columns(b, factor);
  if (!invert_triangular(triangle, b)) return {};
  return b;
}

double norm_of(const std::optional<DistMatrix>& inverse) {
  return inverse ? root_of_squares(column_norms(*inverse)) : infinity;
}

/// Signs ±1, dealt by a fixed rule: the mean of ‖A·s‖² over them is ‖A‖_F² (Hutchinson).
DistMatrix sign_probes(const ProcessGrid& grid, std::int64_t rows, std::int64_t block) {
  DistMatrix z = DistMatrix::make(grid, rows, probe_count, block, block);
  z.fill_from([](std::int64_t i, std::int64_t j) {
    std::uint64_t key = static_cast<std::uint64_t>(i * probe_count + j + 1) * 0x9e3779b97f4a7c15u;
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
    return ((key ^ (key >> 27)) * 0x94d049bb133111ebu) >> 63 ? 1.0 : -1.0;
  });
  return z;
}

DistMatrix product(const DistMatrix& a, const DistMatrix& b) {
  DistMatrix c = DistMatrix::make(a.grid(), a.rows(), b.cols(), a.mb(), a.nb());
  multiply(Op::none, Op::none, 1.0, a, b, 0.0, c);
  return c;
}

/// What a pass over G leaves.
struct Pass {
  DistMatrix sum;     ///< XᵀX of X = G·R⁻¹, lower triangle
  SquareSum carried;  ///< of F₂·B₁⁻¹·s over the probes s
};

Pass pass_over(RotatedRows& rows, std::int64_t chunk, const DistMatrix& r,
               const std::optional<DistMatrix>& probes) {
  const std::int64_t q = r.rows();
  Pass pass{DistMatrix::make(r.grid(), q, q, r.mb(), r.nb()), {}};
  pass.sum.fill(0.0);
  const auto add = [&](DistMatrix&& part) {
    solve_triangular(Side::right, Triangle::upper, Op::none, 1.0, r, part);
    rank_k_update(Op::transpose, 1.0, part, 1.0, pass.sum);
  };
  add(copy_of(rows.leading(), q));
  for (std::int64_t first = q; first < rows.rows(); first += chunk) {
    DistMatrix part = rows.read(first, std::min(chunk, rows.rows() - first));
    if (probes) pass.carried.add(product(part, *probes));
    add(std::move(part));
  }
  return pass;
}

double departure_from_identity(const DistMatrix& s) {
  DistMatrix difference = copy_of(s, s.cols());
  for (std::int64_t j = 0; j < difference.local_cols(); ++j)
    for (std::int64_t i = 0; i < difference.local_rows(); ++i)
      if (difference.global_row(LocalIndex(i)) == difference.global_col(LocalIndex(j)))
        difference.local()(i, j) -= 1;
  return frobenius_norm(difference, SymmetricFill::lower);
}

/// Measures; where G is not orthogonal in the triangle's terms but near it, multiplies the triangle
/// by the Cholesky factor of what was measured, and measures again. Returns the last pass.
Pass measure_and_correct(RotatedRows& rows, std::int64_t chunk,
                         const std::optional<DistMatrix>& probes, ReducedFactor& reduced,
                         Progress& progress) {
  constexpr double small = 1e-10, near = 0.5;
  const double q = double(rows.order());
  for (bool corrected = false;; corrected = true) {
    Pass pass = pass_over(rows, chunk, reduced.a, probes);
    reduced.orthogonality = departure_from_identity(pass.sum);
    reduced.flops += 2 * double(rows.rows()) * q * q;
    if (reduced.orthogonality <= small || (corrected && reduced.orthogonality < near)) return pass;
    const bool hopeless = !(reduced.orthogonality < near) || !cholesky(pass.sum);
    if (hopeless)
      throw AgreedError(ExitCode::certificate,
                        "the triangle of a reduced factor does not belong to it: "
                        "|(F/R)^T(F/R) - I| = {:.1e}",
                        reduced.orthogonality);
    progress.warn(fmt::format("reduced factor: |(F/R)^T(F/R) - I| = {:.1e}, corrected",
                              reduced.orthogonality));
    DistMatrix better = DistMatrix::make(pass.sum.grid(), pass.sum.rows(), pass.sum.cols(),
                                         pass.sum.mb(), pass.sum.nb());
    multiply(Op::transpose, Op::none, 1.0, pass.sum, reduced.a, 0.0, better);
    keep_triangle(Triangle::upper, better);
    reduced.a = std::move(better);
  }
}

/// For tests: R as it would be after a fault.
void plant_fault(DistMatrix& r) {
  const bool shift = fault_armed("eigen.reduce", "shift"),
             scale = fault_armed("eigen.reduce", "swap");
  if ((shift || scale) && r.local_rows() > 0 && r.local_cols() > 0)
    r.local()(0, 0) *= shift ? 1.001 : 3.0;
}

}  // namespace

RotatedRows::RotatedRows(FactorRows& rows, const FactorSource& source, const ProcessGrid& grid,
                         std::int64_t block, std::int64_t order)
    : rows_(rows),
      source_(source),
      leading_(rows.read(0, order)),
      rotation_(DistMatrix::make(grid, 0, 0, block, block)) {
  leading_norms_ = row_norms(leading_);
  SquareSum squares;
  squares.add(leading_);
  leading_frobenius_ = squares.root(grid.parent());
  rotation_ = reduce_rows(leading_);
  if (leading_.cols() > order) leading_ = copy_of(leading_, order);
  const double n = double(source.cols()), q = double(order);
  flops_ = 2 * q * q * (n - q / 3) + 4.0 / 3.0 * q * q * n;
}

DistMatrix RotatedRows::read(std::int64_t first, std::int64_t count, SquareSum* squares) {
  const DistMatrix plain = rows_.read(first, count);
  if (squares) squares->add(plain);
  DistMatrix turned =
      DistMatrix::make(plain.grid(), count, rotation_.cols(), plain.mb(), plain.nb());
  multiply(Op::none, Op::none, 1.0, plain, rotation_, 0.0, turned);
  flops_ += 2.0 * double(count) * double(rotation_.rows()) * double(rotation_.cols());
  return turned;
}

double RotatedRows::row_error() const {
  // Twice what was measured at n = 100, 400 and 1000 (8, 11 and 12 ε for L, 4, 5 and 9 for F₂Q).
  return unit_roundoff * (8 + std::sqrt(double(rotation_.rows())) / 2);
}

double RotatedRows::error(double frobenius) const {
  return row_error() * frobenius;
}

void measure_row_accuracy(RotatedRows& rows, double others, std::int64_t chunk,
                          ReducedFactor& reduced, Progress& progress) {
  plant_fault(reduced.a);
  const double q = double(rows.order());
  // nε|R||R⁻¹| on each row of X = G·R⁻¹, √n for n as its parts have independent signs; with R = C·D
  // the sizes D of the columns cancel.
  const double solve = unit_roundoff * std::sqrt(q) *
                       norm_of(scaled_inverse(reduced.a, Triangle::upper, Scaling::columns,
                                              column_norms(reduced.a)));
  if (!(solve < 1e-3)) return;
  double ahead = infinity;  // ‖B₁⁻¹‖_F
  std::optional<DistMatrix> probes;
  if (const auto inverse =
          scaled_inverse(rows.leading(), Triangle::lower, Scaling::rows, rows.leading_norms())) {
    ahead = norm_of(inverse);
    probes = product(*inverse, sign_probes(inverse->grid(), inverse->rows(), inverse->mb()));
  }
  const Pass pass = measure_and_correct(rows, chunk, probes, reduced, progress);

  const std::vector<double> norm = row_norms(reduced.a);
  const auto inverse = scaled_inverse(reduced.a, Triangle::upper, Scaling::rows, norm);
  if (!inverse || !probes) return;
  std::vector<double> column = column_norms(*inverse);
  reduced.row_condition = root_of_squares(column);
  const double carried =
      pass.carried.root(inverse->grid().parent()) / std::sqrt(double(probe_count));
  for (std::size_t j = 0; j < column.size(); ++j)  // R⁻¹ = B⁻¹D⁻¹ times what F₂ brings with it
    column[j] *= std::hypot(carried, others) / norm[j];
  const double behind = root_of_squares(column) / std::sqrt(q);
  constexpr double safety = 4;
  reduced.row_sensitivity = safety * std::hypot(ahead, behind);
  const double relative =
      (reduced.row_sensitivity + 1) * rows.row_error() + reduced.orthogonality + 2 * solve;
  if (relative < 0.5) reduced.relative_error = relative;
}

}  // namespace fathom
