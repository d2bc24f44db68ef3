// Study "density": how many eigenvalues lie above a threshold, trace, effective dimension and the
// tail's exponent, each with its error, from a few products with random vectors.

#include "spectral/density.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "eigen/lanczos.hpp"
#include "eigen/lanczos_quadrature.hpp"
#include "studies/kept_lanczos.hpp"
#include "studies/operators.hpp"
#include "studies/spectrum_output.hpp"
#include "studies/studies.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fathom {
namespace {

/// One point's density and what it was made from.
struct Density {
  std::int64_t n = 0;
  std::int64_t rank_bound = 0;
  std::string matrix;
  std::int64_t steps = 0;  ///< as asked for
  double floor = 0;        ///< thresholds and ridges stay above it: rounding of the products
  LanczosResult lanczos;
  std::vector<GaussQuadrature> gauss;
  DensityOptions options;
  DensityEstimate estimate;
  double seconds = 0;

  double largest() const {
    double value = 0;
    for (const GaussQuadrature& q : gauss)
      if (!q.node.empty()) value = std::max(value, q.node.front());
    return value;
  }
};

/// All products, at the rate of this run's so far, or as presumed.
Foreseen foresee_products(const StudyContext& context, double flops) {
  constexpr double presumed_rate = 2e9;  // of a rank; products with few vectors wait for memory
  const double rate = std::max(context.clock.rate("lanczos"), presumed_rate * context.world.size());
  return {flops / rate, "the products"};
}

/// Products with all random vectors at once, a safe point before each.
LanczosResult run_lanczos(const StudyContext& context, const StudyPoint& point,
                          const StudyOperator& op) {
  const Deck& deck = point.deck;
  const LinearOperator& a = *op.a;
  const std::int64_t n = a.order(), probes = deck.integer("study.probes");
  const std::int64_t steps = std::min(n, deck.integer("study.steps"));
  const double product = a.flops() * static_cast<double>(probes);
  context.progress.note(
      fmt::format("density: {} probes x {} products with {} (order {}, rank at most {}), {:.3g} "
                  "GFLOP a product",
                  probes, steps, a.description(), n, a.rank_bound(), product / 1e9));
  op.keep_before(foresee_products(context, product * static_cast<double>(steps)));
  std::vector<double> start;
  context.world.agree([&] {
    start = gaussian_starts(n, probes, static_cast<std::uint64_t>(deck.integer("run.seed")));
  });
  const Timer timer;
  KeptLanczos kept(context, point_key(point) + ".lanczos",
                   deck.is_word("run.checkpoint") ? 0.0 : deck.seconds("run.checkpoint"), op.keep);
  LanczosOptions options;
  options.steps = static_cast<int>(steps);
  options.keeper = &kept;
  options.after_step = [&](std::int64_t done) {
    if (timer.seconds() > 5 && done * 10 / steps != (done - 1) * 10 / steps)
      context.progress.note(
          fmt::format("density: {} of {} products, {:.1f} s", done, steps, timer.seconds()));
  };
  context.progress.begin("lanczos");
  LanczosResult result = lanczos(context.world, a, {start.data(), n, probes, n}, options);
  context.progress.end("lanczos", timer.seconds());
  context.clock.add("lanczos", timer.seconds(),
                    product * static_cast<double>(result.products - kept.taken_up()));
  return result;
}

/// A Gram matrix has no negative eigenvalues: a Ritz value far below zero is not rounding.
void refuse_indefinite(const Density& density, const LinearOperator& a) {
  double smallest = 0;
  for (const GaussQuadrature& q : density.gauss)
    if (!q.node.empty()) smallest = std::min(smallest, q.node.back());
  const double allowed =
      (10 * static_cast<double>(density.n) * unit_roundoff + 10 * a.relative_error()) *
      density.lanczos.norm;
  if (smallest < -allowed)
    throw AgreedError(ExitCode::numeric,
                      "{} is not positive semi-definite: it has the Ritz value {:.6g} (n = {}), "
                      "below -{:.3g}",
                      density.matrix, smallest, density.n, allowed);
}

std::vector<ProbeQuadratures> quadratures(const Density& density) {
  std::vector<ProbeQuadratures> probes;
  for (std::size_t p = 0; p < density.gauss.size(); ++p) {
    const Tridiagonal& t = density.lanczos.probe[p];
    ProbeQuadratures q{density.gauss[p], radau_quadrature(t, 0.0), {}};
    for (const double threshold : density.options.threshold)
      q.at_threshold.push_back(radau_quadrature(t, threshold));
    probes.push_back(std::move(q));
  }
  return probes;
}

Density measure_density(const StudyContext& context, const StudyPoint& point,
                        const StudyOperator& op) {
  const Timer timer;
  const Deck& deck = point.deck;
  const LinearOperator& a = *op.a;
  Density density;
  density.n = a.order();
  density.rank_bound = a.rank_bound();
  density.matrix = a.description();
  density.steps = deck.integer("study.steps");
  density.lanczos = run_lanczos(context, point, op);
  context.world.agree([&] {
    for (const Tridiagonal& t : density.lanczos.probe)
      density.gauss.push_back(gauss_quadrature(t));
    const double relative_floor =
        10 *
        std::max(a.relative_error(), std::sqrt(static_cast<double>(density.n)) * unit_roundoff);
    density.floor = relative_floor * density.largest();
    DensityOptions& options = density.options;
    options.threshold =
        resolved_thresholds(density.gauss, deck.integer("study.thresholds"), relative_floor);
    options.lambda =
        resolved_thresholds(density.gauss, deck.integer("study.lambda_points"), relative_floor);
    options.confidence = deck.real("study.confidence");
    if (deck.has("study.fit_range"))
      options.window = {deck.integers("study.fit_range")[0], deck.integers("study.fit_range")[1]};
    density.estimate = estimate_density(density.n, density.rank_bound, density.lanczos.resolved,
                                        quadratures(density), options);
  });
  refuse_indefinite(density, a);
  density.seconds = context.world.max(timer.seconds());
  return density;
}

/// name, name_low, name_high, name_standard_error, name_resolution over one scale.
void write_estimates(const RunGroup& group, const std::string& scale, const std::string& name,
                     const std::vector<Estimate>& estimates, const char* meaning) {
  const auto column = [&](const std::string& suffix, double Estimate::*field, const char* words) {
    std::vector<double> values;
    for (const Estimate& e : estimates)
      values.push_back(e.*field);
    group.variable(name + suffix, std::span<const double>(values), {scale});
    group.attribute_of(name + suffix, "long_name", std::string(words));
  };
  column("", &Estimate::value, meaning);
  column("_low", &Estimate::low, "lower end of the interval");
  column("_high", &Estimate::high, "upper end of the interval");
  column("_standard_error", &Estimate::standard_error, "standard error from the random vectors");
  column("_resolution", &Estimate::resolution, "error of the quadrature, estimated");
}

void write_attributes(const RunGroup& group, const std::string& name, const Estimate& e) {
  group.attribute(name, e.value);
  group.attribute(name + "_standard_error", e.standard_error);
  group.attribute(name + "_low", e.low);
  group.attribute(name + "_high", e.high);
}

/// Nodes and weights of all probes; NaN where a probe has fewer than the most.
void write_nodes(const RunGroup& group, const Density& density) {
  std::size_t most = 0;
  for (const GaussQuadrature& q : density.gauss)
    most = std::max(most, q.node.size());
  std::vector<double> node, weight;
  for (const GaussQuadrature& q : density.gauss) {
    double mass = 0;
    for (const double w : q.weight)
      mass += w;
    for (std::size_t l = 0; l < most; ++l) {
      const bool there = l < q.node.size();
      constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
      node.push_back(there ? q.node[l] : nothing);
      weight.push_back(there ? q.weight[l] * static_cast<double>(density.n) / mass : nothing);
    }
  }
  group.counting_scale("probe", static_cast<std::int64_t>(density.gauss.size()));
  group.counting_scale("step", static_cast<std::int64_t>(most));
  group.variable("node", std::span<const double>(node), {"probe", "step"});
  group.variable("weight", std::span<const double>(weight), {"probe", "step"});
  group.attribute_of("node", "long_name", "node of the Gauss quadrature of a probe, descending");
  group.attribute_of("weight", "long_name", "eigenvalues that the node stands for");
}

void write_density(const RunGroup& point, const Density& density) {
  const RunGroup group = point.group("density");
  const DensityEstimate& d = density.estimate;
  if (!density.options.threshold.empty()) {
    group.scale("threshold", std::span<const double>(density.options.threshold));
    group.attribute_of("threshold", "long_name", "threshold, in the units of the eigenvalues");
    write_estimates(group, "threshold", "count", d.count, "eigenvalues above the threshold");
    group.scale("lambda", std::span<const double>(density.options.lambda));
    group.attribute_of("lambda", "long_name", "ridge, in the units of the eigenvalues");
    write_estimates(group, "lambda", "effective_dimension", d.effective_dimension,
                    "tr K (K + lambda)^-1");
  }
  write_nodes(group, density);
  if (!density.lanczos.resolved.empty()) {
    group.counting_scale("resolved_mode", d.resolved);
    group.variable("resolved_eigenvalue", std::span<const double>(density.lanczos.resolved),
                   {"resolved_mode"});
    group.attribute_of("resolved_eigenvalue", "long_name",
                       "leading eigenvalues that every probe resolved");
  }
  write_attributes(group, "trace", d.trace);
  write_attributes(group, "frobenius_squared", d.frobenius_squared);
  write_attributes(group, "exponent", d.exponent);
  group.attribute("exponent_resolution", d.exponent.resolution);
  group.attribute("fit_low", d.window.first);
  group.attribute("fit_high", d.window.last);
  group.attribute("fit_thresholds", d.thresholds);
  group.attribute("confidence", density.options.confidence);
  group.attribute("probes", std::ssize(density.gauss));
  group.attribute("steps", density.steps);
  group.attribute("products", density.lanczos.products);
  group.attribute("n", density.n);
  group.attribute("rank_bound", density.rank_bound);
  group.attribute("floor", density.floor);
  group.attribute("largest", density.largest());
  group.attribute("matrix", density.matrix);
  group.attribute("seconds", density.seconds);
}

/// What was checked: that the products are those of one symmetric matrix.
Certificate certificate_of(const Density& density, const LinearOperator& a) {
  const double unit = static_cast<double>(density.n) * std::max(unit_roundoff, a.relative_error());
  Certificate certificate;
  certificate.checks.push_back({"asymmetry", density.lanczos.asymmetry / unit, 10, 60,
                                "largest entry of Q'KQ beside its diagonals / (n eps' norm)"});
  return certificate;
}

std::string interval(const Estimate& e) {
  return fmt::format("{:.4g} [{:.4g}, {:.4g}]", e.value, e.low, e.high);
}

/// The sentence of a point.
std::string verdict_of(const Density& density) {
  const DensityEstimate& d = density.estimate;
  std::string text = fmt::format("trace {}", interval(d.trace));
  if (std::isnan(d.exponent.value))
    text += "; too few counts for a tail exponent";
  else
    text += fmt::format("; tail exponent {} over counts {} to {}", interval(d.exponent),
                        d.window.first, d.window.last);
  const auto& lambda = density.options.lambda;
  if (!lambda.empty()) {
    // The ridge nearest to a hundredth of the largest eigenvalue.
    const double wanted = std::log(0.01 * density.largest());
    const auto nearest = std::min_element(lambda.begin(), lambda.end(), [&](double x, double y) {
      return std::abs(std::log(x) - wanted) < std::abs(std::log(y) - wanted);
    });
    text += fmt::format(
        "; effective dimension {} at a ridge of {:.3g}",
        interval(d.effective_dimension[static_cast<std::size_t>(nearest - lambda.begin())]),
        *nearest);
  }
  return text + fmt::format(" ({:g} % intervals)", 100 * density.options.confidence);
}

void run_point(const StudyContext& context, const StudyPoint& point, StudyOutcome& outcome) {
  context.world.agree([] { fault_point("studies.point"); });
  if (!point.label.empty()) context.progress.note(fmt::format("--- {}", point.label));
  const RunGroup group = context.file.group(point.group);
  const StudyOperator op = make_operator(context, point.deck, point_key(point), outcome);
  const Density density = measure_density(context, point, op);
  const Certificate certificate = certificate_of(density, *op.a);
  if (certificate.verdict() == Verdict::fail)
    throw AgreedError(ExitCode::certificate, "the density failed its certificate: {}",
                      certificate.summary());
  outcome.certificate = worse(outcome.certificate, certificate.verdict());
  write_density(group, density);
  write_quality(group, "quality", certificate);
  const std::string prefix = point.label.empty() ? "" : point.label + ": ";
  outcome.lines.push_back(fmt::format(
      "{}n = {}: {} probes x {} products with {}, {} leading eigenvalues resolved, floor {:.2e}; "
      "{}",
      prefix, density.n, density.gauss.size(), density.lanczos.products, density.matrix,
      density.estimate.resolved, density.floor, certificate.summary()));
  outcome.verdicts.push_back(prefix + verdict_of(density));
  context.file.settle();
}

}  // namespace

StudyOutcome run_density_study(const StudyContext& context) {
  return run_every_point(context, run_point);
}

}  // namespace fathom
