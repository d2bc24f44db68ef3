#pragma once

// Causal attention of every head of every sample, and its derivatives. T is double or float. Local.
//
// Queries, keys and values stand in one matrix, 3·heads·head_size × positions·samples: the rows of
// all queries (head by head), of all keys, of all values; column t + positions·i. The weights P
// hold a positions × positions block for each (head h, sample i), h + heads·i from the left, whose
// column t is the softmax over s ≤ t of scale·q_t·k_s, zero for s > t. The heads' outputs
// o_t = Σ_s P_st v_s are heads·head_size × positions·samples.

#include "base/view.hpp"

#include <cstdint>

namespace fathom {

struct AttentionShape {
  std::int64_t positions = 1, heads = 1, head_size = 1;
  double scale = 1;
  std::int64_t inner() const { return heads * head_size; }
};

/// weights (positions × positions·heads·samples) and outputs of inputs.
template <class T>
void attend(const AttentionShape& shape, MatrixView<const T> inputs, MatrixView<T> weights,
            MatrixView<T> outputs);

/// inputs_gradient ← (∂outputs/∂inputs)ᵀ·g. Both have `choices` groups of columns to a sample of
/// the forward pass: group c + choices·i goes with sample i.
template <class T>
void attend_pull_back(const AttentionShape& shape, MatrixView<const T> inputs,
                      MatrixView<const T> weights, std::int64_t choices, MatrixView<const T> g,
                      MatrixView<T> inputs_gradient);

/// outputs_tangent ← (∂outputs/∂inputs)·inputs_tangent
template <class T>
void attend_tangent(const AttentionShape& shape, MatrixView<const T> inputs,
                    MatrixView<const T> weights, MatrixView<const T> inputs_tangent,
                    MatrixView<T> outputs_tangent);

}  // namespace fathom
