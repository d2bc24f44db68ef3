// The routes to the small eigenvalues of K = FᵀF on one factor with known singular values, measured
// in one run: the Gram matrix, the cascade, ScaLAPACK's and LAPACK's singular values, one-sided
// Jacobi and the extended matrix. Seconds, levels, the smallest trusted eigenvalue, and the true
// errors.
//
// The factor is F = (I − 2wwᵀ) S diag(σ) S, S the sine transform: generic, every entry full. λ_j =
// σ_j² = j^-alpha. Storing F in doubles moves its singular values by up to about εσ₁: `stored` in
// the check. One BLAS thread a rank; LAPACK's routes run on rank 0 alone, on as many threads as
// there are ranks.

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "bindings/blas.hpp"
#include "dist/exact_product.hpp"
#include "dist/operations.hpp"
#include "eigen/certified.hpp"
#include "eigen/extended_cascade.hpp"
#include "eigen/factor_spectrum.hpp"
#include "eigen/factor_svd.hpp"
#include "miniapp_main.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace fathom;

struct Options {
  std::vector<std::string> routes{"elpa", "gram", "cascade", "pdgesvd"};
  std::string csv;
  std::int64_t n = 400, nb = 0;
  double alpha = 8;
  int nruns = 1;
  bool vectors = false, check = false, verbose = false;
};

class Silent final : public Progress {
 public:
  Silent(bool print) : print_(print) {}
  void note(const std::string& line) override {
    if (print_) std::printf("# %s\n", line.c_str());
  }
  void warn(const std::string& line) override { note(line); }
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}

 private:
  bool print_;
};

/// F of the header comment, by closed forms: S diag(σ) S is a Toeplitz minus a Hankel matrix, and
/// the reflection a change of rank one.
class KnownFactor final : public FactorSource {
 public:
  KnownFactor(std::int64_t n, double alpha) : n_(n), c_(static_cast<std::size_t>(2 * n + 1)) {
    for (std::int64_t j = 1; j <= n; ++j)
      sigma_.push_back(std::pow(static_cast<double>(j), -alpha / 2));
    fill_cosine_sums();
    make_reflection();
  }
  std::int64_t rows() const override { return n_; }
  std::int64_t cols() const override { return n_; }
  std::int64_t rank_bound() const override { return n_; }
  bool graded() const override { return false; }
  double row_error() const override { return 0; }
  std::string description() const override { return fmt::format("known factor, {0} x {0}", n_); }
  double flops() const override { return 0; }
  void fill(DistMatrix& chunk, std::int64_t first) const override {
    chunk.fill_from([&](std::int64_t i, std::int64_t j) { return entry(first + i, j); });
  }

  double entry(std::int64_t i, std::int64_t j) const {
    return static_cast<double>(symmetric(i, j) - 2 * w_[static_cast<std::size_t>(i)] *
                                                     wa_[static_cast<std::size_t>(j)]);
  }
  double eigenvalue(std::size_t j) const { return sigma_[j] * sigma_[j]; }
  /// Bound of what storing F moved a singular value by: the entries' roundings together.
  double stored() const { return 2 * unit_roundoff * euclidean_norm(sigma_); }

 private:
  long double symmetric(std::int64_t i, std::int64_t j) const {
    return c_[static_cast<std::size_t>(std::abs(i - j))] - c_[static_cast<std::size_t>(i + j + 2)];
  }
  void fill_cosine_sums() {
    const std::int64_t period = 2 * (n_ + 1);
    std::vector<long double> cosine(static_cast<std::size_t>(period));
    for (std::int64_t m = 0; m < period; ++m)
      cosine[static_cast<std::size_t>(m)] =
          std::cos(std::numbers::pi_v<long double> * static_cast<long double>(m) /
                   static_cast<long double>(n_ + 1));
    for (std::int64_t m = 0; m <= 2 * n_; ++m) {
      long double sum = 0;
      for (std::int64_t k = n_; k >= 1; --k)
        sum += sigma_[static_cast<std::size_t>(k - 1)] *
               cosine[static_cast<std::size_t>(m * k % period)];
      c_[static_cast<std::size_t>(m)] = sum / static_cast<long double>(n_ + 1);
    }
  }
  void make_reflection() {
    long double square = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      w_.push_back(std::sin(static_cast<long double>(3 * i + 1)) + 0.25L);
      square += w_.back() * w_.back();
    }
    for (long double& value : w_)
      value /= std::sqrt(square);
    wa_.assign(static_cast<std::size_t>(n_), 0);
    for (std::int64_t j = 0; j < n_; ++j)
      for (std::int64_t i = 0; i < n_; ++i)
        wa_[static_cast<std::size_t>(j)] += w_[static_cast<std::size_t>(i)] * symmetric(i, j);
  }

  std::int64_t n_;
  std::vector<double> sigma_;
  std::vector<long double> c_, w_, wa_;
};

/// What a route gave; bounds empty where it states none.
struct Outcome {
  std::vector<double> eigenvalue, bound;
  std::vector<ModeState> state;
  double seconds = 0;
  int levels = 1;
};

std::vector<double> squares(std::vector<double> values) {
  for (double& value : values)
    value *= value;
  return values;
}

class Bench {
 public:
  Bench(const Options& o, const Communicator& world, const KnownFactor& factor)
      : o_(o), world_(world), factor_(factor), progress_(o.verbose && world.root()) {
    const EigenRequest request{0, o.vectors, Backend::automatic};
    if (o.nb > 0) wish_.block = o.nb;
    world.agree([&] { plan_ = plan_solver(request, o.n, world.size(), wish_); });
    grid_.emplace(world, plan_.grid);
  }

  Outcome run(const std::string& route) {
    world_.barrier();
    if (route == "elpa") return elpa();
    if (route == "gram") return gram();
    if (route == "cascade") return by_factor(TailMethod::cascade);
    if (route == "svd") return by_factor(TailMethod::svd);
    if (route == "pdgesvd") return pdgesvd();
    if (route == "extended") return extended();
    return lapack(route);
  }

 private:
  DistMatrix matrix() const {
    DistMatrix a = DistMatrix::make(*grid_, o_.n, o_.n, plan_.block, plan_.block);
    factor_.fill(a, 0);
    return a;
  }
  DistMatrix gram_matrix(const ProcessGrid& grid, std::int64_t block) const {
    DistMatrix f = DistMatrix::make(grid, o_.n, o_.n, block, block);
    factor_.fill(f, 0);
    DistMatrix k = DistMatrix::make(grid, o_.n, o_.n, block, block);
    rank_k_update(Op::transpose, 1.0, f, 0.0, k);
    mirror_lower(k);
    return k;
  }

  /// One solve of the Gram matrix, without a certificate: the unit of comparison.
  Outcome elpa() const {
    DistMatrix k = gram_matrix(*grid_, plan_.block);
    const EigenResult result =
        Eigensolver(plan_.backend)
            .solve(k, SymmetricFill::full, {0, o_.vectors, Backend::automatic});
    return {result.eigenvalue, {}, {}, result.seconds, 1};
  }

  Outcome gram() {
    const double n = static_cast<double>(o_.n);
    SpectrumProblem problem;
    problem.n = o_.n;
    problem.request.vectors = o_.vectors;
    problem.layout = wish_;
    problem.source = [&](const ProcessGrid& grid, std::int64_t block) {
      SymmetricMatrix made{gram_matrix(grid, block)};
      made.assembly_error = std::sqrt(n) * unit_roundoff * factor_.eigenvalue(0) * 2;
      return made;
    };
    const Timer timer;
    CertifiedSpectrum s = solve_certified(world_, problem, progress_);
    return {s.result.eigenvalue, s.error_bound, s.state, timer.seconds(), 1};
  }

  Outcome by_factor(TailMethod method) {
    const Timer timer;
    FactorSpectrum s =
        solve_factor(world_, factor_, method, o_.vectors, wish_, VerifyOptions{}, progress_);
    progress_.note(fmt::format("reduce {:.2f} s, solve {:.2f} s, check {:.2f} s", s.reduce_seconds,
                               s.solve_seconds, s.check_seconds));
    for (const CascadeLevel& level : s.levels)
      progress_.note(fmt::format(
          "level of {} modes, {} finished: eigenpairs {:.2f} s, products {:.2f} s, check {:.2f} s",
          level.order, level.head, level.eigen_seconds, level.product_seconds,
          level.check_seconds));
    return {s.eigenvalue, s.error_bound, s.state, timer.seconds(),
            std::max(1, static_cast<int>(s.levels.size()))};
  }

  Outcome pdgesvd() const {
    DistMatrix a = matrix();
    const Timer timer;
    FactorSvd s = factor_svd(a, o_.vectors, false, FactorSvdMethod::scalapack);
    return {squares(std::move(s.singular_value)), {}, {}, timer.seconds(), 1};
  }

  Outcome extended() {
    const auto source = [&](const ProcessGrid& grid, std::int64_t block) {
      DistMatrix f = DistMatrix::make(grid, o_.n, o_.n, block, block);
      factor_.fill(f, 0);
      ExactProduct k = exact_product({f, Op::transpose}, {f, Op::none}, block, block);
      return ExtendedSymmetric{std::move(k.value), k.error};
    };
    const Timer timer;
    ExtendedSpectrum s =
        solve_extended(world_, source, o_.n, wish_, VerifyOptions{}, progress_, o_.vectors);
    return {s.eigenvalue, s.error_bound, s.state, timer.seconds(),
            static_cast<int>(s.levels.size())};
  }

  /// dgesdd or dgejsv on a 1 × 1 grid; the other ranks wait.
  Outcome lapack(const std::string& route) const {
    const ProcessGrid one(world_, {1, 1});
    DistMatrix a = DistMatrix::make(one, o_.n, o_.n, plan_.block, plan_.block);
    factor_.fill(a, 0);
    if (world_.root()) set_blas_threads(world_.size());
    const Timer timer;
    FactorSvd s = factor_svd(a, o_.vectors, false,
                             route == "dgejsv" ? FactorSvdMethod::jacobi : FactorSvdMethod::lapack);
    const double seconds = world_.max(timer.seconds());
    set_blas_threads(1);
    return {squares(std::move(s.singular_value)), {}, {}, seconds, 1};
  }

  const Options& o_;
  const Communicator& world_;
  const KnownFactor& factor_;
  Silent progress_;
  LayoutWish wish_;
  SolverPlan plan_;
  std::optional<ProcessGrid> grid_;
};

/// How a route stands against the known eigenvalues.
struct Judgement {
  std::int64_t right = 0;    ///< leading modes within 10 %
  std::int64_t trusted = 0;  ///< −1 where the route states no bound
  double smallest_trusted = 0;
  double error_over_bound = 0;  ///< the largest of all modes, the storing of F allowed for
};

Judgement judge(const Outcome& outcome, const KnownFactor& factor) {
  Judgement judgement;
  judgement.trusted = outcome.bound.empty() ? -1 : 0;
  bool still_right = true;
  for (std::size_t j = 0; j < outcome.eigenvalue.size(); ++j) {
    const double exact = factor.eigenvalue(j);
    const double error = std::abs(outcome.eigenvalue[j] - exact);
    still_right = still_right && error < 0.1 * exact;
    judgement.right += still_right;
    if (outcome.bound.empty()) continue;
    const double stored = factor.stored();
    const double allowed = outcome.bound[j] + 2 * std::sqrt(exact) * stored + stored * stored;
    if (!(error / allowed <= judgement.error_over_bound))
      judgement.error_over_bound = error / allowed;
    if (outcome.state[j] != ModeState::trusted) continue;
    ++judgement.trusted;
    judgement.smallest_trusted = outcome.eigenvalue[j];
  }
  return judgement;
}

int measure(const Options& o, const Communicator& world) {
  const KnownFactor factor(o.n, o.alpha);
  Bench bench(o, world, factor);
  std::ofstream csv;
  const std::string header =
      "n,alpha,ranks,vectors,route,run,seconds,over_elpa,levels,right_modes,trusted,"
      "smallest_trusted,error_over_bound";
  if (world.root()) {
    std::printf("%s\n", header.c_str());
    if (!o.csv.empty()) {
      csv.open(o.csv, std::ios::app);
      if (csv.tellp() == 0) csv << header << '\n';
    }
  }
  bool right = true;
  double elpa = std::nan("");
  for (int run = 0; run < o.nruns; ++run)
    for (const std::string& route : o.routes) {
      Outcome outcome = bench.run(route);
      if (route == "elpa") elpa = outcome.seconds;
      if (world.max(fault_armed("miniapp.eigenvalue", "shift") ? 1.0 : 0.0) > 0)
        outcome.eigenvalue.back() *= 1.5;
      const Judgement judgement = judge(outcome, factor);
      right = right && judgement.error_over_bound <= 1;
      if (route == "cascade" || route == "extended") right = right && judgement.right == o.n;
      const std::string line =
          fmt::format("{},{},{},{},{},{},{:.3f},{:.2f},{},{},{},{:.3g},{:.3g}", o.n, o.alpha,
                      world.size(), o.vectors ? 1 : 0, route, run, outcome.seconds,
                      outcome.seconds / elpa, outcome.levels, judgement.right, judgement.trusted,
                      judgement.smallest_trusted, judgement.error_over_bound);
      if (!world.root()) continue;
      std::printf("%s\n", line.c_str());
      std::fflush(stdout);
      if (csv) csv << line << '\n';
    }
  if (!o.check) return 0;
  if (world.root())
    std::fprintf(stderr, "check %s\n",
                 right ? "passed" : "FAILED: see error_over_bound, right_modes");
  return static_cast<int>(right ? ExitCode::ok : ExitCode::certificate);
}

void declare(CLI::App& app, Options& o) {
  app.add_option("--n", o.n, "order of the factor")->check(CLI::PositiveNumber);
  app.add_option("--nb", o.nb, "block size (default: by the plan)");
  app.add_option("--alpha", o.alpha, "eigenvalues j^-alpha");
  app.add_option("--route", o.routes,
                 "elpa (one plain solve), gram, cascade, svd, pdgesvd, dgesdd, dgejsv, extended")
      ->delimiter(',')
      ->check(CLI::IsMember(
          {"elpa", "gram", "cascade", "svd", "pdgesvd", "dgesdd", "dgejsv", "extended"}));
  app.add_option("--nruns", o.nruns)->check(CLI::PositiveNumber);
  app.add_option("--csv", o.csv, "append a line a route and run to this file");
  app.add_flag("--vectors", o.vectors, "vectors too");
  app.add_flag("--verbose", o.verbose, "what the routes say of themselves");
  app.add_flag("--check", o.check,
               "hold every route against the known spectrum: exit 80 where wrong");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_miniapp(
      {.name = "miniapp_tail",
       .about = "Routes to the small eigenvalues of a factor with known singular values",
       .declare = [&](CLI::App& app) { declare(app, options); },
       .measure = [&](const Communicator& world) { return measure(options, world); },
       .finish = finalize_solvers},
      argc, argv);
}
