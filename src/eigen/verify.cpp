#include "eigen/verify.hpp"

#include "dist/operations.hpp"
#include "eigen/error_bound.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// value / unit, with 0/0 = 0: a zero matrix has zero errors.
double ratio(double value, double unit) {
  if (value == 0) return 0;
  return value / unit;
}

std::uint64_t mix(std::uint64_t i) {
  std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// Whether a equals its transpose bit by bit, but for a chance of 2⁻⁶⁰: compares
/// Σ h(i) g(j) bits(a_ij) with Σ g(i) h(j) bits(a_ij) in arithmetic modulo 2⁶⁴, one pass and no
/// traffic. Collective.
bool symmetric_bits(const DistMatrix& a) {
  const auto local = a.local();
  std::vector<std::uint64_t> h(static_cast<std::size_t>(local.rows)), g(h.size());
  for (std::int64_t i = 0; i < local.rows; ++i) {
    const auto row = static_cast<std::uint64_t>(a.global_row(LocalIndex(i)).value());
    h[static_cast<std::size_t>(i)] = mix(2 * row) | 1;
    g[static_cast<std::size_t>(i)] = mix(2 * row + 1) | 1;
  }
  std::uint64_t difference = 0;
  for (std::int64_t j = 0; j < local.cols; ++j) {
    const auto col = static_cast<std::uint64_t>(a.global_col(LocalIndex(j)).value());
    std::uint64_t with_h = 0, with_g = 0;
    const double* column = local.col(j);
    for (std::size_t i = 0; i < h.size(); ++i) {
      const auto bits = std::bit_cast<std::uint64_t>(column[i]);
      with_h += h[i] * bits;
      with_g += g[i] * bits;
    }
    difference += with_h * (mix(2 * col + 1) | 1) - with_g * (mix(2 * col) | 1);
  }
  // A sum of 64-bit words over ranks, in halves that cannot overflow a signed sum.
  std::int64_t low = static_cast<std::int64_t>(difference & 0xffffffffu);
  std::int64_t high = static_cast<std::int64_t>(difference >> 32);
  low = a.grid().parent().sum(low);
  high = a.grid().parent().sum(high);
  return static_cast<std::uint64_t>(low) + (static_cast<std::uint64_t>(high) << 32) == 0;
}

/// Column sums of squares of (w − z·diag(λ)), replicated.
std::vector<double> residual_norms(const DistMatrix& w, const DistMatrix& z,
                                   std::span<const double> eigenvalue) {
  std::vector<double> square(eigenvalue.size(), 0.0);
  const auto product = w.local();
  const auto vector = z.local();
  for (std::int64_t j = 0; j < vector.cols; ++j) {
    const auto mode = static_cast<std::size_t>(z.global_col(LocalIndex(j)).value());
    double sum = 0;
    for (std::int64_t i = 0; i < vector.rows; ++i) {
      const double r = product(i, j) - eigenvalue[mode] * vector(i, j);
      sum += r * r;
    }
    square[mode] = sum;
  }
  w.grid().parent().sum(square);
  w.grid().parent().broadcast(square);
  for (double& value : square)
    value = std::sqrt(value);
  return square;
}

/// max |G − I| over the lower triangle; NaN where an entry is one.
double distance_from_identity(const DistMatrix& gram) {
  double worst = 0;
  double not_a_number = 0;
  const auto local = gram.local();
  for (std::int64_t j = 0; j < local.cols; ++j) {
    const GlobalIndex col = gram.global_col(LocalIndex(j));
    for (std::int64_t i = 0; i < local.rows; ++i) {
      const GlobalIndex row = gram.global_row(LocalIndex(i));
      if (row < col) continue;
      const double defect = std::abs(local(i, j) - (row == col ? 1.0 : 0.0));
      if (std::isnan(defect)) not_a_number = 1;
      worst = std::max(worst, defect);
    }
  }
  worst = gram.grid().parent().max(worst);
  return gram.grid().parent().max(not_a_number) > 0 ? nan : worst;
}

}  // namespace

double compensated_sum(std::span<const double> x) {
  double sum = 0, lost = 0;
  for (const double value : x) {
    const double next = sum + value;
    lost += std::abs(sum) >= std::abs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  return sum + lost;
}

double euclidean_norm(std::span<const double> x) {
  double largest = 0;
  for (const double value : x)
    largest = std::max(largest, std::abs(value));
  if (largest == 0) return 0;
  std::vector<double> square(x.size());
  std::transform(x.begin(), x.end(), square.begin(),
                 [&](double value) { return (value / largest) * (value / largest); });
  return largest * std::sqrt(compensated_sum(square));
}

MatrixFacts measure(const DistMatrix& a, SymmetricFill fill, const VerifyOptions& options) {
  MatrixFacts facts;
  facts.n = a.rows();
  facts.trace = compensated_sum(diagonal(a));
  facts.frobenius = frobenius_norm(a, fill);
  if (fill == SymmetricFill::full && !symmetric_bits(a)) facts.asymmetry = asymmetry(a);
  // Reductions need not round alike on all ranks; rank 0's stand for all.
  double norms[] = {facts.trace, facts.frobenius, facts.asymmetry};
  a.grid().parent().broadcast(std::span<double>(norms));
  facts.trace = norms[0], facts.frobenius = norms[1], facts.asymmetry = norms[2];
  facts.ritz = random_krylov(a, fill, options.probes,
                             options.full ? 2 * options.steps : options.steps, options.seed);
  return facts;
}

void check_symmetry(const MatrixFacts& facts, double input_epsilon, const VerifyOptions& options,
                    Certificate& certificate) {
  const double unit =
      static_cast<double>(facts.n) * std::max(unit_roundoff, input_epsilon) * facts.ritz.norm();
  certificate.checks.push_back({"asymmetry", ratio(facts.asymmetry, unit), options.warn,
                                options.fail, "max |a_ij - a_ji| / (n eps' norm)"});
}

double check_values(const MatrixFacts& facts, std::span<const double> eigenvalue,
                    double input_epsilon, const VerifyOptions& options, Certificate& certificate) {
  const bool all = static_cast<std::int64_t>(eigenvalue.size()) == facts.n;
  const double n_epsilon = static_cast<double>(facts.n) * unit_roundoff;
  const double unit = n_epsilon * facts.ritz.norm();
  double largest = 0;
  const auto add = [&](const char* what, double defect, double per, const char* meaning) {
    certificate.checks.push_back({what, ratio(defect, per), options.warn, options.fail, meaning});
    if (!(defect <= largest)) largest = defect;
  };

  double disorder = 0;
  for (std::size_t k = 0; k < eigenvalue.size(); ++k)
    if (!std::isfinite(eigenvalue[k]) || (k > 0 && !(eigenvalue[k] <= eigenvalue[k - 1])))
      ++disorder;
  certificate.checks.push_back({"order", disorder, 0, 0, "eigenvalues not finite or out of order"});
  check_symmetry(facts, input_epsilon, options, certificate);
  if (all) {
    add("trace", std::abs(compensated_sum(eigenvalue) - facts.trace), unit,
        "|sum of eigenvalues - trace| / (n eps norm)");
    add("frobenius", std::abs(euclidean_norm(eigenvalue) - facts.frobenius),
        n_epsilon * facts.frobenius,
        "|root of the sum of squares - Frobenius norm| / (n eps Frobenius norm)");
  }
  const bool comparable = disorder == 0 && !eigenvalue.empty();
  add("ritz_values", comparable ? ritz_value_excess(facts.ritz, eigenvalue, all) : nan, unit,
      "distance of a Ritz value to the spectrum beyond its residual / (n eps norm)");
  add("ritz_order", comparable ? ritz_order_excess(facts.ritz, eigenvalue, all) : nan, unit,
      "violation of interlacing with the Ritz values / (n eps norm)");
  return comparable ? largest : nan;
}

std::vector<double> check_vectors(const DistMatrix& matrix, DistMatrix* workspace,
                                  const DistMatrix& vectors, std::span<const double> eigenvalue,
                                  const VerifyOptions& options, Certificate& certificate) {
  const std::int64_t n = matrix.rows(), count = vectors.cols();
  const double n_epsilon = static_cast<double>(n) * unit_roundoff;
  std::vector<double> residual;
  double orthogonality = 0;
  if (count == n && workspace) {
    multiply(Op::none, Op::none, 1.0, matrix, vectors, 0.0, *workspace);
    residual = residual_norms(*workspace, vectors, eigenvalue);
    rank_k_update(Op::transpose, 1.0, vectors, 0.0, *workspace);
    orthogonality = distance_from_identity(*workspace);
  } else {
    DistMatrix product = DistMatrix::make(matrix.grid(), n, count, vectors.mb(), vectors.nb());
    multiply(Op::none, Op::none, 1.0, matrix, vectors, 0.0, product);
    residual = residual_norms(product, vectors, eigenvalue);
    DistMatrix gram = DistMatrix::make(matrix.grid(), count, count, vectors.nb(), vectors.nb());
    rank_k_update(Op::transpose, 1.0, vectors, 0.0, gram);
    orthogonality = distance_from_identity(gram);
  }

  double norm = 0;
  for (const double value : eigenvalue)
    norm = std::max(norm, std::abs(value));
  double worst = 0;
  certificate.residual_ratio.clear();
  for (const double r : residual) {
    const double in_units = ratio(r, n_epsilon * norm);
    certificate.residual_ratio.push_back(in_units);
    if (!(in_units <= worst)) worst = std::isnan(worst) ? worst : in_units;
  }
  certificate.checks.push_back(
      {"residual", worst, options.warn, options.fail, "max norm of A z - lambda z / (n eps norm)"});
  certificate.checks.push_back({"orthogonality", orthogonality / n_epsilon, options.warn,
                                options.fail, "max |Z'Z - I| / (n eps)"});
  return residual;
}

}  // namespace fathom
