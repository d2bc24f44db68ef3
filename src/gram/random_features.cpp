#include "gram/random_features.hpp"

#include "gram/activation_text.hpp"
#include "gram/entry_map_pass.hpp"
#include "gram/gram_assembler.hpp"
#include "gram/rounding.hpp"
#include "gram/row_sources.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double activation_roundings = 4;  // ε |f|, of f itself

/// ‖K̂ − K‖₂ by errors δF of the features: K = F Fᵀ/d gives 2 ‖F‖₂ ‖δF‖_F / d, ‖F‖₂² ≤ d ‖K‖_F.
/// Collective.
double feature_error(const GramAssembler& assembler, const FeatureSignals& signals, double scale) {
  const SignalRounding& rounding = assembler.signal_rounding();
  double trace = 0;
  for (const double k : assembler.diagonal())
    trace += k;
  const double values = static_cast<double>(signals.items()) * static_cast<double>(signals.inner());
  const double products = scale * values * rounding.squared / std::max(1.0, rounding.columns);
  const double delta =
      unit_roundoff * std::sqrt(products + activation_roundings * activation_roundings * trace);
  return 2 * std::sqrt(assembler.frobenius()) * delta;
}

}  // namespace

Assembly assemble_random_features(const ProcessGrid& grid, std::int64_t block,
                                  const RandomFeatureSpec& spec, const DataRows& data,
                                  const AssemblyOptions& options) {
  const GramSide side = choose_side(spec.side, data.count(), spec.features);
  const auto weights = normal_weights(spec.features, data.dim(), spec.seed);
  const bool gram = side == GramSide::gram;
  FeatureSignals signals(gram ? data : *weights, gram ? *weights : data, spec.activation, grid,
                         block);
  GramAssembler assembler(grid, block, signals, options);
  const double scale = 1.0 / static_cast<double>(spec.features);
  assembler.accumulate(scale);
  const double error = product_error(assembler) + feature_error(assembler, signals, scale);
  assembler.report().kernel = fmt::format(
      "random features, empirical, {} side: {}, n = {}, d = {}, dimension {}, {}", name(side),
      description(spec.activation), data.count(), spec.features, data.dim(), data.description());
  assembler.report().normalization =
      gram ? "K = F F^T / d, F = f(X W), n x n" : "K = F^T F / d, F = f(X W), d x d (not over n)";
  return assembler.finish(error, data.input_epsilon());
}

}  // namespace fathom
