// The forward sweep and the memory it fills.

#include "networks/activation_values.hpp"
#include "networks/layer_norm.hpp"
#include "networks/transformer_layers.hpp"
#include "networks/transformer_sweeps.hpp"

namespace fathom {
namespace {

template <class T>
void resize_columns(std::vector<T>& entries, std::int64_t rows, std::int64_t columns) {
  entries.resize(static_cast<std::size_t>(rows * columns));
}

template <class T>
void resize_norm(NormState<T>& state, std::int64_t width, std::int64_t columns) {
  resize_columns(state.normal, width, columns);
  resize_columns(state.inverse_root, 1, columns);
  resize_columns(state.output, width, columns);
}

template <class T>
MatrixView<const T> normalise(const TransformerLayout& layout, const NormTensors& norm,
                              std::span<const T> parameters, MatrixView<const T> stream,
                              NormState<T>& state) {
  const MatrixView<T> output = columns(state.output, stream.rows);
  layer_norm<T>(stream, scaled_entries(layout.tensor(norm.gain), parameters),
                scaled_entries(layout.tensor(norm.bias), parameters),
                columns(state.normal, stream.rows), state.inverse_root, output);
  return output;
}

template <class T>
void attention_half(const TransformerLayout& layout, const BlockTensors& block,
                    std::span<const T> parameters, BlockState<T>& state, MatrixView<T> stream) {
  const std::int64_t inner = layout.attention_width();
  const auto normed =
      normalise<T>(layout, block.attention_norm, parameters, stream, state.attention_norm);
  const auto inputs = columns(state.attention_inputs, 3 * inner);
  std::int64_t row = 0;
  for (const LinearTensors* part : {&block.query, &block.key, &block.value}) {
    apply(linear_layer(layout, *part, parameters), normed, Start::from_zero,
          inputs.block(row, 0, inner, inputs.cols));
    row += inner;
  }
  const auto outputs = columns(state.attention_outputs, inner);
  attend<T>(attention_shape(layout), inputs, columns(state.attention_weights, layout.shape.context),
            outputs);
  apply<T>(linear_layer(layout, block.projection, parameters), outputs, Start::from_old, stream);
}

template <class T>
void mlp_half(const TransformerLayout& layout, const BlockTensors& block,
              std::span<const T> parameters, BlockState<T>& state, MatrixView<T> stream) {
  const auto normed = normalise<T>(layout, block.mlp_norm, parameters, stream, state.mlp_norm);
  const auto hidden = columns(state.hidden, layout.shape.mlp_width);
  apply(linear_layer(layout, block.up, parameters), normed, Start::from_zero, hidden);
  activate(Activation(layout.shape.activation, layout.shape.degree), std::span<T>(state.hidden),
           std::span<T>(state.slope));
  apply<T>(linear_layer(layout, block.down, parameters), hidden, Start::from_old, stream);
}

}  // namespace

AttentionShape attention_shape(const TransformerLayout& layout) {
  return {layout.shape.context, layout.shape.heads, layout.shape.head_size, layout.attention_scale};
}

template <class T>
void Workspace<T>::resize(const TransformerLayout& layout, std::int64_t columns) {
  const TransformerShape& shape = layout.shape;
  resize_columns(stream, shape.width, columns);
  resize_columns(normed, shape.width, columns);
  resize_columns(attention_inputs, 3 * layout.attention_width(), columns);
  resize_columns(attention_outputs, layout.attention_width(), columns);
  resize_columns(hidden, shape.mlp_width, columns);
  resize_columns(logits, shape.vocabulary, columns);
}

template <class T>
void TransformerState<T>::resize(const TransformerLayout& layout, std::int64_t sample_count) {
  const TransformerShape& shape = layout.shape;
  const std::int64_t inner = layout.attention_width(), columns = shape.context * sample_count;
  samples = sample_count;
  blocks.resize(static_cast<std::size_t>(shape.blocks));
  for (BlockState<T>& block : blocks) {
    resize_norm(block.attention_norm, shape.width, columns);
    resize_norm(block.mlp_norm, shape.width, columns);
    resize_columns(block.attention_inputs, 3 * inner, columns);
    resize_columns(block.attention_weights, shape.context * shape.heads, columns);
    resize_columns(block.attention_outputs, inner, columns);
    resize_columns(block.hidden, shape.mlp_width, columns);
    resize_columns(block.slope, shape.mlp_width, columns);
  }
  resize_norm(final_norm, shape.width, columns);
  resize_columns(logits, shape.vocabulary, columns);
  workspace.resize(layout, columns);
}

template <class T>
void sweep_forward(const TransformerLayout& layout, std::span<const T> parameters,
                   std::span<const std::int32_t> tokens, TransformerState<T>& state) {
  const auto stream = columns(state.workspace.stream, layout.shape.width);
  embed(layout, parameters, tokens, stream);
  for (std::size_t k = 0; k < layout.blocks.size(); ++k) {
    attention_half(layout, layout.blocks[k], parameters, state.blocks[k], stream);
    mlp_half(layout, layout.blocks[k], parameters, state.blocks[k], stream);
  }
  const auto normed = normalise<T>(layout, layout.final_norm, parameters, stream, state.final_norm);
  apply(output_layer(layout, parameters), normed, Start::from_zero,
        columns(state.logits, layout.shape.vocabulary));
}

template struct Workspace<double>;
template struct Workspace<float>;
template struct TransformerState<double>;
template struct TransformerState<float>;
template void sweep_forward(const TransformerLayout&, std::span<const double>,
                            std::span<const std::int32_t>, TransformerState<double>&);
template void sweep_forward(const TransformerLayout&, std::span<const float>,
                            std::span<const std::int32_t>, TransformerState<float>&);

}  // namespace fathom
