#include "eigen/certified.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "dist/operations.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace fathom {
namespace {

void scale_by(DistMatrix& a, double factor) {
  const auto local = a.local();
  for (std::int64_t j = 0; j < local.cols; ++j)
    for (std::int64_t i = 0; i < local.rows; ++i)
      local(i, j) *= factor;
}

/// The solve works on A·2^-e with entries up to 1, an exact change of units (but for entries below
/// 1e-300 of the largest).
int exponent_of(double largest) {
  int exponent = 0;
  if (largest > 0) std::frexp(largest, &exponent);
  return exponent;
}

/// Multiplies by 2^exponent in steps that cannot overflow on the way.
double rescaled(double value, int exponent) {
  return std::ldexp(value, exponent);
}

/// Faults that tests plant in what a solver returned:
/// FATHOM_FAULT=eigen.values:RANK:nan|shift|skip, eigen.vectors:RANK:swap.
/// They strike the first attempt only; …_always strikes both.
void plant_faults(EigenResult& result, const Communicator& comm, bool first) {
  const auto armed = [&](const char* what, const char* kind) {
    const bool here =
        (first && fault_armed(what, kind)) || fault_armed(what, std::string(kind) + "_always");
    return comm.max(here ? 1.0 : 0.0) > 0;
  };
  auto& value = result.eigenvalue;
  if (armed("eigen.values", "nan")) value[value.size() / 2] = std::nan("");
  if (armed("eigen.values", "shift")) value[value.size() / 2] += 1e-6 * std::abs(value.front());
  if (armed("eigen.values", "skip"))
    std::copy(value.begin() + value.size() / 2 + 1, value.end(), value.begin() + value.size() / 2);
  if (armed("eigen.vectors", "swap") && result.vectors && result.vectors->local_cols() >= 2 &&
      result.vectors->global_col(LocalIndex(0)) == GlobalIndex(0) &&
      result.vectors->global_col(LocalIndex(1)) == GlobalIndex(1)) {
    const auto z = result.vectors->local();
    std::swap_ranges(z.col(0), z.col(0) + z.rows, z.col(1));
  }
}

/// @param largest λ₁ or an upper bound of it
/// @param smallest an upper bound of λ_min, `what` of the spectrum
void refuse_indefinite(const SpectrumProblem& problem, double smallest, const char* what,
                       double largest, double input_epsilon, double assembly_error) {
  const double n = static_cast<double>(problem.n);
  const double allowed = 10 * n * input_epsilon * std::max(0.0, largest) + assembly_error;
  if (problem.positive_semidefinite && smallest < -allowed)
    throw AgreedError(
        ExitCode::numeric,
        "the matrix is not positive semi-definite: its smallest {} is {:.6g} (n = {}), below "
        "-{:.3g} = -(10 n eps' lambda_1 + assembly error) with eps' = {:.3g}, lambda_1 <= {:.6g}",
        what, smallest, problem.n, allowed, input_epsilon, largest);
}

/// One matrix, one solver, one certificate.
class Attempt {
 public:
  Attempt(const Communicator& comm, const SpectrumProblem& problem, SolverPlan plan,
          Algorithm algorithm, bool first, SolveTimings& timings)
      : comm_(comm),
        problem_(problem),
        algorithm_(algorithm),
        first_(first),
        timings_(timings),
        request_(problem.request),
        grid_(comm, plan.grid) {
    out_.plan = std::move(plan);
    // Krylov–Schur is certified by its residuals, whether or not the vectors are asked for.
    if (out_.plan.backend == Backend::slepc) request_.vectors = true;
    // A dense solver finds all values on its way to a few: all of them can be certified.
    if (!request_.vectors) request_.count = 0;
  }

  CertifiedSpectrum run() {
    make();
    Timer check;
    take_facts();
    timings_.check += check.seconds();
    // A matrix that is not symmetric is not worth a solve.
    if (!facts_are_bad()) {
      refuse_by_ritz_value();
      solve();
      check.restart();
      verify();
      timings_.check += check.seconds();
    }
    return std::move(out_);
  }

 private:
  void make() {
    Timer timer;
    made_.emplace(problem_.source(grid_, out_.plan.block));
    DistMatrix& a = made_->matrix;
    FATHOM_ASSERT(a.rows() == problem_.n && a.cols() == problem_.n,
                  "the source made a {} x {} matrix, n = {}", a.rows(), a.cols(), problem_.n);
    if (made_->fill == SymmetricFill::lower) {
      mirror_lower(a);
      made_->fill = SymmetricFill::full;
    }
    timings_.make += timer.seconds();
    out_.assembly_error = made_->assembly_error;
    out_.input_epsilon = made_->input_epsilon;
  }

  void take_facts() {
    DistMatrix& a = made_->matrix;
    const NonFinite bad = count_nonfinite(a);
    if (bad.count > 0)
      throw Error(
          ExitCode::numeric,
          "the matrix holds {} NaN or Inf, one of them at row {}, column {} (counted from 0)",
          bad.count, bad.row, bad.col);
    exponent_ = exponent_of(max_abs(a));
    if (exponent_ != 0) scale_by(a, std::ldexp(1.0, -exponent_));
    facts_ = measure(a, made_->fill, problem_.verify);
  }

  bool facts_are_bad() {
    Certificate before;
    check_symmetry(facts_, out_.input_epsilon, problem_.verify, before);
    if (before.verdict() != Verdict::fail) return false;
    out_.certificate = before;
    return true;
  }

  /// A Ritz value bounds λ_min from above, whatever part of the spectrum is asked for, and before
  /// any solve. Products and basis are rounded: by less than n ε ‖A‖_F.
  void refuse_by_ritz_value() {
    const double frobenius = facts_.frobenius, n = static_cast<double>(problem_.n);
    out_.smallest_ritz =
        facts_.ritz.value.empty()
            ? 0.0
            : rescaled(facts_.ritz.value.back() + n * unit_roundoff * frobenius, exponent_);
    refuse_indefinite(problem_, out_.smallest_ritz, "Ritz value", rescaled(frobenius, exponent_),
                      out_.input_epsilon, out_.assembly_error);
  }

  void solve() {
    DistMatrix& a = made_->matrix;
    if (request_.vectors && out_.plan.backend != Backend::slepc) {
      copy_.emplace(DistMatrix::make(grid_, a.rows(), a.cols(), a.mb(), a.nb()));
      for (std::int64_t j = 0; j < a.local_cols(); ++j)
        std::copy_n(a.local().col(j), a.local_rows(), copy_->local().col(j));
    }
    if (first_) comm_.agree([] { fault_point("eigen.primary"); });
    out_.result = Eigensolver(out_.plan.backend, algorithm_).solve(a, made_->fill, request_);
    timings_.solve += out_.result.seconds;
    plant_faults(out_.result, comm_, first_);
  }

  void verify() {
    comm_.agree([] { fault_point("eigen.certify"); });
    const auto& value = out_.result.eigenvalue;
    out_.terms.measured =
        check_values(facts_, value, out_.input_epsilon, problem_.verify, out_.certificate);
    if (out_.result.vectors) {
      const DistMatrix& a = copy_ ? *copy_ : made_->matrix;
      out_.terms.residual = check_vectors(a, copy_ ? &made_->matrix : nullptr, *out_.result.vectors,
                                          value, problem_.verify, out_.certificate);
    } else {
      out_.certificate.residual_ratio.assign(value.size(), std::nan(""));
    }
    if (!problem_.request.vectors) out_.result.vectors.reset();
    in_original_units();
  }

  void in_original_units() {
    for (double& value : out_.result.eigenvalue) {
      value = rescaled(value, exponent_);
      out_.norm = std::max(out_.norm, std::abs(value));
    }
    for (double& residual : out_.terms.residual)
      residual = rescaled(residual, exponent_);
    out_.terms.measured = rescaled(out_.terms.measured, exponent_);
    out_.trace = rescaled(facts_.trace, exponent_);
    out_.frobenius = rescaled(facts_.frobenius, exponent_);
  }

  const Communicator& comm_;
  const SpectrumProblem& problem_;
  Algorithm algorithm_;
  bool first_;
  SolveTimings& timings_;
  EigenRequest request_;
  ProcessGrid grid_;
  std::optional<SymmetricMatrix> made_;
  std::optional<DistMatrix> copy_;
  MatrixFacts facts_;
  int exponent_ = 0;
  CertifiedSpectrum out_;
};

/// All eigenvalues were certified, `count` were asked for.
void keep_the_largest(CertifiedSpectrum& spectrum, std::int64_t count) {
  const auto kept = static_cast<std::size_t>(count);
  for (auto* column : {&spectrum.result.eigenvalue, &spectrum.error_bound,
                       &spectrum.certificate.residual_ratio, &spectrum.terms.residual})
    if (column->size() > kept) column->resize(kept);
}

/// Error bounds, states and counts, from what the attempt measured.
void judge_modes(CertifiedSpectrum& spectrum, const SpectrumProblem& problem) {
  const auto& value = spectrum.result.eigenvalue;
  refuse_indefinite(problem, value.back(), "eigenvalue", value.front(), spectrum.input_epsilon,
                    spectrum.assembly_error);
  refuse_indefinite(problem, spectrum.smallest_ritz, "Ritz value", value.front(),
                    spectrum.input_epsilon, spectrum.assembly_error);
  spectrum.terms.solver = solver_error(problem.n, spectrum.norm, spectrum.frobenius);
  spectrum.terms.assembly = spectrum.assembly_error;
  for (std::size_t k = 0; k < value.size(); ++k) {
    spectrum.error_bound.push_back(spectrum.terms.bound(static_cast<std::int64_t>(k)));
    if (value[k] < 0) ++spectrum.negative;
    if (value[k] < -spectrum.error_bound[k]) ++spectrum.negative_beyond_bound;
  }
  spectrum.representation_error =
      representation_error(problem.n, spectrum.norm, spectrum.frobenius, spectrum.input_epsilon);
  // A Gram matrix has no negative eigenvalues: what lies beyond its bound measures what was lost.
  spectrum.complete = static_cast<std::int64_t>(value.size()) == problem.n;
  if (problem.positive_semidefinite && spectrum.complete &&
      value.back() < -spectrum.error_bound.back())
    spectrum.representation_error = std::max(spectrum.representation_error, -value.back());
  keep_the_largest(spectrum, problem.request.wanted(problem.n));
  spectrum.state =
      mode_states(value, spectrum.error_bound, problem.rank_bound, spectrum.representation_error);
  spectrum.trusted = std::count(spectrum.state.begin(), spectrum.state.end(), ModeState::trusted);
  spectrum.null_by_rank =
      std::count(spectrum.state.begin(), spectrum.state.end(), ModeState::null_by_rank);
}

void tell(const CertifiedSpectrum& spectrum, const SpectrumProblem& problem, Progress& progress) {
  progress.note(fmt::format("certificate {}", spectrum.certificate.summary()));
  progress.note(fmt::format(
      "{} of {} eigenvalues trusted, {} null by rank; {:.3g} is the smallest that can be",
      spectrum.trusted, spectrum.result.eigenvalue.size(), spectrum.null_by_rank,
      spectrum.floor()));
  if (!spectrum.complete)
    progress.note(fmt::format(
        "{} of {} eigenvalues were computed: that none of the largest is missing is checked by "
        "Ritz values only",
        spectrum.error_bound.size(), problem.n));
  if (problem.positive_semidefinite && spectrum.negative_beyond_bound > 0)
    progress.warn(fmt::format(
        "{} eigenvalues lie below minus their error bound, as none of a Gram matrix can: its "
        "entries are known to no better than {:.3g}",
        spectrum.negative_beyond_bound, spectrum.representation_error));
}

SolverPlan fallback_plan(const SolverPlan& plan) {
  SolverPlan fallback = plan;
  fallback.backend = Backend::scalapack;
  fallback.reason = "the fallback";
  return fallback;
}

}  // namespace

double CertifiedSpectrum::largest_bound() const {
  return error_bound.empty() ? 0.0 : *std::max_element(error_bound.begin(), error_bound.end());
}

double CertifiedSpectrum::floor() const {
  return deep_floor > 0 ? deep_floor : 10 * (largest_bound() + representation_error);
}

CertifiedSpectrum solve_certified(const Communicator& comm, const SpectrumProblem& problem,
                                  Progress& progress) {
  SolverPlan plan;
  comm.agree([&] { plan = plan_solver(problem.request, problem.n, comm.size(), problem.layout); });
  progress.note(fmt::format("eigensolver {} on a {} x {} grid, blocks of {}: {}",
                            name(plan.backend), plan.grid.nprow, plan.grid.npcol, plan.block,
                            plan.reason));
  SolveTimings timings;
  std::string failure;
  const auto attempt = [&](const SolverPlan& chosen, Algorithm algorithm, bool first) {
    return Attempt(comm, problem, chosen, algorithm, first, timings).run();
  };

  std::optional<CertifiedSpectrum> spectrum;
  try {
    spectrum.emplace(attempt(plan, Algorithm::standard, true));
    if (spectrum->certificate.verdict() == Verdict::fail)
      failure = "its certificate failed: " + spectrum->certificate.summary();
  } catch (const AgreedError& error) {
    if (error.code() != ExitCode::solver) throw;
    failure = error.what();
  }
  if (!failure.empty()) {
    spectrum.reset();
    progress.warn(
        fmt::format("{} did not deliver a verified spectrum: {}", name(plan.backend), failure));
    progress.warn("making the matrix again and solving it with ScaLAPACK");
    const Algorithm other =
        plan.backend == Backend::scalapack ? Algorithm::second : Algorithm::standard;
    spectrum.emplace(attempt(fallback_plan(plan), other, false));
    if (spectrum->certificate.verdict() == Verdict::fail)
      throw AgreedError(ExitCode::certificate,
                        "two solvers failed their certificate; {}: {}; ScaLAPACK: {}",
                        name(plan.backend), failure, spectrum->certificate.summary());
    spectrum->fell_back = true;
    spectrum->fallback_reason = failure;
  }
  judge_modes(*spectrum, problem);
  spectrum->timings = timings;
  tell(*spectrum, problem, progress);
  return std::move(*spectrum);
}

}  // namespace fathom
