#include "networks/transformer_layers.hpp"

#include <algorithm>

namespace fathom {

template <class T>
LinearLayer<T> linear_layer(const TransformerLayout& layout, const LinearTensors& tensors,
                            std::span<const T> parameters) {
  const ParameterTensor& weight = layout.tensor(tensors.weight);
  LinearLayer<T> layer;
  layer.weight = tensor_view(weight, parameters);
  layer.multiplier = static_cast<T>(weight.multiplier);
  if (tensors.bias >= 0) {
    layer.bias = tensor_span(layout.tensor(tensors.bias), parameters);
    layer.bias_multiplier = static_cast<T>(layout.tensor(tensors.bias).multiplier);
  }
  return layer;
}

template <class T>
LinearLayer<T> output_layer(const TransformerLayout& layout, std::span<const T> parameters) {
  if (!layout.shape.tied_output) return linear_layer(layout, layout.output, parameters);
  LinearLayer<T> layer;
  layer.op = Op::transpose;
  layer.weight = tensor_view(layout.tensor(layout.embedding), parameters);
  layer.multiplier = static_cast<T>(layout.tied_multiplier);
  return layer;
}

template <class T>
void apply_linear_part(const LinearLayer<T>& layer, MatrixView<const T> a, Start start,
                       MatrixView<T> z) {
  blas::gemm(layer.op, Op::none, layer.multiplier, layer.weight, a,
             start == Start::from_zero ? T(0) : T(1), z);
}

template <class T>
void apply(const LinearLayer<T>& layer, MatrixView<const T> a, Start start, MatrixView<T> z) {
  if (layer.bias.empty()) return apply_linear_part(layer, a, start, z);
  const T* bias = layer.bias.data();
  for (std::int64_t j = 0; j < z.cols; ++j) {
    T* to = z.col(j);
    if (start == Start::from_zero)
      for (std::int64_t k = 0; k < z.rows; ++k)
        to[k] = layer.bias_multiplier * bias[k];
    else
      for (std::int64_t k = 0; k < z.rows; ++k)
        to[k] += layer.bias_multiplier * bias[k];
  }
  apply_linear_part(layer, a, Start::from_old, z);
}

template <class T>
void pull_back(const LinearLayer<T>& layer, MatrixView<const T> b, Start start, MatrixView<T> g) {
  const Op op = layer.op == Op::none ? Op::transpose : Op::none;
  blas::gemm(op, Op::none, layer.multiplier, layer.weight, b,
             start == Start::from_zero ? T(0) : T(1), g);
}

template <class T>
void embed(const TransformerLayout& layout, std::span<const T> parameters,
           std::span<const std::int32_t> tokens, MatrixView<T> stream) {
  const ParameterTensor& embedding = layout.tensor(layout.embedding);
  const ParameterTensor& position = layout.tensor(layout.position);
  const auto table = tensor_view(embedding, parameters), places = tensor_view(position, parameters);
  const T by_token = static_cast<T>(embedding.multiplier),
          by_position = static_cast<T>(position.multiplier);
  for (std::int64_t j = 0; j < stream.cols; ++j) {
    const T* token = table.col(tokens[static_cast<std::size_t>(j)]);
    const T* place = places.col(j % layout.shape.context);
    T* to = stream.col(j);
    for (std::int64_t k = 0; k < stream.rows; ++k)
      to[k] = by_token * token[k] + by_position * place[k];
  }
}

template LinearLayer<double> linear_layer(const TransformerLayout&, const LinearTensors&,
                                          std::span<const double>);
template LinearLayer<float> linear_layer(const TransformerLayout&, const LinearTensors&,
                                         std::span<const float>);
template LinearLayer<double> output_layer(const TransformerLayout&, std::span<const double>);
template LinearLayer<float> output_layer(const TransformerLayout&, std::span<const float>);
template void apply(const LinearLayer<double>&, MatrixView<const double>, Start,
                    MatrixView<double>);
template void apply(const LinearLayer<float>&, MatrixView<const float>, Start, MatrixView<float>);
template void apply_linear_part(const LinearLayer<double>&, MatrixView<const double>, Start,
                                MatrixView<double>);
template void apply_linear_part(const LinearLayer<float>&, MatrixView<const float>, Start,
                                MatrixView<float>);
template void pull_back(const LinearLayer<double>&, MatrixView<const double>, Start,
                        MatrixView<double>);
template void pull_back(const LinearLayer<float>&, MatrixView<const float>, Start,
                        MatrixView<float>);
template void embed(const TransformerLayout&, std::span<const double>,
                    std::span<const std::int32_t>, MatrixView<double>);
template void embed(const TransformerLayout&, std::span<const float>, std::span<const std::int32_t>,
                    MatrixView<float>);

}  // namespace fathom
