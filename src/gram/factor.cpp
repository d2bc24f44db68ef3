#include "gram/factor.hpp"

#include "gram/activation_text.hpp"
#include "gram/factor_coordinates.hpp"
#include "gram/rounding.hpp"

#include <cmath>

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

}  // namespace

FactorEstimate estimate_population_factor(const PopulationSpec& spec,
                                          const FactorOptions& options) {
  FactorEstimate estimate;
  estimate.cols = spec.features;
  const int degree = monomial_degree(spec.activation);
  if (degree == 0) {
    estimate.reason = no_factor(spec);
    return estimate;
  }
  estimate.rows = spec.dim;
  estimate.exists = degree == 1 && estimate.rows <= options.max_rows;
  return estimate;
}

Factor population_factor(const Communicator&, const PopulationSpec& spec,
                         const FactorOptions& options) {
  const FactorEstimate estimate = estimate_population_factor(spec, options);
  if (!estimate.exists) return {nullptr, estimate.reason};
  return {std::make_unique<CoordinateFactor>(
              power_law_weights(spec.features, spec.dim, spec.alpha, spec.seed),
              1.0 / std::sqrt(static_cast<double>(spec.features)),
              CoordinateFactorTraits{
                  .graded = true,
                  .row_error = degree_one_roundings * unit_roundoff,
                  .description = fmt::format("H^(1/2) W / sqrt(d), {} x {}, graded, alpha = {}",
                                             spec.dim, spec.features, spec.alpha)}),
          ""};
}

}  // namespace fathom
