#include "kernels/mlp_kernel.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fathom {

MlpKernel::MlpKernel(const MlpKernelOptions& options) : options_(options) {
  if (options.activation != ActivationKind::relu && options.activation != ActivationKind::erf)
    throw Error(ExitCode::deck,
                "no infinite-width kernel for the activation '{}'; valid are relu, erf",
                name(options.activation));
  FATHOM_ASSERT(options.depth >= 0, "depth {}", options.depth);
  FATHOM_ASSERT(options.weight_variance > 0.0, "weight variance {}", options.weight_variance);
  FATHOM_ASSERT(options.bias_variance >= 0.0, "bias variance {}", options.bias_variance);
  FATHOM_ASSERT(options.input_dim >= 1, "input dimension {}", options.input_dim);
}

MapSide MlpKernel::side(std::span<const double> scalar, std::span<const std::int64_t> index) const {
  FATHOM_ASSERT(scalar.size() == index.size(), "{} scalars for {} rows", scalar.size(),
                index.size());
  FATHOM_ASSERT(std::is_sorted(index.begin(), index.end()), "indices not ascending");
  const double sw = options_.weight_variance, sb = options_.bias_variance;
  const bool relu = options_.activation == ActivationKind::relu;
  MapSide side;
  side.index.assign(index.begin(), index.end());
  side.scalar.assign(scalar.begin(), scalar.end());
  // Tables: |x|, then r of each layer 0 … L.
  const auto layers = static_cast<std::size_t>(options_.depth) + 1;
  side.table.assign(layers + 1, std::vector<double>(scalar.size()));
  for (std::size_t i = 0; i < scalar.size(); ++i) {
    side.table[0][i] = std::sqrt(scalar[i]);
    double variance = sw * scalar[i] / static_cast<double>(options_.input_dim) + sb;
    double tangent = variance;
    side.table[1][i] = std::sqrt(variance);
    for (std::size_t l = 1; l < layers; ++l) {
      const double root = std::sqrt(1.0 + 4.0 * variance);
      const double moment =
          relu ? 0.5 * variance : 2.0 * std::numbers::inv_pi * std::atan2(2.0 * variance, root);
      const double slope = relu ? 0.5 : 4.0 * std::numbers::inv_pi / root;
      variance = sw * moment + sb;
      tangent = variance + sw * slope * tangent;
      side.table[l + 1][i] = std::sqrt(variance);
    }
    const bool ntk = options_.kind == MlpKernelKind::ntk;
    side.diagonal.push_back(options_.scale * (ntk ? tangent : variance));
  }
  return side;
}

}  // namespace fathom
