#include "studies/kernel_moment.hpp"

#include "base/fault.hpp"
#include "eigen/lanczos.hpp"
#include "eigen/lanczos_quadrature.hpp"
#include "gram/empirical_ntk.hpp"
#include "gram/gradient_statistics.hpp"
#include "spectral/gradient_flow.hpp"
#include "studies/problem.hpp"
#include "studies/targets.hpp"
#include "training/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fathom {
namespace {

double squared(std::span<const double> x) {
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
}

/// g, and g = g_signal + g_noise where the labels' noise is known: of squared error
/// g = (f − signal)/n − noise/n.
std::vector<std::vector<double>> gradient_parts(const TrainedModel& model,
                                                const std::vector<double>& g) {
  std::vector<std::vector<double>> parts{g};
  if (model.noise.empty() || squared(model.noise) == 0) return parts;
  std::vector<double> signal = g, noise(signal.size());
  for (std::size_t i = 0; i < noise.size(); ++i) {
    noise[i] = -model.noise[i] / static_cast<double>(model.set.count);
    signal[i] -= noise[i];
  }
  parts.push_back(std::move(signal));
  parts.push_back(std::move(noise));
  return parts;
}

/// g on the rows of the kernel. Collective.
std::vector<double> gradient_of_rows(const StudyContext& context, const TrainedModel& model,
                                     const FunctionGradient& function) {
  std::vector<double> g = chosen_rows(model.outputs, function.gradient);
  if (context.world.max(fault_armed("studies.outputs", "shift") ? 1.0 : 0.0) > 0)
    std::rotate(g.begin(), g.begin() + 1, g.end());
  return g;
}

/// δL between the groups of the model's rows. Collective.
std::vector<double> decrease_between_groups(const TrainedModel& model,
                                            const CertifiedSpectrum& spectrum,
                                            std::span<const double> eigenvalue,
                                            std::span<const double> g) {
  const std::size_t groups = model.group_names.size();
  Targets parts{std::ssize(g), static_cast<std::int64_t>(groups),
                std::vector<double>(g.size() * groups, 0.0)};
  for (std::size_t r = 0; r < g.size(); ++r)
    if (model.group[r] >= 0)
      parts.value[r * groups + static_cast<std::size_t>(model.group[r])] = g[r];
  const std::vector<double> p = target_coefficients(*spectrum.result.vectors, parts);
  std::vector<double> between(groups * groups, 0.0), a(eigenvalue.size()), b(eigenvalue.size());
  for (std::size_t i = 0; i < groups; ++i)
    for (std::size_t j = 0; j < groups; ++j) {
      for (std::size_t k = 0; k < eigenvalue.size(); ++k)
        a[k] = p[k * groups + i], b[k] = p[k * groups + j];
      between[i * groups + j] = cross_decrease(eigenvalue, a, b);
    }
  return between;
}

double position_by_lanczos(const StudyContext& context, const Deck& deck,
                           const EmpiricalNtk& kernel, std::span<const double> g,
                           const KernelMoment& moment) {
  const std::int64_t n = kernel.order();
  const auto a = empirical_ntk_operator(context.world, kernel);
  LanczosOptions options;
  options.steps = static_cast<int>(std::min(n, deck.integer("study.lanczos_steps")));
  const LanczosResult result = lanczos(context.world, *a, {g.data(), n, 1, n}, options);
  const GaussQuadrature measure = gauss_quadrature(result.probe.front());
  if (measure.node.empty()) return std::nan("");
  return spectral_position(measure, moment.gradient_squared,
                           {.trace = moment.trace,
                            .top_eigenvalue = std::max(result.norm, moment.eigenvalue.front()),
                            .floor = moment.floor,
                            .outputs = n})
      .chi_pos;
}

GradientStatistics statistics(const StudyContext& context, const Deck& deck,
                              const EmpiricalNtk& kernel, const FunctionGradient& function) {
  GradientStatisticsOptions options;
  options.probes = deck.integer("study.probes_of_trace");
  options.seed = static_cast<std::uint64_t>(deck.integer("run.seed"));
  const auto gradient = [&](std::span<const std::int64_t> samples, MatrixView<const double>,
                            MatrixView<double> out) {
    for (std::size_t i = 0; i < samples.size(); ++i)
      std::copy_n(function.gradient.data() + samples[i] * function.outputs, function.outputs,
                  out.col(static_cast<std::int64_t>(i)));
  };
  return gradient_statistics(context.world, kernel, gradient, options);
}

/// Dense spectrum, Lanczos and gradients measure one number. What is exact must agree to rounding,
/// an estimated trace to five of its standard errors. Products with the kernel see nothing below
/// the floor of its matrix, whatever the floor of the route by its factor.
void hold_routes_together(const KernelMoment& moment, const std::string& label) {
  const double floor = std::max(moment.floor, static_cast<double>(moment.outputs) * unit_roundoff *
                                                  moment.eigenvalue.front());
  const double rounding = 1e-9 + 10 * floor / std::max(moment.trace, 1e-300) /
                                     std::max(moment.position.chi_pos, 1e-300);
  const auto hold = [&](double other, double error, const char* route) {
    if (std::isnan(other) || std::isnan(moment.position.chi_pos)) return;
    const double off = std::abs(other - moment.position.chi_pos);
    if (!(off <= rounding * moment.position.chi_pos + 5 * error))
      throw AgreedError(ExitCode::certificate,
                        "{}: the spectral position by {} is {:.9g}, by the eigenvalues {:.9g}",
                        label, route, other, moment.position.chi_pos);
  };
  hold(moment.lanczos, 0, "Lanczos");
  hold(moment.gradients, moment.gradients_error, "gradients");
}

void put_spectrum(KernelMoment& moment, const CertifiedSpectrum& spectrum) {
  moment.eigenvalue = spectrum.result.eigenvalue;
  moment.error_bound = spectrum.error_bound;
  for (const ModeState state : spectrum.state)
    moment.state.push_back(static_cast<int>(state));
  moment.trace = spectrum.trace;
  moment.floor = spectrum.floor();
}

/// u_k·v for vectors v of the kernel's order, the same on every rank. Collective.
std::vector<std::vector<double>> projections_of(const CertifiedSpectrum& spectrum,
                                                std::span<const std::vector<double>> vectors) {
  std::vector<std::vector<double>> projections;
  for (const std::vector<double>& v : vectors)
    projections.push_back(
        target_coefficients(*spectrum.result.vectors, Targets{std::ssize(v), 1, v}));
  return projections;
}

/// The position, and what signal and noise take of the decrease.
void put_projections(KernelMoment& moment, const std::vector<std::vector<double>>& projections) {
  moment.projection = projections.front();
  moment.position = spectral_position({.eigenvalue = moment.eigenvalue,
                                       .error_bound = moment.error_bound,
                                       .state = moment.state,
                                       .trace = moment.trace,
                                       .outputs = moment.outputs},
                                      moment.projection, moment.gradient_squared);
  if (projections.size() < 3) return;
  const DecreaseSplit split = split_decrease(moment.eigenvalue, projections[1], projections[2]);
  moment.signal_share = split.signal_share();
  moment.noise_share = split.noise_share();
}

}  // namespace

std::vector<double> KernelMoment::decayed(std::span<const double> projections,
                                          double flow_time) const {
  std::vector<double> rate = eigenvalue;
  for (double& value : rate)
    value = std::max(value, 0.0);
  return flow_residual(rate, projections, flow_time / static_cast<double>(samples));
}

DepthSnapshot KernelMoment::depth(std::span<const double> projections, double spent,
                                  double share) const {
  std::vector<double> trusted(eigenvalue.size(), std::nan(""));
  for (std::size_t k = 0; k < trusted.size(); ++k)
    if (state[k] == 1) trusted[k] = eigenvalue[k];
  return depth_snapshot(spent, trusted, error_bound,
                        trusted_decrease(eigenvalue, state, projections), share);
}

FixedKernel::FixedKernel(const CertifiedSpectrum& spectrum,
                         std::span<const std::vector<double>> parts, std::int64_t samples)
    : projections_(projections_of(spectrum, parts)) {
  start_.samples = samples;
  start_.outputs = std::ssize(parts.front());
  put_spectrum(start_, spectrum);
  start_.gradient_squared = squared(parts.front());
}

KernelMoment FixedKernel::moment(double time) const {
  KernelMoment at = start_;
  at.time = time;
  std::vector<std::vector<double>> projections = projections_;
  for (std::vector<double>& p : projections)
    p = at.decayed(p, time);
  // All modes are there: ‖g‖² is the sum over them.
  at.gradient_squared = squared(projections.front());
  at.loss = 0.5 * static_cast<double>(at.samples) * at.gradient_squared;
  put_projections(at, projections);
  return at;
}

KernelMoment network_moment(const StudyContext& context, const Deck& deck,
                            const TrainedModel& model, std::span<const double> parameters,
                            StudyOutcome& outcome, const std::string& label,
                            std::optional<DistMatrix>& vectors) {
  const FunctionGradient function =
      function_gradient(context.world, model.problem(), model.set, parameters);
  const Network<double>& network = *model.exact.network;
  const EmpiricalNtk kernel{network, parameters, *model.inputs, model.outputs.choices(),
                            NtkKind::all_outputs};
  const std::vector<double> g = gradient_of_rows(context, model, function);
  StudyProblem problem = make_tangent_kernel_problem(context, deck, kernel, *model.shape);
  SolvedSpectrum solved = solve_problem(context, problem, outcome, label);
  KernelMoment moment;
  moment.samples = model.set.count;
  moment.loss = loss_of_outputs(model.outputs, model.loss, function, g, model.set.count);
  moment.outputs = kernel.order();
  moment.gradient_squared = squared(g);
  put_spectrum(moment, solved.spectrum);
  put_projections(moment, projections_of(solved.spectrum, gradient_parts(model, g)));
  moment.cross_decrease = decrease_between_groups(model, solved.spectrum, moment.eigenvalue, g);
  if (deck.integer("study.lanczos_steps") > 0 && moment.gradient_squared > 0)
    moment.lanczos = position_by_lanczos(context, deck, kernel, g, moment);
  const GradientStatistics gradients = statistics(context, deck, kernel, function);
  moment.gradients = gradients.spectral_position();
  moment.gradients_error =
      gradients.chi_net > 0 ? moment.gradients * gradients.chi_net_error / gradients.chi_net : 0.0;
  if (context.world.max(fault_armed("studies.position", "shift") ? 1.0 : 0.0) > 0)
    moment.gradients *= 1.01;
  hold_routes_together(moment, label);
  vectors = std::move(solved.spectrum.result.vectors);
  return moment;
}

}  // namespace fathom
