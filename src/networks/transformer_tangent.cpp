// The sweep along a direction in parameter space: of every map its derivative by its input, applied
// to the tangent that arrives, plus the map of the direction, applied to the input itself.

#include "networks/layer_norm.hpp"
#include "networks/transformer_layers.hpp"
#include "networks/transformer_sweeps.hpp"

namespace fathom {
namespace {

template <class T>
class TangentSweep {
 public:
  TangentSweep(const TransformerLayout& layout, std::span<const T> parameters,
               std::span<const T> direction, Workspace<T>& workspace)
      : layout_(layout),
        parameters_(parameters),
        direction_(direction),
        stream_(columns(workspace.stream, layout.shape.width)),
        normed_(columns(workspace.normed, layout.shape.width)),
        attention_inputs_(columns(workspace.attention_inputs, 3 * layout.attention_width())),
        attention_outputs_(columns(workspace.attention_outputs, layout.attention_width())),
        hidden_(columns(workspace.hidden, layout.shape.mlp_width)) {}

  void embedding(std::span<const std::int32_t> tokens) {
    embed(layout_, direction_, tokens, stream_);
  }

  void attention_half(const BlockTensors& block, const BlockState<T>& state) {
    const std::int64_t inner = layout_.attention_width();
    through_norm(block.attention_norm, state.attention_norm);
    const auto normed = columns(state.attention_norm.output, stream_.rows);
    std::int64_t row = 0;
    for (const LinearTensors* part : {&block.query, &block.key, &block.value}) {
      through(*part, normed, normed_, Start::from_zero,
              attention_inputs_.block(row, 0, inner, attention_inputs_.cols));
      row += inner;
    }
    attend_tangent<T>(attention_shape(layout_), columns(state.attention_inputs, 3 * inner),
                      columns(state.attention_weights, layout_.shape.context), attention_inputs_,
                      attention_outputs_);
    through(block.projection, columns(state.attention_outputs, inner), attention_outputs_,
            Start::from_old, stream_);
  }

  void mlp_half(const BlockTensors& block, const BlockState<T>& state) {
    through_norm(block.mlp_norm, state.mlp_norm);
    through(block.up, columns(state.mlp_norm.output, stream_.rows), normed_, Start::from_zero,
            hidden_);
    const std::int64_t count = hidden_.rows * hidden_.cols;
    const T* slope = state.slope.data();
    T* to = hidden_.data;
#pragma omp simd
    for (std::int64_t k = 0; k < count; ++k)
      to[k] *= slope[k];
    through(block.down, columns(state.hidden, hidden_.rows), hidden_, Start::from_old, stream_);
  }

  void output(const NormState<T>& norm, MatrixView<T> logits) {
    through_norm(layout_.final_norm, norm);
    apply_linear_part<T>(output_layer(layout_, parameters_), normed_, Start::from_zero, logits);
    apply(output_layer(layout_, direction_), columns(norm.output, stream_.rows), Start::from_old,
          logits);
  }

 private:
  void through(const LinearTensors& tensors, MatrixView<const T> a, MatrixView<const T> a_tangent,
               Start start, MatrixView<T> z_tangent) {
    apply_linear_part(linear_layer(layout_, tensors, parameters_), a_tangent, start, z_tangent);
    apply(linear_layer(layout_, tensors, direction_), a, Start::from_old, z_tangent);
  }

  void through_norm(const NormTensors& norm, const NormState<T>& state) {
    layer_norm_tangent<T>(columns(state.normal, stream_.rows), state.inverse_root,
                          scaled_entries(layout_.tensor(norm.gain), parameters_),
                          scaled_entries(layout_.tensor(norm.gain), direction_),
                          scaled_entries(layout_.tensor(norm.bias), direction_), stream_, normed_);
  }

  const TransformerLayout& layout_;
  std::span<const T> parameters_, direction_;
  MatrixView<T> stream_, normed_, attention_inputs_, attention_outputs_, hidden_;
};

}  // namespace

template <class T>
void sweep_tangent(const TransformerLayout& layout, std::span<const T> parameters,
                   std::span<const T> direction, std::span<const std::int32_t> tokens,
                   const TransformerState<T>& state, Workspace<T>& workspace,
                   MatrixView<T> logits) {
  TangentSweep<T> sweep(layout, parameters, direction, workspace);
  sweep.embedding(tokens);
  for (std::size_t k = 0; k < layout.blocks.size(); ++k) {
    sweep.attention_half(layout.blocks[k], state.blocks[k]);
    sweep.mlp_half(layout.blocks[k], state.blocks[k]);
  }
  sweep.output(state.final_norm, logits);
}

template void sweep_tangent(const TransformerLayout&, std::span<const double>,
                            std::span<const double>, std::span<const std::int32_t>,
                            const TransformerState<double>&, Workspace<double>&,
                            MatrixView<double>);
template void sweep_tangent(const TransformerLayout&, std::span<const float>,
                            std::span<const float>, std::span<const std::int32_t>,
                            const TransformerState<float>&, Workspace<float>&, MatrixView<float>);

}  // namespace fathom
