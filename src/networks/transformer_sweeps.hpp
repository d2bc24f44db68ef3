#pragma once

// The sweeps through a transformer: forward, which keeps what the others need; backward from any
// outputs; and forward along a direction in parameter space. Columns t + positions·i throughout,
// products over all positions and samples at once. T is double or float. Local.

#include "base/view.hpp"
#include "networks/attention.hpp"
#include "networks/network.hpp"
#include "networks/transformer_layout.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// What a layer normalisation leaves behind: n and its output, width × columns.
template <class T>
struct NormState {
  std::vector<T> normal, inverse_root, output;
};

template <class T>
struct BlockState {
  NormState<T> attention_norm, mlp_norm;
  std::vector<T> attention_inputs;  ///< 3·heads·head_size × columns, as attention.hpp has them
  std::vector<T> attention_weights;
  std::vector<T> attention_outputs;  ///< heads·head_size × columns
  std::vector<T> hidden, slope;      ///< φ and φ' of the MLP, mlp_width × columns
};

/// What travels through the blocks in a sweep: values going forward, tangents, or gradients.
template <class T>
struct Workspace {
  std::vector<T> stream, normed;  ///< width × columns
  std::vector<T> attention_inputs, attention_outputs, hidden, logits;
  void resize(const TransformerLayout& layout, std::int64_t columns);
};

template <class T>
struct TransformerState {
  std::int64_t samples = 0;
  std::vector<BlockState<T>> blocks;
  NormState<T> final_norm;
  std::vector<T> logits;  ///< classes × columns
  Workspace<T> workspace;
  /// Allocates where it has to; entries are whatever they were.
  void resize(const TransformerLayout& layout, std::int64_t samples);
};

AttentionShape attention_shape(const TransformerLayout& layout);

/// @pre state.resize was called with tokens.size()/context samples; tokens are in the vocabulary
template <class T>
void sweep_forward(const TransformerLayout& layout, std::span<const T> parameters,
                   std::span<const std::int32_t> tokens, TransformerState<T>& state);

/// Takes the gradients of a backward sweep, layer by layer, as they come. `a` and `normal` have the
/// columns of the forward pass, `b` those of the sweep.
template <class T>
class GradientSink {
 public:
  GradientSink() = default;
  virtual ~GradientSink() = default;
  GradientSink(const GradientSink&) = delete;
  GradientSink& operator=(const GradientSink&) = delete;
  /// ∂/∂z of z = layer(a)
  virtual void linear(const LinearTensors& layer, MatrixView<const T> a, MatrixView<const T> b) = 0;
  /// ∂/∂y of y = gain∘normal + bias
  virtual void norm(const NormTensors& norm, MatrixView<const T> normal, MatrixView<const T> b) = 0;
  /// ∂/∂logits of logits = tied_multiplier·tableᵀ·a
  virtual void tied_output(MatrixView<const T> a, MatrixView<const T> b) = 0;
  /// ∂/∂x of the stream that enters the first block
  virtual void embedded(MatrixView<const T> b) = 0;
};

/// From the gradient g with respect to the logits (classes × columns, `choices` groups of positions
/// to a sample of the forward pass, group c + choices·i to sample i) to all layers.
/// @pre workspace.resize was called with g.cols
template <class T>
void sweep_backward(const TransformerLayout& layout, std::span<const T> parameters,
                    const TransformerState<T>& state, std::int64_t choices, MatrixView<const T> g,
                    Workspace<T>& workspace, GradientSink<T>& sink);

/// logits ← J·direction, classes × columns.
/// @pre workspace.resize was called with logits.cols
template <class T>
void sweep_tangent(const TransformerLayout& layout, std::span<const T> parameters,
                   std::span<const T> direction, std::span<const std::int32_t> tokens,
                   const TransformerState<T>& state, Workspace<T>& workspace, MatrixView<T> logits);

/// gradient += what a sweep from g over the samples themselves brings.
template <class T>
void accumulate_gradient(const TransformerLayout& layout, std::span<const T> parameters,
                         std::span<const std::int32_t> tokens, TransformerState<T>& state,
                         MatrixView<const T> g, std::span<T> gradient);

/// Of the chosen outputs of every sample, all in one wide sweep.
template <class T>
GradientSignals<T> collect_signals(const TransformerLayout& layout, std::span<const T> parameters,
                                   std::span<const std::int32_t> tokens,
                                   const TransformerState<T>& state,
                                   std::span<const OutputChoice> choices);

}  // namespace fathom
