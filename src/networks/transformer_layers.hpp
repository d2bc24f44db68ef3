#pragma once

// The affine maps of a transformer, seen in a vector of its parameters. As every map here is linear
// in the parameters, a direction in parameter space is applied by the same functions. Local.

#include "base/view.hpp"
#include "bindings/blas.hpp"
#include "networks/transformer_layout.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// z = multiplier·op(W)·a + bias_multiplier·bias, column by column.
template <class T>
struct LinearLayer {
  Op op = Op::none;
  MatrixView<const T> weight{};
  std::span<const T> bias{};  ///< empty: none
  T multiplier = 1, bias_multiplier = 1;
};

template <class T>
LinearLayer<T> linear_layer(const TransformerLayout& layout, const LinearTensors& tensors,
                            std::span<const T> parameters);
/// The layer of the logits: of its own tensors, or the table transposed.
template <class T>
LinearLayer<T> output_layer(const TransformerLayout& layout, std::span<const T> parameters);

enum class Start { from_zero, from_old };  ///< whether a result replaces what stands there

/// z ← layer(a), or z ← z + layer(a)
template <class T>
void apply(const LinearLayer<T>& layer, MatrixView<const T> a, Start start, MatrixView<T> z);
/// The same without the bias, for tangents of a.
template <class T>
void apply_linear_part(const LinearLayer<T>& layer, MatrixView<const T> a, Start start,
                       MatrixView<T> z);
/// g ← multiplier·op(W)ᵀ·b, or g + that
template <class T>
void pull_back(const LinearLayer<T>& layer, MatrixView<const T> b, Start start, MatrixView<T> g);

/// stream ← what the tokens and their positions contribute, width × positions·samples
template <class T>
void embed(const TransformerLayout& layout, std::span<const T> parameters,
           std::span<const std::int32_t> tokens, MatrixView<T> stream);

template <class T>
std::span<const T> tensor_span(const ParameterTensor& tensor, std::span<const T> parameters) {
  return parameters.subspan(static_cast<std::size_t>(tensor.offset),
                            static_cast<std::size_t>(tensor.size()));
}

/// multiplier·tensor
template <class T>
std::vector<T> scaled_entries(const ParameterTensor& tensor, std::span<const T> parameters) {
  const std::span<const T> stored = tensor_span(tensor, parameters);
  std::vector<T> entries(stored.begin(), stored.end());
  for (T& entry : entries)
    entry *= static_cast<T>(tensor.multiplier);
  return entries;
}

/// A vector as a matrix of that many rows.
template <class T>
MatrixView<T> columns(std::vector<T>& entries, std::int64_t rows) {
  return {entries.data(), rows, std::ssize(entries) / rows, rows};
}
template <class T>
MatrixView<const T> columns(const std::vector<T>& entries, std::int64_t rows) {
  return {entries.data(), rows, std::ssize(entries) / rows, rows};
}

}  // namespace fathom
