#pragma once

// Where a transformer's tensors stand in its parameter vector, and by which factors they enter.
// Local and pure.

#include "base/view.hpp"
#include "networks/transformer.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// Places in TransformerLayout::tensors; −1: none.
struct LinearTensors {
  std::int64_t weight = -1, bias = -1;
};
struct NormTensors {
  std::int64_t gain = -1, bias = -1;
};
struct BlockTensors {
  NormTensors attention_norm, mlp_norm;
  LinearTensors query, key, value, projection, up, down;
};

struct TransformerLayout {
  TransformerShape shape;
  std::vector<ParameterTensor> tensors;
  std::int64_t parameters = 0;
  std::int64_t embedding = -1;  ///< width × vocabulary
  std::int64_t position = -1;   ///< width × context
  std::vector<BlockTensors> blocks;
  NormTensors final_norm;
  LinearTensors output;        ///< none where it is tied
  double tied_multiplier = 1;  ///< of the table as output
  double attention_scale = 1;

  std::int64_t attention_width() const { return shape.heads * shape.head_size; }
  const ParameterTensor& tensor(std::int64_t place) const {
    return tensors[static_cast<std::size_t>(place)];
  }
};

/// @pre as make_transformer
TransformerLayout transformer_layout(const TransformerShape& shape);

/// The tensor in a vector of all parameters, or of their gradient.
template <class T>
MatrixView<T> tensor_view(const ParameterTensor& tensor, std::span<T> parameters) {
  return {parameters.data() + tensor.offset, tensor.rows, tensor.cols, tensor.rows};
}

}  // namespace fathom
