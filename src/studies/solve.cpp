#include "studies/solve.hpp"

#include "base/fault.hpp"
#include "eigen/cascade_vectors.hpp"
#include "eigen/extended_cascade.hpp"
#include "eigen/matrix_free.hpp"
#include "gram/factor_operator.hpp"
#include "studies/memory_plan.hpp"
#include "studies/solve_time.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fathom {
namespace {

std::int64_t modes_missing(const CertifiedSpectrum& spectrum) {
  return static_cast<std::int64_t>(spectrum.result.eigenvalue.size()) - spectrum.null_by_rank -
         spectrum.trusted;
}

/// Two routes to the same spectrum must agree where both are trusted: the largest difference over
/// the sum of their bounds. A certificate that no single route can forge.
Check agreement(const CertifiedSpectrum& gram, const CertifiedSpectrum& deep) {
  double worst = 0;
  const std::size_t modes = std::min(gram.result.eigenvalue.size(), deep.result.eigenvalue.size());
  for (std::size_t k = 0; k < modes; ++k) {
    if (gram.state[k] != ModeState::trusted || deep.state[k] != ModeState::trusted) continue;
    const double allowed = gram.error_bound[k] + deep.error_bound[k] + gram.representation_error;
    worst =
        std::max(worst, std::abs(gram.result.eigenvalue[k] - deep.result.eigenvalue[k]) / allowed);
  }
  return {.name = "route_agreement",
          .value = worst,
          .warn = 1,
          .fail = 10,
          .meaning =
              "|lambda - lambda of the Gram route| / sum of both bounds, over modes that "
              "both trust"};
}

void sum_up(CertifiedSpectrum& spectrum) {
  const auto& value = spectrum.result.eigenvalue;
  for (std::size_t k = 0; k < value.size(); ++k) {
    spectrum.negative += value[k] < 0;
    spectrum.negative_beyond_bound += value[k] < -spectrum.error_bound[k];
    spectrum.norm = std::max(spectrum.norm, std::abs(value[k]));
    spectrum.trace += value[k];
  }
}

void count_states(CertifiedSpectrum& spectrum) {
  const auto& state = spectrum.state;
  spectrum.trusted = std::count(state.begin(), state.end(), ModeState::trusted);
  spectrum.null_by_rank = std::count(state.begin(), state.end(), ModeState::null_by_rank);
}

/// Keeps the k largest where no more were asked for.
void keep_wanted(CertifiedSpectrum& spectrum, std::int64_t wanted) {
  const auto kept = static_cast<std::size_t>(wanted);
  for (auto* column :
       {&spectrum.result.eigenvalue, &spectrum.error_bound, &spectrum.certificate.residual_ratio})
    if (column->size() > kept) column->resize(kept);
  if (spectrum.state.size() > kept) spectrum.state.resize(kept);
  std::optional<DistMatrix>& vectors = spectrum.result.vectors;
  if (vectors && vectors->cols() > wanted) vectors = leading_columns(*vectors, wanted);
}

CertifiedSpectrum as_certified(FactorSpectrum&& deep, const SpectrumProblem& problem) {
  CertifiedSpectrum spectrum;
  spectrum.deep_floor = deep.floor();
  spectrum.result.eigenvalue = std::move(deep.eigenvalue);
  if (problem.request.vectors) spectrum.result.vectors = std::move(deep.vectors);
  const bool alone = deep.plan.grid == GridShape{1, 1};
  spectrum.result.backend = deep.method != TailMethod::svd ? deep.plan.backend
                            : alone                        ? Backend::lapack
                                                           : Backend::scalapack;
  spectrum.result.seconds = deep.solve_seconds;
  spectrum.assembly_error = deep.dropped;
  spectrum.error_bound = std::move(deep.error_bound);
  spectrum.state = std::move(deep.state);
  spectrum.certificate = std::move(deep.certificate);
  spectrum.plan = std::move(deep.plan);
  spectrum.fell_back = deep.fell_back;
  spectrum.fallback_reason = std::move(deep.fallback_reason);
  spectrum.timings = {deep.reduce_seconds, deep.check_seconds, deep.solve_seconds};
  return spectrum;
}

CertifiedSpectrum as_certified(ExtendedSpectrum&& deep, const SpectrumProblem& problem) {
  CertifiedSpectrum spectrum;
  spectrum.result.eigenvalue = std::move(deep.eigenvalue);
  if (problem.request.vectors) spectrum.result.vectors = std::move(deep.vectors);
  spectrum.result.backend = deep.plan.backend;
  spectrum.result.seconds = deep.timings.solve;
  spectrum.deep_floor = deep.floor();
  spectrum.error_bound = std::move(deep.error_bound);
  spectrum.state = std::move(deep.state);
  spectrum.assembly_error = deep.assembly_error;
  spectrum.representation_error = deep.representation_error;
  spectrum.certificate = std::move(deep.certificate);
  spectrum.plan = std::move(deep.plan);
  spectrum.timings = {deep.timings.make, deep.timings.check,
                      deep.timings.solve + deep.timings.product};
  return spectrum;
}

SolvedSpectrum solve_by_factor(const StudyContext& context, const StudyProblem& problem,
                               const FactorSource& factor, TailMethod method) {
  const SpectrumProblem& wanted = problem.spectrum;
  safe_point(context, foresee_solve(context, wanted.request, std::min(wanted.n, factor.rows())));
  context.progress.begin("deep tail");
  const Timer timer;
  FactorSpectrum deep = solve_factor(context.world, factor, method, wanted.request.vectors,
                                     wanted.layout, wanted.verify, context.progress);
  context.progress.end("deep tail", timer.seconds());
  context.clock.add("deep tail: reduce", deep.reduce_seconds);
  context.clock.add("deep tail: solve", deep.solve_seconds);
  context.clock.add("deep tail: certify", deep.check_seconds);
  SolvedSpectrum solved;
  solved.route = name(deep.method);
  solved.levels = std::max(1, static_cast<int>(deep.levels.size()));
  solved.note = fmt::format("{}; bounds {}", factor.description(), deep.bound_summary());
  if (factor.input_epsilon() > unit_roundoff) solved.representation = deep.representation;
  solved.spectrum = as_certified(std::move(deep), wanted);
  solved.spectrum.input_epsilon = factor.input_epsilon();
  return solved;
}

SolvedSpectrum solve_by_extended_precision(const StudyContext& context,
                                           const StudyProblem& problem) {
  const SpectrumProblem& wanted = problem.spectrum;
  safe_point(context, foresee_solve(context, {.vectors = true}, wanted.n));
  context.progress.begin("extended precision");
  const Timer timer;
  ExtendedSpectrum deep = solve_extended(context.world, problem.extended, wanted.n, wanted.layout,
                                         wanted.verify, context.progress, wanted.request.vectors);
  context.progress.end("extended precision", timer.seconds());
  context.clock.add("extended: solve", deep.timings.solve);
  context.clock.add("extended: products", deep.timings.product, deep.flops());
  context.clock.add("extended: certify", deep.timings.check);
  SolvedSpectrum solved;
  solved.route = "extended";
  solved.levels = static_cast<int>(deep.levels.size());
  solved.note = fmt::format("work of {:.1f} products of full matrices, {} foreseen",
                            deep.full_products(), deep.predicted_products);
  solved.spectrum = as_certified(std::move(deep), wanted);
  return solved;
}

/// The k largest of all, where no more were asked for, and what is to be said of them together.
void finish(SolvedSpectrum& solved, const SpectrumProblem& problem) {
  CertifiedSpectrum& spectrum = solved.spectrum;
  spectrum.complete = true;
  spectrum.frobenius = euclidean_norm(spectrum.result.eigenvalue);
  if (spectrum.certificate.residual_ratio.empty())
    spectrum.certificate.residual_ratio.assign(spectrum.result.eigenvalue.size(), std::nan(""));
  spectrum.terms.solver = std::nan("");  // falls with the mode: error_bound alone says it
  sum_up(spectrum);
  keep_wanted(spectrum, problem.request.wanted(problem.n));
  count_states(spectrum);
  if (!solved.representation.empty())
    solved.representation.resize(spectrum.result.eigenvalue.size());
}

/// The deeper route instead of the Gram route, whose spectrum is kept beside it. Error(certificate)
/// where the two do not agree.
SolvedSpectrum replace(const StudyContext& context, SolvedSpectrum deep, CertifiedSpectrum gram) {
  // For tests: a route that went wrong after its own certificate.
  if (context.world.max(fault_armed("studies.route", "shift") ? 1.0 : 0.0) > 0)
    deep.spectrum.result.eigenvalue.front() *= 1 + 1e-9;
  const Check check = agreement(gram, deep.spectrum);
  deep.spectrum.certificate.checks.push_back(check);
  context.progress.note(
      fmt::format("{}: {} of {} eigenvalues trusted, floor {:.3g}; the Gram matrix: {}, "
                  "floor {:.3g}; they differ by {:.2g} of their bounds",
                  deep.route, deep.spectrum.trusted, deep.spectrum.result.eigenvalue.size(),
                  deep.spectrum.floor(), gram.trusted, gram.floor(), check.value));
  if (check.verdict() == Verdict::fail)
    throw AgreedError(ExitCode::certificate,
                      "the Gram matrix and the route \"{}\" give different eigenvalues: by {:.3g} "
                      "times the sum of their bounds",
                      deep.route, check.value);
  gram.result.vectors.reset();
  deep.gram = std::move(gram);
  return deep;
}

/// The problem with a safe point where its matrix is made: a solve that cannot end in the time left
/// is not entered.
SpectrumProblem with_safe_point(const StudyContext& context, const StudyProblem& problem) {
  SpectrumProblem guarded = problem.spectrum;
  guarded.source = [&context, &problem](const ProcessGrid& grid, std::int64_t block) {
    SymmetricMatrix matrix = problem.spectrum.source(grid, block);
    const Foreseen next = foresee_solve(context, problem.spectrum.request, problem.spectrum.n);
    if (problem.kept) problem.kept->keep_finished_before(next, matrix, *problem.assembly);
    safe_point(context, next);
    return matrix;
  };
  return guarded;
}

SolvedSpectrum solve_gram(const StudyContext& context, StudyProblem& problem,
                          StudyOutcome& outcome) {
  plan_gram(context, problem, outcome);
  const Timer timer;
  context.progress.begin("solve");
  SolvedSpectrum solved;
  solved.spectrum =
      solve_certified(context.world, with_safe_point(context, problem), context.progress);
  context.progress.end("solve", timer.seconds());
  context.clock.add("solve", solved.spectrum.timings.solve,
                    solve_flops(problem.spectrum.request, problem.spectrum.n));
  context.clock.add("certify", solved.spectrum.timings.check);
  if (solved.spectrum.fell_back) note_stage(context, problem.shape, Stage::fallback, outcome);
  return solved;
}

/// Whether `auto` goes on below the Gram matrix's floor: why not, or the factor to go on with.
FactorChoice worth_going_on(const StudyContext& context, const StudyProblem& problem) {
  if (problem.spectrum.request.backend == Backend::slepc)
    return {nullptr, "only the largest eigenvalues were asked for"};
  const std::int64_t n = problem.spectrum.n;
  if (problem.shape.factor) {
    const std::int64_t rows = problem.shape.factor->rows;
    if (rows > longest_unasked * n)
      return {nullptr, fmt::format("its factor has {} rows, more than {} a column: "
                                   "solver.tail = \"cascade\" takes it all the same",
                                   rows, longest_unasked)};
  }
  if (problem.shape.factor && !deep_route_fits(context, problem))
    return {nullptr, "the route by its factor does not fit into memory"};
  return problem.factor();
}

SolvedSpectrum solve_auto(const StudyContext& context, StudyProblem& problem,
                          StudyOutcome& outcome) {
  SolvedSpectrum first = solve_gram(context, problem, outcome);
  const std::int64_t missing = modes_missing(first.spectrum);
  if (missing == 0) return first;
  const FactorChoice choice = worth_going_on(context, problem);
  if (!choice.factor) {
    first.note = choice.why_not;
    context.progress.note(
        fmt::format("{} modes lie below the floor of the Gram matrix; no deeper "
                    "route: {}",
                    missing, choice.why_not));
    return first;
  }
  context.progress.note(
      fmt::format("{} modes lie below the floor of the Gram matrix: going on by "
                  "its factor, {}",
                  missing, choice.factor->description()));
  plan_deep_route(context, problem, outcome);
  SolvedSpectrum deep = solve_by_factor(context, problem, *choice.factor, TailMethod::automatic);
  finish(deep, problem.spectrum);
  if (deep.spectrum.trusted < first.spectrum.trusted) {
    first.note =
        fmt::format("its factor gave fewer: {} trusted, {:.2g} of K left out with its rows",
                    deep.spectrum.trusted, choice.factor->dropped());
    context.progress.note("the Gram matrix's spectrum is kept: " + first.note);
    return first;
  }
  return replace(context, std::move(deep), std::move(first.spectrum));
}

SolvedSpectrum solve_extended_precision(const StudyContext& context, StudyProblem& problem,
                                        StudyOutcome& outcome) {
  // The first look needs no vectors: those that were asked for come from the deeper route.
  const bool vectors = std::exchange(problem.spectrum.request.vectors, false);
  SolvedSpectrum first = solve_gram(context, problem, outcome);
  problem.spectrum.request.vectors = vectors;
  plan_deep_route(context, problem, outcome);
  SolvedSpectrum deep = solve_by_extended_precision(context, problem);
  finish(deep, problem.spectrum);
  return replace(context, std::move(deep), std::move(first.spectrum));
}

SolvedSpectrum solve_named_route(const StudyContext& context, StudyProblem& problem,
                                 StudyOutcome& outcome) {
  const FactorChoice choice = problem.factor();
  if (!choice.factor)
    throw Error(ExitCode::deck, "solver.tail = \"{}\" needs a factor of the matrix: {}",
                name(problem.shape.tail), choice.why_not);
  plan_deep_route(context, problem, outcome);
  SolvedSpectrum deep = solve_by_factor(context, problem, *choice.factor, problem.shape.tail);
  finish(deep, problem.spectrum);
  problem.assembly->kernel = choice.factor->description();
  problem.assembly->normalization = "K = F^T F";
  return deep;
}

/// Products without a matrix: the kernel's own, or by its factor, made again for each.
std::unique_ptr<LinearOperator> matrix_free_products(const StudyContext& context,
                                                     const StudyProblem& problem) {
  if (problem.products) return problem.products();
  const FactorChoice choice = problem.factor();
  if (!choice.factor)
    throw Error(ExitCode::deck, "solver.matrix = \"matrix_free\" needs a factor: {}",
                choice.why_not);
  return factor_operator(context.world, choice.factor, {});
}

SolvedSpectrum solve_matrix_free_route(const StudyContext& context, StudyProblem& problem,
                                       StudyOutcome& outcome) {
  plan_products(context, problem.shape, outcome);
  const auto a = matrix_free_products(context, problem);
  context.progress.note(fmt::format("matrix-free: {}", a->description()));
  safe_point(context);
  context.progress.begin("solve");
  const Timer timer;
  SolvedSpectrum solved;
  solved.route = "matrix_free";
  solved.spectrum = solve_matrix_free(context.world, *a, problem.spectrum.request,
                                      problem.spectrum.verify, context.progress);
  context.progress.end("solve", timer.seconds());
  context.clock.add("solve", timer.seconds());
  problem.assembly->kernel = a->description();
  problem.assembly->normalization = "K = F^T F";
  return solved;
}

SolvedSpectrum by_route(const StudyContext& context, StudyProblem& problem, StudyOutcome& outcome) {
  if (problem.shape.matrix_free) return solve_matrix_free_route(context, problem, outcome);
  if (problem.shape.extended) return solve_extended_precision(context, problem, outcome);
  if (problem.shape.tail == TailMethod::gram) return solve_gram(context, problem, outcome);
  if (problem.shape.tail == TailMethod::automatic) return solve_auto(context, problem, outcome);
  return solve_named_route(context, problem, outcome);
}

}  // namespace

SolvedSpectrum solve_problem(const StudyContext& context, StudyProblem& problem,
                             StudyOutcome& outcome, const std::string& label) {
  if (!label.empty()) context.progress.note(fmt::format("--- {}", label));
  SolvedSpectrum solved = by_route(context, problem, outcome);
  const CertifiedSpectrum& spectrum = solved.spectrum;
  outcome.certificate = std::max(outcome.certificate, spectrum.certificate.verdict());
  if (solved.gram)
    outcome.certificate = std::max(outcome.certificate, solved.gram->certificate.verdict());
  if (problem.shape.store_vectors) note_stage(context, problem.shape, Stage::write, outcome);
  outcome.grid = spectrum.plan.grid;
  outcome.block = spectrum.plan.block;
  outcome.lines.push_back(fmt::format(
      "{}n = {}: {} of {} eigenvalues trusted{}, floor {:.2e}; {}{}{}; {}",
      label.empty() ? "" : label + ": ", problem.spectrum.n, spectrum.trusted,
      spectrum.result.eigenvalue.size(),
      spectrum.null_by_rank > 0 ? fmt::format(", {} null by rank", spectrum.null_by_rank) : "",
      spectrum.floor(), name(spectrum.result.backend),
      solved.route == "gram" ? "" : ", route " + solved.route,
      spectrum.fell_back ? " after a fallback" : "", spectrum.certificate.summary()));
  return solved;
}

}  // namespace fathom
