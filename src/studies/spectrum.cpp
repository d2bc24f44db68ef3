// Study "spectrum": one certified spectrum a point, what the targets and the layer do in it.

#include "base/fault.hpp"
#include "spectral/exponent_fit.hpp"
#include "spectral/measures.hpp"
#include "studies/kept_solve.hpp"
#include "studies/problem.hpp"
#include "studies/spectrum_output.hpp"
#include "studies/studies.hpp"
#include "studies/targets.hpp"

namespace fathom {
namespace {

FitOptions fit_options(const Deck& deck, std::int64_t modes) {
  FitOptions options;
  options.range = default_fit_range(modes);
  if (deck.has("study.fit_range"))
    options.range = {deck.integers("study.fit_range")[0], deck.integers("study.fit_range")[1]};
  return options;
}

void write_effective_dimension(const RunGroup& point, const CertifiedSpectrum& spectrum,
                               std::int64_t count) {
  const EffectiveDimensionCurve curve =
      effective_dimension_curve(trusted_eigenvalues(spectrum), count);
  if (curve.lambda.empty()) return;
  const RunGroup group = point.group("effective_dimension");
  group.scale("lambda", std::span<const double>(curve.lambda));
  group.variable("effective_dimension", std::span<const double>(curve.dimension), {"lambda"});
  group.attribute("lambda_max", curve.lambda_max);
  group.attribute_of("lambda", "long_name", "ridge over the largest eigenvalue");
  group.attribute_of("effective_dimension", "long_name", "tr K (K + ridge)^-1 over trusted modes");
}

void write_fit(const RunGroup& group, const ExponentFit& fit) {
  group.attribute("exponent", fit.exponent);
  group.attribute("exponent_low", fit.low);
  group.attribute("exponent_high", fit.high);
  group.attribute("fit_low", fit.range.first);
  group.attribute("fit_high", fit.range.last);
  group.attribute("fit_method", fit.method);
}

/// Exponent in against exponent out; returns the sentence.
std::string before_and_after(const StudyContext& context, const StudyPoint& point,
                             const RunGroup& group, const StudyProblem& problem,
                             const CertifiedSpectrum& after, StudyOutcome& outcome) {
  StudyProblem before_problem =
      make_data_covariance(context, point.deck, problem.data, point_key(point));
  const SolvedSpectrum solved = solve_problem(context, before_problem, outcome, "data covariance");
  const CertifiedSpectrum& before = solved.spectrum;
  const RunGroup written = write_solved(group, "data_", solved, before_problem.spectrum.n,
                                        *before_problem.assembly, false);
  const auto modes = static_cast<std::int64_t>(
      std::min(before.result.eigenvalue.size(), after.result.eigenvalue.size()));
  FitOptions options = fit_options(point.deck, modes);
  if (!point.deck.has("study.fit_range"))
    options.range = {
        2, std::max<std::int64_t>(8, modes / 2)};  // mode 1 is the mean: nothing is centred
  const ExponentChange change =
      exponent_in_out(trusted_eigenvalues(before), trusted_eigenvalues(after), options);
  write_fit(written, change.in);
  write_fit(group.group("spectrum"), change.out);
  group.attribute("exponent_change", change.change);
  group.attribute("exponent_change_error", change.error);
  return change.sentence;
}

void run_point(const StudyContext& context, const StudyPoint& point, StudyOutcome& outcome) {
  context.world.agree([] { fault_point("studies.point"); });
  const RunGroup group = context.file.group(point.group);
  StudyProblem problem = make_problem(context, point.deck, point_key(point));
  const SolvedSpectrum solved = solve_point(context, point, problem, outcome);
  const CertifiedSpectrum& spectrum = solved.spectrum;
  const RunGroup written =
      write_solved(group, "", solved, problem.spectrum.n, *problem.assembly,
                   point.deck.flag("run.store_eigenvectors"), spectrum_key(point));
  write_effective_dimension(group, spectrum, point.deck.integer("study.lambda_points"));
  const std::string prefix = point.label.empty() ? "" : point.label + ": ";
  if (problem.targets && spectrum.result.vectors) {
    const std::vector<double> coefficient =
        target_coefficients(*spectrum.result.vectors, *problem.targets);
    outcome.verdicts.push_back(prefix +
                               write_targets(group, *problem.targets, coefficient, spectrum));
  }
  if (point.deck.has("study.data_covariance") && point.deck.flag("study.data_covariance")) {
    outcome.verdicts.push_back(prefix +
                               before_and_after(context, point, group, problem, spectrum, outcome));
  } else {
    const auto modes = static_cast<std::int64_t>(spectrum.result.eigenvalue.size());
    write_fit(written, fit_exponent(trusted_eigenvalues(spectrum), fit_options(point.deck, modes)));
  }
  context.file.settle();
}

}  // namespace

StudyOutcome run_spectrum_study(const StudyContext& context) {
  return run_every_point(context, run_point);
}

}  // namespace fathom
