#pragma once

// Fully connected networks: z_l = m_l·W_l·a_{l−1} + m'_l·b_l, a_l = f(z_l), outputs z_{L+1}; L ≥ 0
// hidden layers. Multipliers m and initial values by parametrisation.hpp: layer 1 is the input
// layer, layer L+1 the output layer. Without a hidden layer the network is linear in its inputs
// (features made elsewhere) and its only layer is the output layer. Local.

#include "kernels/activation.hpp"
#include "networks/network.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace fathom {

struct MlpShape {
  std::int64_t input = 1;            ///< features a sample, ≥ 1
  std::vector<std::int64_t> hidden;  ///< widths, ≥ 1
  std::int64_t classes = 1;          ///< outputs, ≥ 1
  ActivationKind activation = ActivationKind::relu;
  int degree = 1;  ///< of monomials
  bool biases = true;
  Parametrisation parametrisation = Parametrisation::standard;
  double weight_variance = 1.0;  ///< σ_w² > 0; 2 keeps the scale of relu
  double bias_variance = 0.0;  ///< σ_b² ≥ 0; in ntk the biases' multiplier, 0 switches them off
};

/// Batches hold features. Tensors "layer1.weight" (width × fan_in), "layer1.bias", "layer2.weight"
/// and so on; signals are in the order of the layers, with one position and nothing direct.
/// @pre the ranges of MlpShape
template <class T>
std::unique_ptr<Network<T>> make_mlp(const MlpShape& shape);

}  // namespace fathom
