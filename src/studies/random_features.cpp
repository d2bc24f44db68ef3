// Study "random_features": the spectra of random features on power-law data against the law of
// Paquette, Xiao & Zhu (arXiv 2603.14578), over a sweep of alpha, degree, features, activation and
// seeds.

#include "spectral/chaos.hpp"
#include "spectral/exponent_fit.hpp"
#include "spectral/law.hpp"
#include "spectral/verdict.hpp"
#include "studies/kept_results.hpp"
#include "studies/kept_solve.hpp"
#include "studies/problem.hpp"
#include "studies/spectrum_output.hpp"
#include "studies/studies.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

namespace fathom {
namespace {

/// Points that differ in their seed alone.
struct Configuration {
  std::string label;
  const StudyPoint* first = nullptr;
  std::vector<std::vector<double>> spectra;  ///< trusted eigenvalues, one spectrum a seed
  std::vector<double> law;                   ///< empty where the activation has none
  std::vector<double> comparator;            ///< empty as the law, or where not asked for
  std::int64_t window_end = 0;               ///< of the law; 0 where there is none
};

bool law_applies(const Deck& deck) {
  return law_is_stated(deck.text("kernel.activation"));
}

/// 0 where there is no law.
int law_degree(const Deck& deck) {
  if (!law_applies(deck)) return 0;
  return deck.has("kernel.degree") ? static_cast<int>(deck.integer("kernel.degree")) : 1;
}

/// Everything that is swept but the seed, as text.
std::string configuration_key(const StudyPoint& point) {
  std::string key;
  for (const auto& [name, value] : point.set)
    if (name != "run.seed") key += name + " = " + value + ", ";
  return key.empty() ? key : key.substr(0, key.size() - 2);
}

FitOptions fit_options(const Deck& deck) {
  FitOptions options;
  options.range = default_fit_range(deck.integer("kernel.features"));
  if (deck.has("study.fit_range"))
    options.range = {deck.integers("study.fit_range")[0], deck.integers("study.fit_range")[1]};
  options.confidence = deck.real("study.confidence");
  // The finite-size term sums over all modes, so it is told only where all of them were computed.
  if (deck.is_word("solver.eigenvalues")) options.samples = deck.integer("kernel.features");
  return options;
}

/// Mean over seeds of ln(ratio), as a ratio; NaN where a seed has none.
std::vector<double> geometric_mean_ratio(const std::vector<std::vector<double>>& spectra,
                                         std::span<const double> reference) {
  std::vector<double> mean(spectra.front().size(), 0.0);
  for (const auto& spectrum : spectra) {
    const std::vector<double> ratio = ratio_to(spectrum, reference);
    for (std::size_t j = 0; j < mean.size(); ++j)
      mean[j] += std::log(ratio[j]) / static_cast<double>(spectra.size());
  }
  for (double& value : mean)
    value = std::exp(value);
  return mean;
}

void write_against_law(const RunGroup& group, const StudyPoint& point,
                       const Configuration& configuration, const std::vector<double>& eigenvalue) {
  const Deck& deck = point.deck;
  const auto write = [&](const char* name, const std::vector<double>& values, const char* meaning) {
    group.variable(name, std::span<const double>(values), {"mode"});
    group.attribute_of(name, "long_name", meaning);
  };
  if (law_applies(deck)) {
    write("law", configuration.law, "(ln^(p-1)(j+1) / j)^alpha, up to a constant");
    write("law_ratio", ratio_to(eigenvalue, configuration.law), "eigenvalue over law");
  }
  if (!configuration.comparator.empty()) {
    write("comparator", configuration.comparator, "finite-size chaos comparator");
    write("comparator_ratio", ratio_to(eigenvalue, configuration.comparator),
          "eigenvalue over comparator");
  }
  const FitOptions options = fit_options(deck);
  group.attribute("alpha", deck.real("data.alpha"));
  group.attribute("law_applies", law_applies(deck) ? 1 : 0);
  if (law_applies(deck)) {
    group.attribute("degree", law_degree(deck));
    group.attribute("law_window_end", configuration.window_end);
  }
  group.attribute("features", deck.integer("kernel.features"));
  group.attribute("dim", deck.integer("data.dim"));
  group.attribute("activation", deck.text("kernel.activation"));
  group.attribute("seed", deck.integer("run.seed"));
  group.attribute("fit_low", options.range.first);
  group.attribute("fit_high", options.range.last);
  group.attribute("exponent", power_law_exponent(eigenvalue, options.range));
}

Configuration begin_configuration(const StudyPoint& point, std::int64_t modes) {
  const Deck& deck = point.deck;
  Configuration configuration;
  configuration.label = configuration_key(point);
  configuration.first = &point;
  if (law_applies(deck)) {
    configuration.law = law_spectrum(modes, deck.real("data.alpha"), law_degree(deck));
    configuration.window_end = law_window_end(deck.integer("kernel.features"), law_degree(deck));
  }
  // For activations that are no polynomials the weights b_k² k! / (tr H)^k diverge: no comparator.
  if (law_applies(deck) && deck.flag("study.comparator"))
    configuration.comparator = chaos_comparator(law_degree(deck), deck.real("data.alpha"),
                                                deck.integer("data.dim"), modes);
  return configuration;
}

/// One row of /fits.
struct FitRow {
  const Configuration* configuration;
  ExponentFit fit;
  RatioSpread law, comparator;
  RatioSpread law_in_window;  ///< over modes 1 … window_end
  LawVerdict verdict;
};

FitRow fit_configuration(const Configuration& configuration) {
  const Deck& deck = configuration.first->deck;
  FitRow row{
      &configuration, fit_exponent(configuration.spectra, fit_options(deck)), {}, {}, {}, {}};
  if (!configuration.law.empty()) {
    const std::vector<double> ratio =
        geometric_mean_ratio(configuration.spectra, configuration.law);
    row.law = ratio_spread(ratio, row.fit.range);
    row.law_in_window = ratio_spread(ratio, {1, configuration.window_end});
  }
  if (!configuration.comparator.empty())
    row.comparator = ratio_spread(
        geometric_mean_ratio(configuration.spectra, configuration.comparator), row.fit.range);
  row.verdict = law_verdict({.activation = deck.text("kernel.activation"),
                             .degree = law_degree(deck),
                             .features = deck.integer("kernel.features"),
                             .dim = deck.integer("data.dim"),
                             .alpha = deck.real("data.alpha"),
                             .fit = row.fit,
                             .law = row.law,
                             .comparator = row.comparator});
  return row;
}

void write_fits(RunFile& file, const std::vector<FitRow>& rows) {
  const RunGroup group = file.group("fits");
  group.counting_scale("fit", static_cast<std::int64_t>(rows.size()));
  const auto write = [&](const char* name, auto value_of) {
    using Value = std::decay_t<decltype(value_of(rows.front()))>;
    std::vector<Value> values;
    for (const FitRow& row : rows)
      values.push_back(value_of(row));
    group.variable(name, std::span<const Value>(values), {"fit"});
  };
  const auto deck = [](const FitRow& row) -> const Deck& { return row.configuration->first->deck; };
  write("configuration", [](const FitRow& r) { return r.configuration->label; });
  write("alpha", [&](const FitRow& r) { return deck(r).real("data.alpha"); });
  write("degree", [&](const FitRow& r) { return std::int64_t{law_degree(deck(r))}; });
  write("features", [&](const FitRow& r) { return deck(r).integer("kernel.features"); });
  write("dim", [&](const FitRow& r) { return deck(r).integer("data.dim"); });
  write("activation", [&](const FitRow& r) { return deck(r).text("kernel.activation"); });
  write("seeds", [](const FitRow& r) { return std::int64_t{r.fit.seeds}; });
  write("exponent", [](const FitRow& r) { return r.fit.exponent; });
  write("exponent_low", [](const FitRow& r) { return r.fit.low; });
  write("exponent_high", [](const FitRow& r) { return r.fit.high; });
  write("statistical", [](const FitRow& r) { return r.fit.statistical; });
  write("seed_spread", [](const FitRow& r) { return r.fit.seed_spread; });
  write("finite_size", [](const FitRow& r) { return r.fit.finite_size; });
  write("range_shift", [](const FitRow& r) { return r.fit.range_shift; });
  write("fit_low", [](const FitRow& r) { return r.fit.range.first; });
  write("fit_high", [](const FitRow& r) { return r.fit.range.last; });
  write("window_end", [](const FitRow& r) { return r.configuration->window_end; });
  // NaN where there is no reference, or where fewer modes entered than say anything.
  const auto of = [](const RatioSpread& ratio, double RatioSpread::*value,
                     std::int64_t at_least = 1) {
    return ratio.count >= at_least ? ratio.*value : std::nan("");
  };
  constexpr auto lowest = &RatioSpread::relative_minimum, highest = &RatioSpread::relative_maximum;
  write("law_ratio_min", [&](const FitRow& r) { return of(r.law, lowest); });
  write("law_ratio_max", [&](const FitRow& r) { return of(r.law, highest); });
  write("law_ratio_spread", [&](const FitRow& r) { return of(r.law, &RatioSpread::spread); });
  write("law_ratio_window_min", [&](const FitRow& r) { return of(r.law_in_window, lowest, 3); });
  write("law_ratio_window_max", [&](const FitRow& r) { return of(r.law_in_window, highest, 3); });
  write("comparator_ratio_min",
        [&](const FitRow& r) { return of(r.comparator, &RatioSpread::minimum); });
  write("comparator_ratio_max",
        [&](const FitRow& r) { return of(r.comparator, &RatioSpread::maximum); });
  write("decided", [](const FitRow& r) { return std::int64_t{r.verdict.decided}; });
  write("agrees", [](const FitRow& r) { return std::int64_t{r.verdict.agrees}; });
  write("verdict", [](const FitRow& r) { return r.verdict.sentence; });
  write("method", [](const FitRow& r) { return r.fit.method; });
}

/// All of a sweep but for the seed, in the order in which they first occur.
class Configurations {
 public:
  Configuration& of(const StudyPoint& point, std::int64_t modes) {
    Configuration*& found = by_key_[configuration_key(point)];
    if (!found) {
      all_.push_back(std::make_unique<Configuration>(begin_configuration(point, modes)));
      found = all_.back().get();
    }
    return *found;
  }
  std::vector<FitRow> fits() const {
    std::vector<FitRow> rows;
    for (const auto& configuration : all_)
      rows.push_back(fit_configuration(*configuration));
    return rows;
  }

 private:
  std::vector<std::unique_ptr<Configuration>> all_;
  std::map<std::string, Configuration*> by_key_;
};

}  // namespace

StudyOutcome run_random_features_study(const StudyContext& context) {
  const std::vector<StudyPoint> points = study_points(context.deck);
  Configurations configurations;
  std::size_t done = 0;  // of the points, in their order
  std::vector<double> last;
  const auto add = [&](std::vector<double> eigenvalue) {
    last = std::move(eigenvalue);
    const StudyPoint& point = points[done++];
    Configuration& configuration = configurations.of(point, std::ssize(last));
    configuration.spectra.push_back(last);
  };
  StudyOutcome outcome = run_every_point(
      context,
      [&](const StudyContext& at, const StudyPoint& point, StudyOutcome& result) {
        StudyProblem problem = make_problem(at, point.deck, point_key(point));
        const SolvedSpectrum solved = solve_point(at, point, problem, result);
        const std::vector<double> eigenvalue = trusted_eigenvalues(solved.spectrum);
        const RunGroup written = write_solved(
            at.file.group(point.group), "", solved, problem.spectrum.n, *problem.assembly,
            point.deck.flag("run.store_eigenvectors"), spectrum_key(point));
        write_against_law(written, point,
                          configurations.of(points[point.index], std::ssize(eigenvalue)),
                          eigenvalue);
        add(eigenvalue);
        at.file.settle();
      },
      {.take = [&] { return to_record(LawPoint{last}); },
       .give = [&](const Record& record) { add(law_point_from(record).eigenvalue); }});

  const std::vector<FitRow> rows = configurations.fits();
  write_fits(context.file, rows);
  for (const FitRow& row : rows)
    outcome.verdicts.push_back(row.verdict.sentence);
  return outcome;
}

}  // namespace fathom
