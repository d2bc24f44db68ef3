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

/// ‖R⁻¹‖_F.
double inverse_norm(const DistMatrix& r, Triangle triangle) {
  const std::vector<double> norm = row_norms(r);
  const auto inverse = scaled_inverse(r, triangle, Scaling::rows, norm);
  if (!inverse) return infinity;
  std::vector<double> column = column_norms(*inverse);
  for (std::size_t j = 0; j < column.size(); ++j)
    column[j] /= norm[j];
  return root_of_squares(column);
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

/// What a pass over F with probes leaves.
struct Probed {
  double orthogonality;  ///< about ‖XᵀX − I‖_F, X = G·R⁻¹
  double carried;        ///< about ‖F₂·B₁⁻¹‖_F
};

/// Rows of F that were reduced: chunk by chunk, made again.
template <class Visit>
void visit_reduced(RotatedRows& rows, const SmallRows& small, std::int64_t chunk, Visit&& visit) {
  for (const std::int64_t first : small.refused())
    visit(rows.plain(first, std::min(chunk, rows.rows() - first)));
}

/// (X·s)ᵀ(X·s) of probes s, and with F₂ the squares that `ahead` makes.
Probed probe(RotatedRows& rows, const SmallRows& small, std::int64_t chunk, const DistMatrix& r,
             const DistMatrix& signs, const DistMatrix& ahead) {
  DistMatrix solved = copy_of(signs, probe_count);
  solve_triangular(Side::left, Triangle::upper, Op::none, 1.0, r, solved);
  const DistMatrix turned = product(rows.rotation(), solved),
                   turned_ahead = product(rows.rotation(), ahead);
  DistMatrix inner = DistMatrix::make(r.grid(), probe_count, probe_count, r.mb(), r.nb());
  // From −sᵀs on, so that what is left is sᵀ(XᵀX − I)s.
  multiply(Op::transpose, Op::none, -1.0, signs, signs, 0.0, inner);
  rank_k_update(Op::transpose, 1.0, product(rows.leading(), solved), 1.0, inner);
  SquareSum carried;
  visit_reduced(rows, small, chunk, [&](const DistMatrix& part) {
    rank_k_update(Op::transpose, 1.0, product(part, turned), 1.0, inner);
    carried.add(product(part, turned_ahead));
  });
  double carried_squares = std::pow(carried.root(r.grid().parent()), 2);
  if (small.any()) {
    add(small.products(turned), inner);
    carried_squares += std::max(0.0, trace(small.products(turned_ahead)));
  }
  // The mean square of sᵢᵀ(XᵀX − I)sⱼ over pairs i ≠ j is that of the norm, and over i = j that of
  // the trace and twice the rest. Twice the root: there are 136 of them, not independent.
  const double off = frobenius_norm(inner, SymmetricFill::lower) / double(probe_count);
  return {2 * off, std::sqrt(carried_squares / double(probe_count))};
}

/// XᵀX of X = G·R⁻¹, lower triangle, in full.
DistMatrix orthogonality_sum(RotatedRows& rows, const SmallRows& small, std::int64_t chunk,
                             const DistMatrix& r) {
  const std::int64_t q = r.rows();
  DistMatrix sum = DistMatrix::make(r.grid(), q, q, r.mb(), r.nb());
  sum.fill(0.0);
  const auto add_rows = [&](DistMatrix&& part) {
    solve_triangular(Side::right, Triangle::upper, Op::none, 1.0, r, part);
    rank_k_update(Op::transpose, 1.0, part, 1.0, sum);
  };
  add_rows(copy_of(rows.leading(), q));
  visit_reduced(rows, small, chunk, [&](const DistMatrix& part) { add_rows(rows.turned(part)); });
  if (small.any()) {
    DistMatrix back = copy_of(rows.rotation(), rows.rotation().cols());
    solve_triangular(Side::right, Triangle::upper, Op::none, 1.0, r, back);
    add(small.products(back), sum);
  }
  return sum;
}

/// R ← U·R with UᵀU = S, whose lower triangle is given. False where S is not positive.
bool multiply_by_root(DistMatrix& sum, DistMatrix& r) {
  if (!cholesky(sum)) return false;
  DistMatrix better = DistMatrix::make(r.grid(), r.rows(), r.cols(), r.mb(), r.nb());
  multiply(Op::transpose, Op::none, 1.0, sum, r, 0.0, better);
  keep_triangle(Triangle::upper, better);
  r = std::move(better);
  return true;
}

/// Measures by probes; where G is not orthogonal in the triangle's terms but near it, multiplies
/// the triangle by the Cholesky factor of XᵀX in full, and measures again. Returns ‖F₂·B₁⁻¹‖_F.
double measure_and_correct(RotatedRows& rows, const SmallRows& small, std::int64_t chunk,
                           double noise, const DistMatrix& signs, const DistMatrix& ahead,
                           ReducedFactor& reduced, Progress& progress) {
  constexpr double near = 0.5;
  const double orthogonal = std::max(1e-10, 10 * noise);
  const double q = double(rows.order());
  for (bool corrected = false;; corrected = true) {
    const Probed found = probe(rows, small, chunk, reduced.a, signs, ahead);
    reduced.orthogonality = found.orthogonality;
    if (found.orthogonality <= orthogonal || (corrected && found.orthogonality < near))
      return found.carried;
    DistMatrix sum = orthogonality_sum(rows, small, chunk, reduced.a);
    reduced.flops += 2 * double(rows.rows()) * q * q;
    if (!(found.orthogonality < near) || !multiply_by_root(sum, reduced.a))
      throw AgreedError(ExitCode::certificate,
                        "the triangle of a reduced factor does not belong to it: "
                        "|(F/R)^T(F/R) - I| = {:.1e}",
                        found.orthogonality);
    progress.warn(
        fmt::format("reduced factor: |(F/R)^T(F/R) - I| = {:.1e}, corrected", found.orthogonality));
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

DistMatrix RotatedRows::turned(const DistMatrix& plain) {
  flops_ += 2.0 * double(plain.rows()) * double(rotation_.rows()) * double(rotation_.cols());
  return product(plain, rotation_);
}

double RotatedRows::row_error() const {
  // Twice what was measured at n = 100, 400 and 1000 (8, 11 and 12 ε for L, 4, 5 and 9 for F₂Q).
  return unit_roundoff * (8 + std::sqrt(double(rotation_.rows())) / 2);
}

double RotatedRows::error(double frobenius) const {
  return row_error() * frobenius;
}

void SmallRows::set_reference(const DistMatrix& r, Triangle triangle) {
  inverse_ = inverse_norm(r, triangle);
}

double SmallRows::relative_error() const {
  const double spread = std::max(4.0, drift()) * unit_roundoff * squares_ / double(rows_.order());
  return any() ? (spread + excess_) * inverse_ * inverse_ : 0.0;
}

double SmallRows::error() const {
  return any() ? (std::max(1.0, drift()) * unit_roundoff * squares_ + excess_) * inverse_ : 0.0;
}

bool SmallRows::take(const DistMatrix& plain, std::int64_t first, const SquareSum& squares) {
  constexpr double small = 1e-11;
  const double norm = squares.root(plain.grid().parent()), all = squares_ + norm * norm,
               lost = unit_roundoff * all * inverse_ * inverse_ / double(rows_.order());
  if (!(lost <= small)) {
    refused_.push_back(first);
    return false;
  }
  const ProcessGrid& grid = plain.grid();
  if (!any()) {
    sum_.emplace(DistMatrix::make(grid, plain.cols(), plain.cols(), plain.mb(), plain.nb()));
    seen_.emplace(DistMatrix::make(grid, plain.cols(), probe_count, plain.mb(), plain.nb()));
    signs_.emplace(sign_probes(grid, plain.cols(), plain.nb()));
    sum_->fill(0.0);
    seen_->fill(0.0);
  }
  rank_k_update(Op::transpose, 1.0, plain, 1.0, *sum_);
  multiply(Op::transpose, Op::none, 1.0, plain, product(plain, *signs_), 1.0, *seen_);
  squares_ = all;
  taken_ += plain.rows();
  constexpr std::int64_t added_at_once = 256;  // by a dgemm in its registers
  additions_ += 1 + plain.rows() / added_at_once;
  flops_ += double(plain.rows()) * double(plain.cols()) * double(plain.cols());
  return true;
}

void SmallRows::check_sum() {
  // Rounding of a sum of p products of rows that fall: measured below 2ε, n = 16 … 1000. Rows that
  // are equal are rounded the same way again and again: 870ε for a million of them. What is above
  // the usual joins the bounds.
  const double rows = double(taken_), usual = unit_roundoff * std::max(10.0, drift()),
               rounding = unit_roundoff * (30 + rows / 64) + usual,
               underflow =
                   8 * rows * double(sum_->rows()) * std::numeric_limits<double>::denorm_min();
  DistMatrix missed = product(*sum_, *signs_);
  for (std::int64_t j = 0; j < missed.local_cols(); ++j)
    for (std::int64_t i = 0; i < missed.local_rows(); ++i)
      missed.local()(i, j) -= seen_->local()(i, j);
  const double off = frobenius_norm(missed, SymmetricFill::full) / std::sqrt(double(probe_count));
  if (!(off <= rounding * squares_ + underflow))
    throw AgreedError(
        ExitCode::certificate,
        "the products of {:.3g} in squares of small rows of a factor are off by {:.1e}", squares_,
        off);
  excess_ = std::max(0.0, off - usual * squares_);
}

DistMatrix SmallRows::products(const DistMatrix& x) const {
  const DistMatrix half = product(*sum_, x);
  DistMatrix inner = DistMatrix::make(x.grid(), x.cols(), x.cols(), x.mb(), x.nb());
  multiply(Op::transpose, Op::none, 1.0, x, half, 0.0, inner);
  return inner;
}

void SmallRows::add_to(DistMatrix& r) {
  if (fault_armed("eigen.small_rows", "shift") && sum_->local_rows() > 0 && sum_->local_cols() > 0)
    sum_->local()(sum_->local_rows() - 1, 0) *= 1.001;
  mirror_lower(*sum_);
  check_sum();
  DistMatrix back = copy_of(rows_.rotation(), rows_.rotation().cols());
  solve_triangular(Side::right, Triangle::upper, Op::none, 1.0, r, back);
  DistMatrix sum = products(back);
  for (std::int64_t j = 0; j < sum.local_cols(); ++j)
    for (std::int64_t i = 0; i < sum.local_rows(); ++i)
      if (sum.global_row(LocalIndex(i)).value() == sum.global_col(LocalIndex(j)).value())
        sum.local()(i, j) += 1.0;
  if (!multiply_by_root(sum, r))
    throw AgreedError(ExitCode::solver,
                      "small rows of a factor could not be added to its triangle");
}

void measure_row_accuracy(RotatedRows& rows, const SmallRows& small, double others,
                          std::int64_t chunk, ReducedFactor& reduced, Progress& progress) {
  plant_fault(reduced.a);
  const double q = double(rows.order());
  // nε|R||R⁻¹| on each row of X = G·R⁻¹, √n for n as its parts have independent signs; with R = C·D
  // the sizes D of the columns cancel.
  const double solve = unit_roundoff * std::sqrt(q) *
                       norm_of(scaled_inverse(reduced.a, Triangle::upper, Scaling::columns,
                                              column_norms(reduced.a)));
  // The probes meet rows of F₂ with another rounding than the reduction did.
  const double noise =
      rows.row_error() * others * inverse_norm(reduced.a, Triangle::upper) / std::sqrt(q);
  if (!(solve < 1e-3) || !(others == 0 || noise < 1e-3)) return;
  const auto first =
      scaled_inverse(rows.leading(), Triangle::lower, Scaling::rows, rows.leading_norms());
  const double ahead = norm_of(first);  // ‖B₁⁻¹‖_F
  const DistMatrix signs = sign_probes(reduced.a.grid(), reduced.a.rows(), reduced.a.mb());
  const double carried = measure_and_correct(
      rows, small, chunk, others == 0 ? 0.0 : noise, signs,
      first ? product(*first, signs) : copy_of(signs, probe_count), reduced, progress);

  const std::vector<double> norm = row_norms(reduced.a);
  const auto inverse = scaled_inverse(reduced.a, Triangle::upper, Scaling::rows, norm);
  if (!inverse || !first) return;
  std::vector<double> column = column_norms(*inverse);
  reduced.row_condition = root_of_squares(column);
  for (std::size_t j = 0; j < column.size(); ++j)  // R⁻¹ = B⁻¹D⁻¹ times what F₂ brings with it
    column[j] *= std::hypot(carried, others) / norm[j];
  const double behind = root_of_squares(column) / std::sqrt(q);
  constexpr double safety = 4;
  reduced.row_sensitivity = safety * std::hypot(ahead, behind);
  const double relative = (reduced.row_sensitivity + 1) * rows.row_error() + reduced.orthogonality +
                          2 * solve + small.relative_error();
  if (relative < 0.5) reduced.relative_error = relative;
}

}  // namespace fathom
