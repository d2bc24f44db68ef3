// Factors with a spectrum that is known as they are stored, solved by both routes: is the true
// error inside the bound, is a trusted value right, how wide is the bound? A line of CSV a case and
// route.
//
//   test_eigen_cascade_campaign FILE [STRIDE]    every STRIDE-th case; FILE "-" for none

#include "campaign_cases.hpp"
#include "comm/session.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/factor_spectrum.hpp"
#include "matrix_factor.hpp"
#include "silent_progress.hpp"

#include <cmath>
#include <cstdio>
#include <string>

using namespace fathom;
using namespace fathom::testing_cascade;

namespace {

double median(std::vector<double> x) {
  if (x.empty()) return std::nan("");
  std::nth_element(x.begin(), x.begin() + std::ssize(x) / 2, x.end());
  return x[x.size() / 2];
}

/// Eigenvalues of FᵀF, n of them, by rank 0.
std::vector<DoubleDouble> oracle(const Communicator& world, const Case& problem) {
  const auto n = static_cast<std::size_t>(problem.factor.cols);
  std::vector<double> hi(n, 0.0), lo(n, 0.0);
  if (world.root()) {
    const auto sigma =
        exact_singular_values(problem.by_rows ? transposed(problem.factor) : problem.factor);
    for (std::size_t j = 0; j < sigma.size(); ++j) {
      const bool null = problem.rank >= 0 && static_cast<std::int64_t>(j) >= problem.rank;
      const DoubleDouble lambda = null ? DoubleDouble(0.0) : sigma[j] * sigma[j];
      hi[j] = lambda.x[0];
      lo[j] = lambda.x[1];
    }
  }
  world.broadcast(hi);
  world.broadcast(lo);
  std::vector<DoubleDouble> value;
  for (std::size_t j = 0; j < n; ++j)
    value.emplace_back(hi[j], lo[j]);
  return value;
}

struct Score {
  std::int64_t cases = 0, outside = 0, wrongly_trusted = 0, invented = 0, fallbacks = 0;
  std::vector<double> ratio;       ///< bound over error, of every mode with an error
  std::vector<double> case_ratio;  ///< median bound over median error
};

void judge(const Case& problem, const FactorSpectrum& spectrum,
           const std::vector<DoubleDouble>& exact, const char* route, std::FILE* csv,
           Score& score) {
  std::vector<double> errors, bounds;
  std::int64_t outside = 0, wrong = 0, invented = 0;
  for (std::size_t j = 0; j < exact.size(); ++j) {
    const double error = std::abs(to_double(exact[j] - spectrum.eigenvalue[j]));
    const double bound = spectrum.error_bound[j];
    const bool trusted = spectrum.state[j] == ModeState::trusted;
    if (!(error <= bound)) {
      ++outside;
      std::printf("OUTSIDE %s, %s, mode %zu: %.17g, exact %.17g, error %.3g, bound %.3g\n",
                  problem.name.c_str(), route, j + 1, spectrum.eigenvalue[j], to_double(exact[j]),
                  error, bound);
    }
    if (trusted && !(error <= 0.1 * std::abs(to_double(exact[j])))) ++wrong;
    if (trusted && exact[j] == 0.0) ++invented;
    if (error > 0) {
      errors.push_back(error);
      bounds.push_back(bound);
      score.ratio.push_back(bound / error);
    }
  }
  const double width = errors.empty() ? std::nan("") : median(bounds) / median(errors);
  if (!errors.empty()) score.case_ratio.push_back(width);
  ++score.cases;
  score.outside += outside;
  score.wrongly_trusted += wrong;
  score.invented += invented;
  if (spectrum.fell_back)
    std::printf("FALLBACK %s, %s: %s\n", problem.name.c_str(), route,
                spectrum.fallback_reason.c_str());
  score.fallbacks += spectrum.fell_back;
  double smallest = 0;
  for (std::size_t j = 0; j < exact.size(); ++j)
    if (spectrum.state[j] == ModeState::trusted) smallest = spectrum.eigenvalue[j];
  if (csv)
    std::fprintf(
        csv, "%s,%s,%lld,%lld,%d,%zu,%lld,%lld,%lld,%lld,%lld,%.4g,%.4g,%.4g,%.4g,%s\n",
        ('"' + problem.name + '"').c_str(), route, static_cast<long long>(problem.factor.rows),
        static_cast<long long>(problem.factor.cols), problem.graded ? 1 : 0, spectrum.levels.size(),
        static_cast<long long>(spectrum.trusted), static_cast<long long>(spectrum.null_by_rank),
        static_cast<long long>(outside), static_cast<long long>(wrong),
        static_cast<long long>(invented), smallest / std::max(spectrum.eigenvalue[0], 1e-300),
        median(bounds), median(errors), width, name(spectrum.certificate.verdict()));
}

int run(const Communicator& world, const std::string& file, std::size_t stride) {
  std::FILE* csv = world.root() && file != "-" ? std::fopen(file.c_str(), "w") : nullptr;
  if (csv)
    std::fprintf(csv,
                 "case,route,rows,n,graded,levels,trusted,null_by_rank,outside,wrongly_trusted,"
                 "invented,smallest_trusted,median_bound,median_error,bound_over_error,verdict\n");
  Score score;
  const std::vector<Case> cases = CaseList().make();
  for (std::size_t k = 0; k < cases.size(); k += stride) {
    const Case& problem = cases[k];
    const std::vector<DoubleDouble> exact = oracle(world, problem);
    const Plain& f = problem.factor;
    const test::MatrixFactor source(f.rows, f.cols,
                                    [&](std::int64_t i, std::int64_t j) { return f(i, j); },
                                    {.graded = problem.graded});
    for (const TailMethod route : {TailMethod::cascade, TailMethod::svd}) {
      SilentProgress log;
      // Blocks small enough that every rank has some, and vectors in every third case.
      const FactorSpectrum spectrum =
          solve_factor(world, source, route, k % 3 == 0, {.block = 8}, {}, log);
      if (world.root()) judge(problem, spectrum, exact, name(route), csv, score);
    }
  }
  if (csv) std::fclose(csv);
  if (!world.root()) return 0;
  const double pooled = median(score.ratio), widest = median(score.case_ratio);
  const auto over = std::count_if(score.case_ratio.begin(), score.case_ratio.end(),
                                  [](double r) { return r > 3000; });
  std::printf(
      "%zu factors, %lld spectra: %lld modes outside their bound, %lld trusted wrongly, %lld "
      "invented, %lld fallbacks; bound/error: median of modes %.3g, of spectra %.3g, %lld spectra "
      "above 3000\n",
      (cases.size() + stride - 1) / stride, static_cast<long long>(score.cases),
      static_cast<long long>(score.outside), static_cast<long long>(score.wrongly_trusted),
      static_cast<long long>(score.invented), static_cast<long long>(score.fallbacks), pooled,
      widest, static_cast<long long>(over));
  const bool right = score.outside == 0 && score.wrongly_trusted == 0 && score.invented == 0 &&
                     pooled <= 3000 && widest <= 3000;
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::string file = argc > 1 ? argv[1] : "-";
  const std::size_t stride = argc > 2 ? std::stoul(argv[2]) : 1;
  const double failed = session.world().max(double(run(session.world(), file, stride)));
  finalize_solvers();
  session.finish();
  return failed > 0 ? 1 : 0;
}
