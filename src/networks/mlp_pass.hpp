#pragma once

// The forward pass of a fully connected network and its derivatives. Local.

#include "base/large_array.hpp"
#include "kernels/activation.hpp"
#include "networks/network.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// z = multiplier·W·a + bias_multiplier·b, W (out × in) and b at their offsets of the parameters.
struct MlpLayer {
  std::int64_t in = 0, out = 0;
  std::int64_t weight = -1, bias = -1;  ///< their places in tensors(); −1: no bias
  std::int64_t weight_offset = 0, bias_offset = 0;
  double multiplier = 1, bias_multiplier = 1;
};

/// Refers to layers, parameters and inputs. Keeps activations and derivatives of every hidden
/// layer: 2·Σ widths·samples numbers.
template <class T>
class MlpPass final : public ForwardPass<T> {
 public:
  /// @pre at least one layer; inputs is in × samples of the first
  MlpPass(std::span<const MlpLayer> layers, const Activation& activation,
          std::span<const T> parameters, MatrixView<const T> inputs);

  MatrixView<const T> outputs() const override;
  void backward(MatrixView<const T> g, std::span<T> gradient) const override;
  void tangent(std::span<const T> direction, MatrixView<T> out) const override;
  GradientSignals<T> signals(std::span<const OutputChoice> choices) const override;

 private:
  MatrixView<const T> layer_input(std::size_t layer) const;
  MatrixView<const T> weight(std::size_t layer, std::span<const T> parameters) const;
  void add_bias(std::size_t layer, std::span<const T> parameters, MatrixView<T> z) const;
  std::vector<T> through(std::size_t layer, MatrixView<const T> b, std::int64_t per_sample) const;
  LinearSignals<T> layer_signals(std::size_t layer, std::vector<T> b) const;

  std::span<const MlpLayer> layers_;
  std::span<const T> parameters_;
  MatrixView<const T> inputs_;
  std::vector<LargeArray<T>> value_;       ///< out × samples of each layer; the last: outputs
  std::vector<LargeArray<T>> derivative_;  ///< f'(z) of each hidden layer
};

}  // namespace fathom
