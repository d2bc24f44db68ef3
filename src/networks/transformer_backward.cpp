// The backward sweep, and the gradient it sums up.

#include "networks/layer_norm.hpp"
#include "networks/transformer_layers.hpp"
#include "networks/transformer_sweeps.hpp"

namespace fathom {
namespace {

/// One backward sweep: `stream_` holds the gradient of the residual stream where the sweep is.
template <class T>
class BackwardSweep {
 public:
  BackwardSweep(const TransformerLayout& layout, std::span<const T> parameters,
                std::int64_t choices, Workspace<T>& workspace, GradientSink<T>& sink)
      : layout_(layout),
        parameters_(parameters),
        choices_(choices),
        stream_(columns(workspace.stream, layout.shape.width)),
        normed_(columns(workspace.normed, layout.shape.width)),
        attention_inputs_(columns(workspace.attention_inputs, 3 * layout.attention_width())),
        attention_outputs_(columns(workspace.attention_outputs, layout.attention_width())),
        hidden_(columns(workspace.hidden, layout.shape.mlp_width)),
        sink_(sink) {}

  void output(const NormState<T>& norm, MatrixView<const T> g) {
    const auto a = columns(norm.output, layout_.shape.width);
    if (layout_.shape.tied_output)
      sink_.tied_output(a, g);
    else
      sink_.linear(layout_.output, a, g);
    pull_back(output_layer(layout_, parameters_), g, Start::from_zero, stream_);
    through_norm(layout_.final_norm, norm, stream_);
  }

  void mlp_half(const BlockTensors& block, const BlockState<T>& state) {
    sink_.linear(block.down, columns(state.hidden, hidden_.rows), stream_);
    pull_back<T>(layer(block.down), stream_, Start::from_zero, hidden_);
    times_slope(columns(state.slope, hidden_.rows));
    sink_.linear(block.up, columns(state.mlp_norm.output, stream_.rows), hidden_);
    pull_back<T>(layer(block.up), hidden_, Start::from_zero, normed_);
    through_norm(block.mlp_norm, state.mlp_norm, normed_);
    add_to_stream();
  }

  void attention_half(const BlockTensors& block, const BlockState<T>& state) {
    const std::int64_t inner = layout_.attention_width();
    sink_.linear(block.projection, columns(state.attention_outputs, inner), stream_);
    pull_back<T>(layer(block.projection), stream_, Start::from_zero, attention_outputs_);
    attend_pull_back<T>(attention_shape(layout_), columns(state.attention_inputs, 3 * inner),
                        columns(state.attention_weights, layout_.shape.context), choices_,
                        attention_outputs_, attention_inputs_);
    const auto a = columns(state.attention_norm.output, stream_.rows);
    std::int64_t row = 0;
    for (const LinearTensors* part : {&block.query, &block.key, &block.value}) {
      const auto b = attention_inputs_.block(row, 0, inner, attention_inputs_.cols);
      sink_.linear(*part, a, b);
      pull_back<T>(layer(*part), b, row == 0 ? Start::from_zero : Start::from_old, normed_);
      row += inner;
    }
    through_norm(block.attention_norm, state.attention_norm, normed_);
    add_to_stream();
  }

  void embedding() { sink_.embedded(stream_); }

 private:
  LinearLayer<T> layer(const LinearTensors& tensors) const {
    return linear_layer(layout_, tensors, parameters_);
  }

  void through_norm(const NormTensors& norm, const NormState<T>& state, MatrixView<T> g) {
    const auto normal = columns(state.normal, g.rows);
    sink_.norm(norm, normal, g);
    layer_norm_pull_back<T>(normal, state.inverse_root,
                            scaled_entries(layout_.tensor(norm.gain), parameters_),
                            layout_.shape.context, choices_, g);
  }

  void times_slope(MatrixView<const T> slope) {
    const std::int64_t count = hidden_.rows * layout_.shape.context;
    for (std::int64_t group = 0; group * count < hidden_.rows * hidden_.cols; ++group) {
      const T* factor = slope.data + (group / choices_) * count;
      T* to = hidden_.data + group * count;
#pragma omp simd
      for (std::int64_t k = 0; k < count; ++k)
        to[k] *= factor[k];
    }
  }

  void add_to_stream() {
    const std::int64_t count = stream_.rows * stream_.cols;
    const T* from = normed_.data;
    T* to = stream_.data;
#pragma omp simd
    for (std::int64_t k = 0; k < count; ++k)
      to[k] += from[k];
  }

  const TransformerLayout& layout_;
  std::span<const T> parameters_;
  std::int64_t choices_;
  MatrixView<T> stream_, normed_, attention_inputs_, attention_outputs_, hidden_;
  GradientSink<T>& sink_;
};

/// Adds up the parameters' gradient over all columns.
template <class T>
class GradientSum : public GradientSink<T> {
 public:
  GradientSum(const TransformerLayout& layout, std::span<const std::int32_t> tokens,
              std::span<T> gradient)
      : layout_(layout), tokens_(tokens), gradient_(gradient) {}

  void linear(const LinearTensors& layer, MatrixView<const T> a, MatrixView<const T> b) override {
    const ParameterTensor& weight = layout_.tensor(layer.weight);
    blas::gemm(Op::none, Op::transpose, static_cast<T>(weight.multiplier), b, a, T(1),
               tensor_view(weight, gradient_));
    if (layer.bias < 0) return;
    const ParameterTensor& bias = layout_.tensor(layer.bias);
    T* to = gradient_.data() + bias.offset;
    const T multiplier = static_cast<T>(bias.multiplier);
    for (std::int64_t j = 0; j < b.cols; ++j)
      for (std::int64_t k = 0; k < b.rows; ++k)
        to[k] += multiplier * b(k, j);
  }

  void norm(const NormTensors& norm, MatrixView<const T> normal, MatrixView<const T> b) override {
    const ParameterTensor &gain = layout_.tensor(norm.gain), &bias = layout_.tensor(norm.bias);
    T *to_gain = gradient_.data() + gain.offset, *to_bias = gradient_.data() + bias.offset;
    const T by_gain = static_cast<T>(gain.multiplier), by_bias = static_cast<T>(bias.multiplier);
    for (std::int64_t j = 0; j < b.cols; ++j)
      for (std::int64_t k = 0; k < b.rows; ++k) {
        to_gain[k] += by_gain * normal(k, j) * b(k, j);
        to_bias[k] += by_bias * b(k, j);
      }
  }

  void tied_output(MatrixView<const T> a, MatrixView<const T> b) override {
    blas::gemm(Op::none, Op::transpose, static_cast<T>(layout_.tied_multiplier), a, b, T(1),
               tensor_view(layout_.tensor(layout_.embedding), gradient_));
  }

  void embedded(MatrixView<const T> b) override {
    const ParameterTensor& embedding = layout_.tensor(layout_.embedding);
    const ParameterTensor& position = layout_.tensor(layout_.position);
    const auto table = tensor_view(embedding, gradient_), places = tensor_view(position, gradient_);
    const T by_token = static_cast<T>(embedding.multiplier),
            by_position = static_cast<T>(position.multiplier);
    for (std::int64_t j = 0; j < b.cols; ++j) {
      T* token = table.col(tokens_[static_cast<std::size_t>(j)]);
      T* place = places.col(j % layout_.shape.context);
      for (std::int64_t k = 0; k < b.rows; ++k) {
        token[k] += by_token * b(k, j);
        place[k] += by_position * b(k, j);
      }
    }
  }

 private:
  const TransformerLayout& layout_;
  std::span<const std::int32_t> tokens_;
  std::span<T> gradient_;
};

}  // namespace

template <class T>
void sweep_backward(const TransformerLayout& layout, std::span<const T> parameters,
                    const TransformerState<T>& state, std::int64_t choices, MatrixView<const T> g,
                    Workspace<T>& workspace, GradientSink<T>& sink) {
  BackwardSweep<T> sweep(layout, parameters, choices, workspace, sink);
  sweep.output(state.final_norm, g);
  for (std::size_t k = layout.blocks.size(); k-- > 0;) {
    sweep.mlp_half(layout.blocks[k], state.blocks[k]);
    sweep.attention_half(layout.blocks[k], state.blocks[k]);
  }
  sweep.embedding();
}

template <class T>
void accumulate_gradient(const TransformerLayout& layout, std::span<const T> parameters,
                         std::span<const std::int32_t> tokens, TransformerState<T>& state,
                         MatrixView<const T> g, std::span<T> gradient) {
  GradientSum<T> sum(layout, tokens, gradient);
  sweep_backward(layout, parameters, state, 1, g, state.workspace, sum);
}

template void sweep_backward(const TransformerLayout&, std::span<const double>,
                             const TransformerState<double>&, std::int64_t,
                             MatrixView<const double>, Workspace<double>&, GradientSink<double>&);
template void sweep_backward(const TransformerLayout&, std::span<const float>,
                             const TransformerState<float>&, std::int64_t, MatrixView<const float>,
                             Workspace<float>&, GradientSink<float>&);
template void accumulate_gradient(const TransformerLayout&, std::span<const double>,
                                  std::span<const std::int32_t>, TransformerState<double>&,
                                  MatrixView<const double>, std::span<double>);
template void accumulate_gradient(const TransformerLayout&, std::span<const float>,
                                  std::span<const std::int32_t>, TransformerState<float>&,
                                  MatrixView<const float>, std::span<float>);

}  // namespace fathom
