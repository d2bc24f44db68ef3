#include "gram/factor.hpp"

#include "gram/activation_text.hpp"
#include "gram/factor_coordinates.hpp"
#include "gram/khatri_rao_factor.hpp"
#include "gram/rounding.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

// j^(-alpha/2), its product with W, and the scale, each to an ulp or so.
constexpr double degree_one_roundings = 6;

/// Degree of the monomial; 0 where the activation is none.
int monomial_degree(const Activation& activation) {
  if (activation.kind() == ActivationKind::linear) return 1;
  return activation.kind() == ActivationKind::monomial ? activation.degree() : 0;
}

std::string no_factor(const PopulationSpec& spec) {
  return fmt::format(
      "the population covariance of {} features has no finite factor: only linear and monomial "
      "features have",
      description(spec.activation));
}

std::string too_many(const PopulationSpec& spec, const KhatriRaoPlan& plan,
                     const FactorOptions& options) {
  return fmt::format(
      "{}, v = {}, alpha = {}: the factor has more than {} rows above {:g} lambda_1 ({:.3g} in "
      "all)",
      description(spec.activation), spec.dim, spec.alpha, options.max_rows, plan.tolerance,
      plan.all_rows);
}

/// Rows as the plan has them, at degree ≥ 2.
FactorEstimate khatri_rao_estimate(const PopulationSpec& spec, const KhatriRaoPlan& plan,
                                   const FactorOptions& options) {
  FactorEstimate estimate;
  estimate.cols = spec.features;
  estimate.rows = plan.rows;
  estimate.exists = plan.rows <= options.max_rows;
  if (!estimate.exists) estimate.reason = too_many(spec, plan, options);
  estimate.flops = static_cast<double>(plan.rows) * static_cast<double>(spec.features) *
                   khatri_rao_entry_flops(spec.activation.degree());
  estimate.dropped = plan.dropped;
  return estimate;
}

std::unique_ptr<CoordinateFactor> linear_factor(const PopulationSpec& spec) {
  CoordinateFactorTraits traits;
  traits.graded = true;
  traits.row_error = degree_one_roundings * unit_roundoff;
  traits.description = fmt::format("H^(1/2) W / sqrt(d), {} x {}, graded, alpha = {}", spec.dim,
                                   spec.features, spec.alpha);
  return std::make_unique<CoordinateFactor>(
      power_law_weights(spec.features, spec.dim, spec.alpha, spec.seed),
      1.0 / std::sqrt(static_cast<double>(spec.features)), std::move(traits));
}

}  // namespace

FactorEstimate estimate_population_factor(const PopulationSpec& spec,
                                          const FactorOptions& options) {
  const int degree = monomial_degree(spec.activation);
  if (degree > 1) return khatri_rao_estimate(spec, plan_khatri_rao(spec, options), options);
  FactorEstimate estimate;
  estimate.cols = spec.features;
  if (degree == 0) {
    estimate.reason = no_factor(spec);
    return estimate;
  }
  estimate.exists = true;
  estimate.rows = spec.dim;
  estimate.flops = linear_factor(spec)->flops();
  return estimate;
}

double population_factor_keeps(const PopulationSpec& spec, const FactorOptions& options,
                               std::int64_t local_cols) {
  if (monomial_degree(spec.activation) < 2) return 0;
  const KhatriRaoPlan plan = plan_khatri_rao(spec, options);
  return plan.rows > options.max_rows ? 0 : khatri_rao_keeps(spec, plan, options, local_cols);
}

Factor population_factor(const Communicator& comm, const PopulationSpec& spec,
                         const FactorOptions& options) {
  const int degree = monomial_degree(spec.activation);
  if (degree == 0) return {nullptr, no_factor(spec)};
  if (degree == 1) return {linear_factor(spec), ""};
  const KhatriRaoPlan plan = plan_khatri_rao(spec, options);
  if (plan.rows > options.max_rows) return {nullptr, too_many(spec, plan, options)};
  return {khatri_rao_factor(comm, spec, plan, options), ""};
}

}  // namespace fathom
