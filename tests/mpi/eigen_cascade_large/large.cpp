// A generic n × n factor C diag(σ) Sᵀ, σ_j = j^(−alpha/2), with C and S cosine and sine transforms:
// is every eigenvalue above `lowest` trusted and inside its bound, and how long does it take?
//
//   test_eigen_cascade_large N ALPHA LOWEST [vectors] [svd] [compare]
//
// The entries are rounded once, which moves every σ by ε‖A‖_F at most; that alone is granted.
// `compare` solves AᵀA once with vectors, for the ratio of the times.

#include "base/double_double.hpp"
#include "base/timer.hpp"
#include "comm/session.hpp"
#include "dist/operations.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/factor_spectrum.hpp"
#include "matrix_factor.hpp"
#include "silent_progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <set>
#include <string>

using namespace fathom;

namespace {

/// Orthonormal to rounding, which changes σ by a few nε of itself. Row i of the cosine transform II
/// or of the sine transform IV, with random signs.
class Transform {
 public:
  Transform(std::int64_t n, bool sine) : n_(n), value_(static_cast<std::size_t>(n * n)) {
    for (std::int64_t i = 0; i < n; ++i) {
      const bool minus = ((static_cast<std::uint64_t>(i + 1) *
                           (sine ? 0x9e3779b97f4a7c15u : 0xd6e8feb86659fd93u)) >>
                          40) &
                         1;
      for (std::int64_t k = 0; k < n; ++k) {
        // The angle in units of π/(4n), reduced exactly.
        const std::int64_t turns = sine ? (2 * i + 1) * (2 * k + 1) : 2 * (2 * i + 1) * k;
        const double angle =
            std::numbers::pi * static_cast<double>(turns % (8 * n)) / (4 * static_cast<double>(n));
        const double scale = std::sqrt((k == 0 && !sine ? 1.0 : 2.0) / static_cast<double>(n));
        value_[static_cast<std::size_t>(k + i * n)] =
            (minus ? -scale : scale) * (sine ? std::sin(angle) : std::cos(angle));
      }
    }
  }
  const double* row(std::int64_t i) const { return &value_[static_cast<std::size_t>(i * n_)]; }

 private:
  std::int64_t n_;
  std::vector<double> value_;
};

/// The first terms, which are large, in double-double: one rounding in all.
double entry(const double* c, const double* s, const std::vector<double>& sigma) {
  constexpr std::size_t precise = 64, lanes = 8;
  const std::size_t n = sigma.size(), whole = std::min(n, precise);
  double part[lanes] = {};
  std::size_t k = whole;
  for (; k + lanes <= n; k += lanes)
    for (std::size_t l = 0; l < lanes; ++l)
      part[l] += c[k + l] * s[k + l] * sigma[k + l];
  double rest = 0;
  for (; k < n; ++k)
    rest += c[k] * s[k] * sigma[k];
  for (const double x : part)
    rest += x;
  DoubleDouble sum = rest;
  for (std::size_t l = whole; l-- > 0;)
    sum += DoubleDouble(c[l]) * s[l] * sigma[l];
  return to_double(sum);
}

double one_elpa_solve(const Communicator& world, const FactorSource& source,
                      const SolverPlan& plan) {
  const ProcessGrid grid(world, plan.grid);
  const std::int64_t n = source.cols();
  DistMatrix a = DistMatrix::make(grid, n, n, plan.block, plan.block);
  source.fill(a, 0);
  DistMatrix gram = DistMatrix::make(grid, n, n, plan.block, plan.block);
  gram.fill(0);
  rank_k_update(Op::transpose, 1.0, a, 0.0, gram);
  return Eigensolver(plan.backend).solve(gram, SymmetricFill::lower, {.vectors = true}).seconds;
}

bool judge(const FactorSpectrum& s, const std::vector<double>& sigma, double lowest) {
  const double granted = unit_roundoff * s.frobenius;
  bool right = true;
  double widest = 0;
  for (std::size_t j = 0; j < sigma.size(); ++j) {
    const double exact = sigma[j] * sigma[j];
    const double error = std::abs(s.eigenvalue[j] - exact);
    const double allowance = 2 * sigma[j] * granted + granted * granted;
    const double relative = 1e-13 * exact;  // of the transforms and of the powers
    if (!(error <= s.error_bound[j] + allowance + relative)) {
      right = false;
      std::printf("mode %zu: %.17g, exact %.17g, bound %.3g\n", j + 1, s.eigenvalue[j], exact,
                  s.error_bound[j]);
    }
    const bool trusted = s.state[j] == ModeState::trusted;
    if (trusted && error > 0.1 * exact + allowance) right = false;
    if (exact >= lowest * sigma[0] * sigma[0]) {
      widest = std::max(widest, s.error_bound[j] / exact);
      if (!trusted) {
        right = false;
        std::printf("mode %zu at %.3g is not trusted: bound %.3g\n", j + 1, exact,
                    s.error_bound[j]);
      }
    }
  }
  std::printf(
      "trusted %lld of %zu, smallest %.3g; widest bound above the limit: %.2g of the value\n",
      static_cast<long long>(s.trusted), sigma.size(),
      s.trusted > 0 ? s.eigenvalue[static_cast<std::size_t>(s.trusted - 1)] : 0.0, widest);
  return right;
}

int run(const Communicator& world, std::int64_t n, double alpha, double lowest,
        const std::set<std::string>& wish) {
  std::vector<double> sigma;
  for (std::int64_t j = 1; j <= n; ++j)
    sigma.push_back(std::pow(static_cast<double>(j), -alpha / 2));
  const Transform c(n, false), s(n, true);
  const test::MatrixFactor source(
      n, n, [&](std::int64_t i, std::int64_t j) { return entry(c.row(i), s.row(j), sigma); });
  testing_cascade::SilentProgress log;
  const FactorSpectrum spectrum =
      solve_factor(world, source, wish.count("svd") ? TailMethod::svd : TailMethod::cascade,
                   wish.count("vectors") > 0, {}, {}, log);
  const double elpa = wish.count("compare") ? one_elpa_solve(world, source, spectrum.plan) : 0.0;
  if (!world.root()) return 0;
  for (const std::string& line : log.notes)
    std::printf("%s\n", line.c_str());
  for (const CascadeLevel& level : spectrum.levels)
    std::printf("  level of %lld: eigen %.2f s, products %.2f s, checks %.2f s\n",
                static_cast<long long>(level.order), level.eigen_seconds, level.product_seconds,
                level.check_seconds);
  std::printf("reduce %.2f s, solve %.2f s, check %.2f s", spectrum.reduce_seconds,
              spectrum.solve_seconds, spectrum.check_seconds);
  if (elpa > 0)
    std::printf(", one solve with vectors %.2f s: ratio %.2f", elpa, spectrum.solve_seconds / elpa);
  std::printf("\n");
  const bool right = judge(spectrum, sigma, lowest) && !spectrum.fell_back;
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::int64_t n = argc > 1 ? std::stoll(argv[1]) : 300;
  const double alpha = argc > 2 ? std::stod(argv[2]) : 8;
  const double lowest = argc > 3 ? std::stod(argv[3]) : 1e-24;
  const std::set<std::string> wish(argv + std::min(argc, 4), argv + argc);
  const double failed = session.world().max(double(run(session.world(), n, alpha, lowest, wish)));
  finalize_solvers();
  session.finish();
  return failed > 0 ? 1 : 0;
}
