#include "eigen/factor_spectrum_check.hpp"

#include "dist/operations.hpp"
#include "eigen/cascade_probes.hpp"
#include "eigen/cascade_vectors.hpp"
#include "eigen/error_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int probe_count = 4;

/// value / unit, with 0/0 = 0: a zero matrix has zero errors.
double ratio(double value, double unit) {
  return value == 0 ? 0 : value / unit;
}

PreciseColumns scaled_rows(PreciseColumns x, std::span<const double> factor) {
  for (std::int64_t c = 0; c < x.cols; ++c)
    for (std::int64_t i = 0; i < x.rows; ++i) {
      x.hi[x.at(i, c)] *= factor[static_cast<std::size_t>(i)];
      x.lo[x.at(i, c)] *= factor[static_cast<std::size_t>(i)];
    }
  return x;
}

/// The largest |‖w_j‖ − σ_j|; NaN where a column holds one.
double singular_defect(const DistMatrix& w, std::span<const double> sigma, std::int64_t resolved) {
  const std::vector<double> norm = leading_column_norms(w, resolved);
  double worst = 0;
  for (std::size_t j = 0; j < norm.size(); ++j) {
    const double defect = std::abs(norm[j] - sigma[j]);
    if (!(defect <= worst)) worst = std::isnan(worst) ? worst : defect;
  }
  return worst;
}

}  // namespace

MatrixFacts measure_factor(const DistMatrix& a, const VerifyOptions& options) {
  DistMatrix gram = DistMatrix::make(a.grid(), a.cols(), a.cols(), a.nb(), a.nb());
  gram.fill(0);
  rank_k_update(Op::transpose, 1.0, a, 0.0, gram);
  return measure(gram, SymmetricFill::lower, options);
}

void check_singular_values(const MatrixFacts& facts, double frobenius,
                           std::span<const double> sigma, const VerifyOptions& options,
                           Certificate& certificate) {
  std::vector<double> eigenvalue(sigma.size());
  std::transform(sigma.begin(), sigma.end(), eigenvalue.begin(), [](double s) { return s * s; });
  MatrixFacts rows = facts;
  rows.trace = frobenius * frobenius;
  rows.asymmetry = 0;
  check_values(rows, eigenvalue, unit_roundoff, options, certificate);
  // Neither is there anything to find in an asymmetry of zero, nor is the trace of a factor known
  // to n ε λ₁ only: it is Σσ², to n ε of itself.
  std::erase_if(certificate.checks, [](const Check& c) { return c.name == "asymmetry"; });
  for (Check& check : certificate.checks)
    if (check.name == "trace")
      check = {"trace",
               ratio(std::abs(compensated_sum(eigenvalue) - rows.trace),
                     static_cast<double>(facts.n) * unit_roundoff * rows.trace),
               options.warn, options.fail, "|sum of eigenvalues - |F|_F^2| / (n eps |F|_F^2)"};
}

void check_levels(const CascadeResult& result, std::int64_t order, double frobenius,
                  const VerifyOptions& options, Certificate& certificate) {
  double product = 0, basis = 0;
  for (const CascadeLevel& level : result.levels) {
    product += level.absolute;
    basis = std::max(basis, level.orthogonality);
  }
  const double n_epsilon = static_cast<double>(order) * unit_roundoff;
  certificate.checks.push_back({"product", ratio(product, n_epsilon * frobenius), options.warn,
                                options.fail, "|A V - B N|_F of all levels / (n eps |A|_F)"});
  certificate.checks.push_back({"basis", basis / n_epsilon, options.warn, options.fail,
                                "largest |V'V - I|_F of a level / (n eps)"});
}

void check_singular_vectors(const DistMatrix& a, bool left, const DistMatrix& z,
                            std::span<const double> sigma, std::int64_t resolved,
                            const VerifyOptions& options, Certificate& certificate) {
  const std::int64_t m = z.cols();
  const Op op = left ? Op::transpose : Op::none, back = left ? Op::none : Op::transpose;
  const double n_epsilon = static_cast<double>(std::max(a.rows(), a.cols())) * unit_roundoff;
  const double norm = sigma.empty() ? 0.0 : sigma.front();
  // One by one for the largest: a product with all vectors would cost a fifth of the whole solve,
  // and the residual's random columns see every one of them.
  constexpr std::int64_t looked_at = 512;
  const std::int64_t leading = std::min({resolved, m, looked_at});
  DistMatrix w = DistMatrix::make(a.grid(), left ? a.cols() : a.rows(), leading, z.nb(), z.nb());
  multiply(op, Op::none, 1.0, a, leading_columns(z, leading), 0.0, w);
  const double defect = singular_defect(w, sigma, leading);

  const PreciseColumns omega = random_signs(m, probe_count, options.seed);
  const PreciseColumns turned = precise_apply(Op::none, z, omega);
  std::vector<double> eigenvalue(static_cast<std::size_t>(m), 0.0);
  for (std::size_t j = 0; j < eigenvalue.size(); ++j)
    eigenvalue[j] = sigma[j] * sigma[j];
  const PreciseColumns image = precise_apply(back, a, precise_apply(op, a, turned));
  const PreciseColumns expected = precise_apply(Op::none, z, scaled_rows(omega, eigenvalue));
  const double residual = frobenius_from_signs(difference(image, expected), m);
  const double orthogonality =
      frobenius_from_signs(difference(precise_apply(Op::transpose, z, turned), omega), m);

  const auto add = [&](const char* what, double value, const char* meaning) {
    certificate.checks.push_back(
        {what, std::isfinite(value) ? value : nan, options.warn, options.fail, meaning});
  };
  add("singular", ratio(defect, n_epsilon * norm),
      "max ||A v| - sigma| of the 512 largest / (n eps sigma_1)");
  add("residual", ratio(residual, n_epsilon * norm * norm),
      "|A'A V - V Lambda|_F / (n eps lambda_1)");
  add("orthogonality", orthogonality / n_epsilon, "|Z'Z - I|_F / (n eps)");
}

}  // namespace fathom
