#include "eigen/extended_cascade_head.hpp"

#include "base/assert.hpp"
#include "dist/operations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fathom {
namespace {

/// visit(i, j, element) for global i, j of every local element.
template <class Matrix, class Visit>
void for_each_local(Matrix& a, Visit&& visit) {
  const auto row = a.distribution().rows.global_indices(a.grid().myrow());
  const auto col = a.distribution().cols.global_indices(a.grid().mycol());
  const auto local = a.local();
  for (std::size_t j = 0; j < col.size(); ++j)
    for (std::size_t i = 0; i < row.size(); ++i)
      visit(static_cast<std::size_t>(row[i]), static_cast<std::size_t>(col[j]),
            local(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)));
}

/// Sums over ranks, rank 0's bits for all.
void sum_alike(const Communicator& comm, std::span<double> values) {
  comm.sum(values);
  comm.broadcast(values);
}

double to_bits_of_all(const Communicator& comm, double value) {
  sum_alike(comm, std::span(&value, 1));
  return value;
}

DistMatrix copy_of(const DistMatrix& a) {
  DistMatrix copy = DistMatrix::make(a.grid(), a.rows(), a.cols(), a.mb(), a.nb());
  for (std::int64_t j = 0; j < a.local_cols(); ++j)
    std::copy_n(a.local().col(j), a.local_rows(), copy.local().col(j));
  return copy;
}

double square_sum(const DistMatrix& a) {
  double sum = 0;
  for_each_local(a, [&](std::size_t, std::size_t, double x) { sum += x * x; });
  return to_bits_of_all(a.grid().parent(), sum);
}

std::vector<double> rounded(const std::vector<DoubleDouble>& values) {
  std::vector<double> out;
  for (const DoubleDouble& value : values)
    out.push_back(to_double(value));
  return out;
}

/// Errors of the blocks of R, Frobenius norms.
struct BlockErrors {
  double head, across, rest;
};

BlockErrors block_errors(const TransformedBlocks& blocks) {
  const double u = 1 + blocks.orthogonality;
  BlockErrors error{u * blocks.head_product_error, 0, 0};
  if (blocks.rest == 0) return error;
  error.across = u * blocks.rest_product_error + blocks.head_rest->error;
  error.rest = u * blocks.rest_product_error + blocks.rest_rest->error;
  return error;
}

/// Diagonal of R_rr, and an upper bound of its largest eigenvalue.
double bound_rest(TransformedBlocks& blocks, std::vector<double>& rest_diagonal) {
  if (blocks.rest == 0) return -std::numeric_limits<double>::infinity();
  const ExtendedMatrix& r = blocks.rest_rest->value;
  rest_diagonal = rounded(diagonal(r));
  double off = 0;
  for_each_local(r.hi,
                 [&](std::size_t i, std::size_t j, double x) { off += i == j ? 0.0 : x * x; });
  blocks.rest_off_diagonal = std::sqrt(to_bits_of_all(r.grid().parent(), off));
  return *std::max_element(rest_diagonal.begin(), rest_diagonal.end()) + blocks.rest_off_diagonal;
}

struct HeadSums {
  std::vector<double> all;  // inside, outside, correction
  std::size_t k;
  explicit HeadSums(std::size_t count) : all(3 * count, 0.0), k(count) {}
  double& inside(std::size_t i) { return all[i]; }
  double& outside(std::size_t i) { return all[k + i]; }
  double& correction(std::size_t i) { return all[2 * k + i]; }
};

HeadSums sum_rows(const TransformedBlocks& blocks, const HeadResult& head) {
  const std::vector<double>& rho = head.measures.value;
  HeadSums sums(rho.size());
  for_each_local(*blocks.head_head, [&](std::size_t i, std::size_t j, double x) {
    if (i <= j) return;
    const double square = x * x;
    const bool together = head.cluster[i] == head.cluster[j];
    for (const std::size_t k : {i, j})
      (together ? sums.inside(k) : sums.outside(k)) += square;
    if (together) return;
    sums.correction(i) += square / (rho[i] - rho[j]);
    sums.correction(j) += square / (rho[j] - rho[i]);
  });
  if (blocks.rest > 0)
    for_each_local(blocks.head_rest->value.hi, [&](std::size_t i, std::size_t j, double x) {
      sums.outside(i) += x * x;
      const double gap = rho[i] - head.rest_diagonal[j];
      if (gap > 4 * head.measures.coupling) sums.correction(i) += x * x / gap;
    });
  sum_alike(blocks.head_head->grid().parent(), sums.all);
  return sums;
}

/// F over R_hh's storage, Y = D^-½ R_hr over R_hr's leading part; returns an upper bound of ‖F‖_F.
double scale_blocks(TransformedBlocks& blocks, const std::vector<double>& rho, double n) {
  DistMatrix& f = *blocks.head_head;
  double f_square = 0;
  for_each_local(f, [&](std::size_t i, std::size_t j, double& x) {
    x = i == j ? 0.0 : x / std::sqrt(rho[i]) / std::sqrt(rho[j]);
    f_square += x * x;
  });
  for_each_local(blocks.head_rest->value.hi,
                 [&](std::size_t i, std::size_t, double& x) { x /= std::sqrt(rho[i]); });
  return std::sqrt(to_bits_of_all(f.grid().parent(), f_square)) + n * unit_roundoff;
}

/// s ← s − ZᵀZ.
void subtract_gram(const DistMatrix& z, ExtendedMatrix& s) {
  DistMatrix c = DistMatrix::make(s.grid(), s.rows(), s.cols(), s.hi.mb(), s.hi.nb());
  c.fill(0);
  rank_k_update(Op::transpose, 1.0, z, 0.0, c);
  mirror_lower(c);
  for (std::int64_t j = 0; j < c.local_cols(); ++j)
    for (std::int64_t i = 0; i < c.local_rows(); ++i)
      s.set(i, j, s.at(i, j) - c.local()(i, j));
}

}  // namespace

void take_head(TransformedBlocks& blocks, const DistMatrix& u, const ExtendedMatrix& product) {
  const auto k = static_cast<std::size_t>(u.cols());
  const ProcessGrid& grid = u.grid();
  std::vector<DoubleDouble> sums(2 * k, DoubleDouble(0.0));
  for (std::int64_t j = 0; j < u.local_cols(); ++j) {
    const auto mode = static_cast<std::size_t>(u.global_col(LocalIndex(j)).value());
    for (std::int64_t i = 0; i < u.local_rows(); ++i) {
      sums[mode] += product.at(i, j) * u.local()(i, j);
      sums[k + mode] += sqr(DoubleDouble(u.local()(i, j)));
    }
  }
  sum_in_order(grid.parent(), std::max(0, grid.myrow()), grid.nprow(), sums);
  blocks.diagonal.clear();
  for (std::size_t i = 0; i < k; ++i)
    blocks.diagonal.push_back(sums[i] / sums[k + i]);
  blocks.head_head.emplace(DistMatrix::make(grid, u.cols(), u.cols(), u.nb(), u.nb()));
  multiply(Op::transpose, Op::none, 1.0, product.hi, u, 0.0, *blocks.head_head);
  mirror_lower(*blocks.head_head);
}

HeadResult judge_head(TransformedBlocks& blocks, const LevelLosses& losses, ExtendedLevel& facts) {
  HeadResult head;
  head.measures.value = rounded(blocks.diagonal);
  head.measures.rest_top = bound_rest(blocks, head.rest_diagonal);
  double coupling = 0;
  for_each_local(*blocks.head_head, [&](std::size_t i, std::size_t j, double x) {
    if (i > j) coupling += 2 * x * x;
  });
  if (blocks.rest > 0)
    for_each_local(blocks.head_rest->value.hi,
                   [&](std::size_t, std::size_t, double x) { coupling += 2 * x * x; });
  coupling = std::sqrt(to_bits_of_all(blocks.head_head->grid().parent(), coupling));
  head.measures.coupling = coupling;
  head.cluster = find_clusters(head.measures.value, 4 * coupling);

  HeadSums sums = sum_rows(blocks, head);
  const std::size_t k = head.measures.value.size();
  for (std::size_t i = 0; i < k; ++i) {
    head.measures.inside.push_back(sums.inside(i));
    head.measures.outside.push_back(sums.outside(i));
  }
  const std::vector<double> second_order = head_errors(head.measures, head.cluster);
  const BlockErrors error = block_errors(blocks);
  facts.absolute = losses.absolute + error.head + error.across + error.rest;
  facts.relative = losses.relative + 2 * blocks.orthogonality;
  facts.coupling = coupling;
  for (std::size_t i = 0; i < k; ++i) {
    const double correction = sums.correction(i);
    head.value.push_back(blocks.diagonal[i] + correction);
    const double proportional = facts.relative * std::abs(head.measures.value[i]);
    head.bound.push_back(1.001 *
                         (facts.absolute + proportional + second_order[i] + std::abs(correction)));
  }
  return head;
}

void rotate_vectors(const TransformedBlocks& blocks, const HeadResult& head, DistMatrix& u_head,
                    DistMatrix& u_rest) {
  const std::vector<double>& rho = head.measures.value;
  DistMatrix t = copy_of(*blocks.head_head);
  for_each_local(t, [&](std::size_t i, std::size_t j, double& x) {
    const bool together = head.cluster[i] == head.cluster[j];
    x = i == j ? 1.0 : together ? 0.0 : x / (rho[j] - rho[i]);
  });
  DistMatrix rotated =
      DistMatrix::make(u_head.grid(), u_head.rows(), u_head.cols(), u_head.mb(), u_head.nb());
  multiply(Op::none, Op::none, 1.0, u_head, t, 0.0, rotated);
  if (blocks.rest > 0) {
    DistMatrix p = copy_of(blocks.head_rest->value.hi);
    for_each_local(p, [&](std::size_t i, std::size_t j, double& x) {
      const double gap = rho[i] - head.rest_diagonal[j];
      x = gap > 4 * head.measures.coupling ? x / gap : 0.0;
    });
    multiply(Op::none, Op::transpose, 1.0, u_rest, p, 1.0, rotated);
    multiply(Op::none, Op::none, -1.0, u_head, p, 1.0, u_rest);
  }
  u_head = std::move(rotated);
}

ExtendedMatrix schur_complement(TransformedBlocks& blocks, LevelLosses& losses,
                                ExtendedLevel& facts) {
  const std::vector<double> rho = rounded(blocks.diagonal);
  const double smallest = *std::min_element(rho.begin(), rho.end());
  if (!(smallest > 0))
    throw AgreedError(ExitCode::certificate,
                      "extended cascade: {:.3g} is the smallest eigenvalue of a head", smallest);
  const double n = static_cast<double>(facts.n), f = scale_blocks(blocks, rho, n);
  if (!(f < 0.1))
    throw AgreedError(ExitCode::certificate,
                      "extended cascade: the head's eigenvectors are coupled by {:.3g}", f);
  const DistMatrix& y = blocks.head_rest->value.hi;
  DistMatrix z = copy_of(y);
  multiply(Op::none, Op::none, -0.5, *blocks.head_head, y, 1.0, z);
  const double y_square = square_sum(y), z_square = square_sum(z);
  ExtendedMatrix s = std::move(blocks.rest_rest->value);
  subtract_gram(z, s);

  const BlockErrors error = block_errors(blocks);
  const double frobenius = to_double(frobenius_norm(s));
  double top = -std::numeric_limits<double>::infinity();
  for (const DoubleDouble& value : diagonal(s))
    top = std::max(top, to_double(value));
  top = std::min(frobenius, top + blocks.rest_off_diagonal + z_square);
  const double bottom = smallest * (1 - f) - error.head;
  const double series = y_square * f * f * (1 / (1 - f) + 0.25);
  const double arithmetic = (n + 20) * unit_roundoff * z_square;
  const double across = 2 * std::sqrt(y_square / smallest) * error.across +
                        error.across * error.across / smallest +
                        2 * z_square * error.head / smallest;
  facts.leak = std::sqrt(z_square / smallest);
  losses.absolute = (losses.absolute + error.rest) * (1 + 2 * blocks.orthogonality) + series +
                    arithmetic + across + 0x1p-104 * frobenius;
  losses.relative += 1.001 * blocks.orthogonality + schur_error(z_square, bottom, top);
  return s;
}

double probe_defect(const ExactFactor& a, const ExactFactor& b, const ExactProduct& c,
                    std::uint64_t seed) {
  const std::int64_t n = b.cols();
  std::vector<DoubleDouble> x;
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint64_t z = (seed + static_cast<std::uint64_t>(i) + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    x.emplace_back((z ^ (z >> 29)) >> 63 ? 1.0 : -1.0);
  }
  const std::vector<DoubleDouble> direct = fathom::apply(c.value, x);
  const std::vector<DoubleDouble> inner = fathom::apply(b, x);
  const std::vector<DoubleDouble> by_parts = fathom::apply(a, inner);
  DoubleDouble defect = 0.0, inner_square = 0.0;
  for (std::size_t i = 0; i < direct.size(); ++i)
    defect += sqr(direct[i] - by_parts[i]);
  for (const DoubleDouble& value : inner)
    inner_square += sqr(value);
  const auto root = [](std::int64_t count) { return std::sqrt(static_cast<double>(count)); };
  const double norm_x = root(n), norm_a = frobenius_norm(a.hi, SymmetricFill::full);
  const double norm_b = frobenius_norm(b.hi, SymmetricFill::full);
  const double rounding = 0x1p-102 * (root(n) * (c.frobenius + norm_a * norm_b) * norm_x +
                                      root(a.cols()) * norm_a * to_double(sqrt(inner_square)));
  double ratio = to_double(sqrt(defect)) / (norm_x * c.error + rounding);
  if (to_double(defect) == 0) ratio = 0;
  a.hi.grid().parent().broadcast(std::span(&ratio, 1));
  return ratio;
}

}  // namespace fathom
