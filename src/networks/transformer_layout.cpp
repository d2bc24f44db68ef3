#include "networks/transformer_layout.hpp"

#include "networks/parametrisation.hpp"

#include <cmath>
#include <utility>

namespace fathom {
namespace {

void assert_valid(const TransformerShape& s) {
  FATHOM_ASSERT(s.vocabulary >= 1 && s.context >= 1 && s.blocks >= 1 && s.width >= 1,
                "transformer of vocabulary {}, context {}, {} blocks, width {}", s.vocabulary,
                s.context, s.blocks, s.width);
  FATHOM_ASSERT(s.heads >= 1 && s.head_size >= 1 && s.mlp_width >= 1,
                "transformer of {} heads of {}, MLP {}", s.heads, s.head_size, s.mlp_width);
  FATHOM_ASSERT(!(s.tied_output && s.output_bias), "a tied output has no bias, asked for {}",
                s.output_bias);
  for (const double deviation : {s.weight_deviation, s.query_deviation, s.bias_deviation,
                                 s.embedding_deviation, s.position_deviation, s.output_deviation})
    FATHOM_ASSERT(deviation >= 0, "initial deviation {}", deviation);
}

class LayoutMaker {
 public:
  explicit LayoutMaker(const TransformerShape& shape) { layout_.shape = shape; }

  TransformerLayout make() {
    const TransformerShape& s = layout_.shape;
    layout_.embedding = table("embedding", s.vocabulary, s.embedding_deviation);
    layout_.position = table("position", s.context, s.position_deviation);
    for (std::int64_t block = 0; block < s.blocks; ++block)
      add_block(fmt::format("block{}.", block + 1));
    layout_.final_norm = norm("final_norm");
    if (!s.tied_output)
      layout_.output = linear("output", s.vocabulary, s.width, LayerPlace::output,
                              s.output_deviation, s.output_bias);
    add_scales();
    return std::move(layout_);
  }

 private:
  void add_block(const std::string& prefix) {
    const TransformerShape& s = layout_.shape;
    const std::int64_t inner = layout_.attention_width();
    const auto attention = [&](const char* name, std::int64_t rows, std::int64_t cols,
                               double deviation) {
      return linear(prefix + "attention." + name, rows, cols, LayerPlace::hidden, deviation,
                    s.attention_biases);
    };
    const auto mlp = [&](const char* name, std::int64_t rows, std::int64_t cols) {
      return linear(prefix + "mlp." + name, rows, cols, LayerPlace::hidden, s.weight_deviation,
                    true);
    };
    BlockTensors block;
    block.attention_norm = norm(prefix + "attention.norm");
    block.query = attention("query", inner, s.width, s.query_deviation);
    block.key = attention("key", inner, s.width, s.weight_deviation);
    block.value = attention("value", inner, s.width, s.weight_deviation);
    block.projection = attention("projection", s.width, inner, s.weight_deviation);
    block.mlp_norm = norm(prefix + "mlp.norm");
    block.up = mlp("up", s.mlp_width, s.width);
    block.down = mlp("down", s.width, s.mlp_width);
    layout_.blocks.push_back(block);
  }

  LinearTensors linear(const std::string& name, std::int64_t rows, std::int64_t cols,
                       LayerPlace place, double deviation, bool with_bias) {
    const Parametrisation parametrisation = layout_.shape.parametrisation;
    const double bias_deviation = layout_.shape.bias_deviation;
    LinearTensors layer;
    layer.weight = add(weight_tensor(name + ".weight", parametrisation, place, cols, rows,
                                     deviation * deviation, layout_.parameters));
    if (with_bias)
      layer.bias = add(bias_tensor(name + ".bias", parametrisation, place, rows,
                                   bias_deviation * bias_deviation, layout_.parameters));
    return layer;
  }

  /// A layer of one-hot inputs, without a sum over them: its fan-in is 1 whatever their number.
  std::int64_t table(const char* name, std::int64_t entries, double deviation) {
    ParameterTensor tensor =
        weight_tensor(name, layout_.shape.parametrisation, LayerPlace::input, 1,
                      layout_.shape.width, deviation * deviation, layout_.parameters);
    tensor.cols = entries;
    return add(std::move(tensor));
  }

  /// A gain of 1 and a bias of 0, with the rates of a bias.
  NormTensors norm(const std::string& name) {
    const auto part = [&](const char* which, double value) {
      ParameterTensor tensor =
          bias_tensor(name + which, layout_.shape.parametrisation, LayerPlace::hidden,
                      layout_.shape.width, 1, layout_.parameters);
      // The network's value is multiplier·stored; under ntk the deviation of 1 gave a multiplier 1.
      tensor.initial_mean = value / tensor.multiplier;
      tensor.initial_deviation = 0;
      return add(std::move(tensor));
    };
    NormTensors tensors;
    tensors.gain = part(".gain", 1);
    tensors.bias = part(".bias", 0);
    return tensors;
  }

  void add_scales() {
    const TransformerShape& s = layout_.shape;
    const auto width = static_cast<double>(s.width), head_size = static_cast<double>(s.head_size);
    const bool maximal = s.parametrisation == Parametrisation::maximal_update;
    layout_.attention_scale = maximal ? 1 / head_size : 1 / std::sqrt(head_size);
    if (maximal) layout_.tied_multiplier = 1 / std::sqrt(width);
    if (s.parametrisation == Parametrisation::ntk)
      layout_.tied_multiplier = s.output_deviation / std::sqrt(width);
  }

  std::int64_t add(ParameterTensor tensor) {
    layout_.parameters += tensor.size();
    layout_.tensors.push_back(std::move(tensor));
    return std::ssize(layout_.tensors) - 1;
  }

  TransformerLayout layout_;
};

}  // namespace

TransformerLayout transformer_layout(const TransformerShape& shape) {
  assert_valid(shape);
  return LayoutMaker(shape).make();
}

}  // namespace fathom
