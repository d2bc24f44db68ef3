#pragma once

// A decoder-only transformer as a Network. Local.
//
//   x_t = table(:, token_t) + position(:, t)
//   each block:  n = LN(x), x ← x + W_o·attention(W_q n, W_k n, W_v n) + b_o
//                n = LN(x), x ← x + W_down φ(W_up n + b_up) + b_down
//   logits_t = W_out LN(x_t) + b_out, or of the table itself where the output is tied
//
// Attention is causal, softmax(scale·q_t·k_s) over s ≤ t in each head; LN has ε = 1e-5 within the
// root, gain and bias. Every factor multiplier·tensor is left out above.

#include "kernels/activation.hpp"
#include "networks/network.hpp"

#include <cstdint>
#include <memory>

namespace fathom {

/// Deviations are those of the parametrisation's σ: of a weight's output for inputs of size 1, so a
/// weight is σ/√fan_in where its parametrisation wants that; under `ntk` they are multipliers, and
/// 0 takes a tensor out of the network.
struct TransformerShape {
  std::int64_t vocabulary = 2;  ///< tokens are 0 … vocabulary − 1, and so are the classes
  std::int64_t context = 10;    ///< positions of a sample, all of them filled
  std::int64_t blocks = 2;
  std::int64_t width = 64;  ///< d_model, of the residual stream
  std::int64_t heads = 1, head_size = 8;
  std::int64_t mlp_width = 256;
  ActivationKind activation = ActivationKind::gelu;
  int degree = 1;  ///< of monomials alone

  bool attention_biases = false;  ///< of query, key, value and projection
  bool tied_output = false;       ///< the table of the embedding is the output's weight too
  bool output_bias = false;       ///< of an output that is not tied

  Parametrisation parametrisation = Parametrisation::standard;
  double weight_deviation = 1;  ///< key, value, projection, MLP
  double query_deviation = 1;
  double bias_deviation = 0;
  double embedding_deviation = 1;  ///< of a token's entries, whatever the vocabulary's size
  double position_deviation = 1;
  double output_deviation = 1;  ///< of an output that is not tied
};

/// Multipliers, deviations and rates are those of parametrisation.hpp. Embedding and positions are
/// input layers of fan-in 1; query, key, value, projection and both of the MLP are hidden; gains
/// and biases of LN count as biases. Attention is scaled by 1/√head_size, under maximal_update by
/// 1/head_size (Yang et al. 2022, 2203.03466, definition 4.1).
///
/// The multiplier of a tied table in tensors() is that of the embedding; as output it has a factor
/// of its own: 1, output_deviation/√width (ntk), 1/√width (maximal_update, where input and output
/// want the same deviation and rates). With the standard parametrisation a tied table wants
/// embedding_deviation ≈ 1/√width.
///
/// A network keeps the memory of its last forward pass for the next one: one thread at a time.
/// @pre all sizes ≥ 1; no output_bias where the output is tied; deviations ≥ 0
template <class T>
std::unique_ptr<Network<T>> make_transformer(const TransformerShape& shape);

}  // namespace fathom
