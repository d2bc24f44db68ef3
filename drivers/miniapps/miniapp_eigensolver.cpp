// One eigensolver on one matrix with a known spectrum, measured: seconds, GFLOP/s and their
// fraction of the dgemm rate of all ranks at once in the same process. With --check every
// eigenvalue is held against the exact one, and vectors against the matrix.
//
// The matrix is S diag(λ) S with the sine transform S, dense, of a Toeplitz and a Hankel part; its
// eigenvalues are the power law j^-alpha (alpha = 0: the equidistant j/n).
// Flops counted: 4/3 n³ for the reduction to tridiagonal form; with k vectors 2 n² k more for each
// of the back-transformation and the tridiagonal problem's own vectors (LAPACK's operation counts).

#include "base/fault.hpp"
#include "dgemm_rate.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/verify.hpp"
#include "miniapp_main.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numbers>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace fathom;

struct Options {
  std::string backend = "auto", csv;
  std::int64_t n = 1000, nb = 0, count = 0;
  int nprow = 0, npcol = 0, nruns = 3;
  double alpha = 1.5;
  bool vectors = false, check = false;
};

/// a_ij = c(i − j) − c(i + j + 2), c(m) = Σ_k λ_k cos(π m (k+1)/(n+1)) / (n+1).
class SineMatrix {
 public:
  SineMatrix(std::int64_t n, double alpha) : c_(static_cast<std::size_t>(2 * n + 1)) {
    for (std::int64_t j = 1; j <= n; ++j)
      eigenvalue_.push_back(alpha > 0 ? std::pow(static_cast<double>(j), -alpha)
                                      : static_cast<double>(n + 1 - j) / static_cast<double>(n));
    const std::int64_t period = 2 * (n + 1);
    std::vector<long double> cosine(static_cast<std::size_t>(period));
    for (std::int64_t m = 0; m < period; ++m)
      cosine[static_cast<std::size_t>(m)] =
          std::cos(std::numbers::pi_v<long double> * static_cast<long double>(m) /
                   static_cast<long double>(n + 1));
    for (std::int64_t m = 0; m <= 2 * n; ++m) {
      long double sum = 0;
      std::int64_t angle = 0;
      for (const double value : eigenvalue_) {
        angle += m;
        if (angle >= period) angle -= period;
        sum += value * cosine[static_cast<std::size_t>(angle)];
      }
      c_[static_cast<std::size_t>(m)] = sum / static_cast<long double>(n + 1);
    }
  }

  double entry(std::int64_t i, std::int64_t j) const {
    return static_cast<double>(c_[static_cast<std::size_t>(std::abs(i - j))] -
                               c_[static_cast<std::size_t>(i + j + 2)]);
  }
  const std::vector<double>& eigenvalue() const { return eigenvalue_; }
  /// ‖stored − exact‖₂ is at most the Frobenius norm of the entries' roundings.
  double representation() const { return unit_roundoff * euclidean_norm(eigenvalue_); }

 private:
  std::vector<double> eigenvalue_;
  std::vector<long double> c_;
};

double flops(std::int64_t n, std::int64_t count, bool vectors) {
  const double order = static_cast<double>(n);
  return 4.0 / 3.0 * order * order * order +
         (vectors ? 4.0 * order * order * static_cast<double>(count) : 0.0);
}

/// Largest error over its bound, in one number: at most 1 where every eigenvalue is right.
struct Deviation {
  double in_eps = 0;      ///< largest error / (ε λ₁)
  double over_bound = 0;  ///< largest error / bound
};

Deviation deviation(const SineMatrix& matrix, const EigenResult& result) {
  const auto& exact = matrix.eigenvalue();
  const double bound =
      matrix.representation() +
      solver_error(static_cast<std::int64_t>(exact.size()), exact.front(), euclidean_norm(exact));
  Deviation worst;
  for (std::size_t k = 0; k < result.eigenvalue.size(); ++k) {
    const double error = std::abs(result.eigenvalue[k] - exact[k]);
    // Not a number must not pass for zero.
    if (!(error / bound <= worst.over_bound))
      worst = {error / (unit_roundoff * exact[0]), error / bound};
    if (std::isnan(error)) break;
  }
  return worst;
}

DistMatrix make_matrix(const SineMatrix& matrix, const ProcessGrid& grid, std::int64_t n,
                       std::int64_t nb) {
  DistMatrix a = DistMatrix::make(grid, n, n, nb, nb);
  a.fill_from([&](std::int64_t i, std::int64_t j) { return matrix.entry(i, j); });
  return a;
}

int measure(const Options& o, const Communicator& world) {
  EigenRequest request{o.count, o.vectors, Backend::automatic};
  LayoutWish wish;
  SolverPlan plan;
  world.agree([&] {
    request.backend = parse_backend(o.backend);
    if (o.nprow > 0 && o.npcol > 0) wish.grid = GridShape{o.nprow, o.npcol};
    if (o.nb > 0) wish.block = o.nb;
    plan = plan_solver(request, o.n, world.size(), wish);
  });
  const ProcessGrid grid(world, plan.grid);
  const SineMatrix matrix(o.n, o.alpha);
  const std::int64_t count = request.wanted(o.n);
  DgemmRate dgemm;
  std::ofstream csv;
  const std::string header =
      "n,nb,nprow,npcol,ranks,backend,vectors,count,run,seconds,gflops,dgemm_gflops,fraction,"
      "error_eps,error_over_bound,residual,orthogonality";
  if (world.root()) {
    std::printf("# %s: %s\n%s\n", name(plan.backend), plan.reason.c_str(), header.c_str());
    if (!o.csv.empty()) {
      csv.open(o.csv, std::ios::app);
      if (csv.tellp() == 0) csv << header << '\n';
    }
  }

  bool right = true;
  for (int run = 0; run < o.nruns; ++run) {
    DistMatrix a = make_matrix(matrix, grid, o.n, plan.block);
    dgemm.measure(world);
    EigenResult result = Eigensolver(plan.backend).solve(a, SymmetricFill::full, request);
    if (world.max(fault_armed("miniapp.eigenvalue", "shift") ? 1.0 : 0.0) > 0)
      result.eigenvalue[result.eigenvalue.size() / 2] += 1e-9;
    const Deviation error = deviation(matrix, result);
    double residual = std::nan(""), orthogonality = std::nan("");
    if (o.check && result.vectors) {
      Certificate certificate;
      const DistMatrix fresh = make_matrix(matrix, grid, o.n, plan.block);
      check_vectors(fresh, &a, *result.vectors, result.eigenvalue, {}, certificate);
      residual = certificate.checks[0].value;
      orthogonality = certificate.checks[1].value;
      right = right && certificate.verdict() != Verdict::fail;
    }
    right = right && error.over_bound <= 1;
    const double rate = flops(o.n, count, o.vectors) / result.seconds;
    const std::string line = fmt::format(
        "{},{},{},{},{},{},{},{},{},{:.4f},{:.2f},{:.2f},{:.3f},{:.3g},{:.3g},{:.3g},{:.3g}", o.n,
        plan.block, plan.grid.nprow, plan.grid.npcol, world.size(), name(plan.backend),
        o.vectors ? 1 : 0, count, run, result.seconds, rate * 1e-9, dgemm.median() * 1e-9,
        rate / dgemm.median(), error.in_eps, error.over_bound, residual, orthogonality);
    if (world.root()) {
      std::printf("%s\n", line.c_str());
      std::fflush(stdout);
      if (csv) csv << line << '\n';
    }
  }
  if (!o.check) return 0;
  if (world.root())
    std::fprintf(stderr, "check %s\n",
                 right ? "passed" : "FAILED: see error_over_bound and residual");
  return static_cast<int>(right ? ExitCode::ok : ExitCode::certificate);
}

void declare(CLI::App& app, Options& o) {
  app.add_option("--n", o.n, "order of the matrix")->check(CLI::PositiveNumber);
  app.add_option("--nb", o.nb, "block size (default: by the plan)");
  app.add_option("--nprow", o.nprow);
  app.add_option("--npcol", o.npcol);
  app.add_option("--backend", o.backend)
      ->check(CLI::IsMember({"auto", "elpa2", "elpa1", "scalapack", "slepc", "lapack"}));
  app.add_option("--count", o.count, "the k largest eigenvalues (default: all)");
  app.add_option("--alpha", o.alpha, "exponent of the spectrum, 0: equidistant");
  app.add_option("--nruns", o.nruns)->check(CLI::PositiveNumber);
  app.add_option("--csv", o.csv, "append a line a run to this file");
  app.add_flag("--vectors", o.vectors, "eigenvectors too");
  app.add_flag("--check", o.check,
               "hold the result against the known spectrum: exit 80 where wrong");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_miniapp(
      {.name = "miniapp_eigensolver",
       .about = "An eigensolver on a matrix with a known spectrum, against the dgemm rate",
       .declare = [&](CLI::App& app) { declare(app, options); },
       .measure = [&](const Communicator& world) { return measure(options, world); },
       .finish = finalize_solvers},
      argc, argv);
}
