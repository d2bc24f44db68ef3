#include "networks/mlp_pass.hpp"

#include "base/assert.hpp"
#include "bindings/blas.hpp"
#include "networks/activation_values.hpp"

#include <algorithm>
#include <utility>

namespace fathom {
namespace {

template <class T>
std::vector<T> zeros(std::int64_t rows, std::int64_t cols) {
  return std::vector<T>(static_cast<std::size_t>(rows * cols));
}

template <class T, class Allocator>
MatrixView<T> view(std::vector<T, Allocator>& data, std::int64_t rows, std::int64_t cols) {
  return {data.data(), rows, cols, std::max<std::int64_t>(1, rows)};
}

template <class T, class Allocator>
MatrixView<const T> view(const std::vector<T, Allocator>& data, std::int64_t rows,
                         std::int64_t cols) {
  return {data.data(), rows, cols, std::max<std::int64_t>(1, rows)};
}

}  // namespace

template <class T>
MlpPass<T>::MlpPass(std::span<const MlpLayer> layers, const Activation& activation,
                    std::span<const T> parameters, MatrixView<const T> inputs)
    : layers_(layers), parameters_(parameters), inputs_(inputs) {
  FATHOM_ASSERT(!layers.empty() && inputs.rows == layers.front().in, "inputs {} x {}, {} layers",
                inputs.rows, inputs.cols, layers.size());
  for (std::size_t l = 0; l < layers.size(); ++l) {
    LargeArray<T> z(static_cast<std::size_t>(layers[l].out * inputs.cols));
    const auto z_view = view(z, layers[l].out, inputs.cols);
    blas::gemm(Op::none, Op::none, static_cast<T>(layers[l].multiplier), weight(l, parameters),
               layer_input(l), T(0), z_view);
    add_bias(l, parameters, z_view);
    if (l + 1 < layers.size()) {
      derivative_.emplace_back(z.size());
      activate(activation, std::span<T>(z), std::span<T>(derivative_.back()));
    }
    value_.push_back(std::move(z));
  }
}

template <class T>
MatrixView<const T> MlpPass<T>::outputs() const {
  return view(value_.back(), layers_.back().out, inputs_.cols);
}

template <class T>
MatrixView<const T> MlpPass<T>::layer_input(std::size_t layer) const {
  return layer == 0 ? inputs_ : view(value_[layer - 1], layers_[layer].in, inputs_.cols);
}

template <class T>
MatrixView<const T> MlpPass<T>::weight(std::size_t layer, std::span<const T> parameters) const {
  const MlpLayer& at = layers_[layer];
  return {parameters.data() + at.weight_offset, at.out, at.in, at.out};
}

template <class T>
void MlpPass<T>::add_bias(std::size_t layer, std::span<const T> parameters, MatrixView<T> z) const {
  const MlpLayer& at = layers_[layer];
  if (at.bias < 0) return;
  const T multiplier = static_cast<T>(at.bias_multiplier);
  const T* bias = parameters.data() + at.bias_offset;
  for (std::int64_t i = 0; i < z.cols; ++i) {
    T* column = z.col(i);
    for (std::int64_t k = 0; k < z.rows; ++k)
      column[k] += multiplier * bias[k];
  }
}

/// The signals of the layer below: multiplier·Wᵀ·b ∘ f', `per_sample` columns of b a sample.
template <class T>
std::vector<T> MlpPass<T>::through(std::size_t layer, MatrixView<const T> b,
                                   std::int64_t per_sample) const {
  const MlpLayer& at = layers_[layer];
  std::vector<T> below = zeros<T>(at.in, b.cols);
  blas::gemm(Op::transpose, Op::none, static_cast<T>(at.multiplier), weight(layer, parameters_), b,
             T(0), view(below, at.in, b.cols));
  T* column = below.data();
  for (std::int64_t r = 0; r < b.cols; ++r, column += at.in) {
    const T* slope = derivative_[layer - 1].data() + (r / per_sample) * at.in;
    for (std::int64_t k = 0; k < at.in; ++k)
      column[k] *= slope[k];
  }
  return below;
}

template <class T>
void MlpPass<T>::backward(MatrixView<const T> g, std::span<T> gradient) const {
  FATHOM_ASSERT(g.rows == layers_.back().out && g.cols == inputs_.cols &&
                    gradient.size() == parameters_.size(),
                "g {} x {}, gradient of {}", g.rows, g.cols, gradient.size());
  std::vector<T> held;
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const MlpLayer& at = layers_[l];
    blas::gemm(Op::none, Op::transpose, static_cast<T>(at.multiplier), g, layer_input(l), T(1),
               MatrixView<T>{gradient.data() + at.weight_offset, at.out, at.in, at.out});
    if (at.bias >= 0) {
      const T multiplier = static_cast<T>(at.bias_multiplier);
      T* bias = gradient.data() + at.bias_offset;
      for (std::int64_t i = 0; i < g.cols; ++i)
        for (std::int64_t k = 0; k < at.out; ++k)
          bias[k] += multiplier * g(k, i);
    }
    if (l == 0) return;
    held = through(l, g, 1);
    g = view(std::as_const(held), at.in, inputs_.cols);
  }
}

template <class T>
void MlpPass<T>::tangent(std::span<const T> direction, MatrixView<T> out) const {
  FATHOM_ASSERT(direction.size() == parameters_.size() && out.rows == layers_.back().out &&
                    out.cols == inputs_.cols,
                "direction of {}, out {} x {}", direction.size(), out.rows, out.cols);
  std::vector<T> held;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const MlpLayer& at = layers_[l];
    const T multiplier = static_cast<T>(at.multiplier);
    const bool last = l + 1 == layers_.size();
    std::vector<T> next = zeros<T>(last ? 0 : at.out, inputs_.cols);
    const MatrixView<T> dz = last ? out : view(next, at.out, inputs_.cols);
    blas::gemm(Op::none, Op::none, multiplier, weight(l, direction), layer_input(l), T(0), dz);
    if (l > 0)
      blas::gemm(Op::none, Op::none, multiplier, weight(l, parameters_),
                 view(std::as_const(held), at.in, inputs_.cols), T(1), dz);
    add_bias(l, direction, dz);
    for (std::size_t k = 0; k < next.size(); ++k)
      next[k] *= derivative_[l][k];
    held = std::move(next);
  }
}

template <class T>
LinearSignals<T> MlpPass<T>::layer_signals(std::size_t layer, std::vector<T> b) const {
  const MlpLayer& at = layers_[layer];
  LinearSignals<T> signals;
  signals.weight = at.weight;
  signals.bias = at.bias;
  signals.in = at.in;
  signals.out = at.out;
  const MatrixView<const T> a = layer_input(layer);
  signals.a.reserve(static_cast<std::size_t>(a.rows * a.cols));
  for (std::int64_t i = 0; i < a.cols; ++i)
    signals.a.insert(signals.a.end(), a.col(i), a.col(i) + a.rows);
  signals.b = std::move(b);
  return signals;
}

template <class T>
GradientSignals<T> MlpPass<T>::signals(std::span<const OutputChoice> choices) const {
  const std::int64_t classes = layers_.back().out, count = std::ssize(choices);
  GradientSignals<T> all;
  all.samples = inputs_.cols;
  all.choices = count;
  std::vector<T> b = zeros<T>(classes, all.rows());
  for (std::int64_t r = 0; r < all.rows(); ++r) {
    const OutputChoice& choice = choices[static_cast<std::size_t>(r % count)];
    FATHOM_ASSERT(choice.position == 0 && choice.output_class >= 0 && choice.output_class < classes,
                  "position {}, class {} of {}", choice.position, choice.output_class, classes);
    b[static_cast<std::size_t>(choice.output_class + classes * r)] = T(1);
  }
  for (std::size_t l = layers_.size(); l-- > 0;) {
    std::vector<T> below;
    if (l > 0) below = through(l, view(std::as_const(b), layers_[l].out, all.rows()), count);
    all.linear.push_back(layer_signals(l, std::move(b)));
    b = std::move(below);
  }
  std::reverse(all.linear.begin(), all.linear.end());
  return all;
}

template class MlpPass<double>;
template class MlpPass<float>;

}  // namespace fathom
