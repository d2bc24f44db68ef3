#include "networks/transformer_layout.hpp"

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

/// The rows of Tensor Programs V's tables; `input` stands for all that acts on inputs of a fixed
/// size.
enum class Role { input, bias, hidden, output };

class LayoutMaker {
 public:
  explicit LayoutMaker(const TransformerShape& shape) { layout_.shape = shape; }

  TransformerLayout make() {
    const TransformerShape& s = layout_.shape;
    layout_.embedding = scaled({.name = "embedding", .rows = s.width, .cols = s.vocabulary},
                               Role::input, s.embedding_deviation);
    layout_.position = scaled({.name = "position", .rows = s.width, .cols = s.context}, Role::input,
                              s.position_deviation);
    for (std::int64_t block = 0; block < s.blocks; ++block)
      add_block(fmt::format("block{}.", block + 1));
    layout_.final_norm = norm("final_norm");
    if (!s.tied_output)
      layout_.output =
          linear("output", s.vocabulary, s.width, Role::output, s.output_deviation, s.output_bias);
    add_scales();
    return std::move(layout_);
  }

 private:
  void add_block(const std::string& prefix) {
    const TransformerShape& s = layout_.shape;
    const std::int64_t inner = layout_.attention_width();
    const auto attention = [&](const char* name, std::int64_t rows, std::int64_t cols,
                               double deviation) {
      return linear(prefix + "attention." + name, rows, cols, Role::hidden, deviation,
                    s.attention_biases);
    };
    const auto mlp = [&](const char* name, std::int64_t rows, std::int64_t cols) {
      return linear(prefix + "mlp." + name, rows, cols, Role::hidden, s.weight_deviation, true);
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

  LinearTensors linear(const std::string& name, std::int64_t rows, std::int64_t cols, Role role,
                       double deviation, bool with_bias) {
    LinearTensors layer;
    layer.weight = scaled({.name = name + ".weight", .rows = rows, .cols = cols}, role, deviation);
    if (with_bias) {
      layer.bias =
          scaled({.name = name + ".bias", .rows = rows}, Role::bias, layout_.shape.bias_deviation);
      // A vocabulary is no width.
      if (role == Role::output) layout_.tensors.back().sgd_rate = 1;
    }
    return layer;
  }

  NormTensors norm(const std::string& name) {
    ParameterTensor gain{.name = name + ".gain", .rows = layout_.shape.width};
    gain.initial_mean = 1;
    if (layout_.shape.parametrisation == Parametrisation::maximal_update)
      gain.sgd_rate = static_cast<double>(gain.rows);
    ParameterTensor bias = gain;
    bias.name = name + ".bias";
    bias.initial_mean = 0;
    return {add(std::move(gain)), add(std::move(bias))};
  }

  std::int64_t scaled(ParameterTensor tensor, Role role, double deviation) {
    const auto fan_in = static_cast<double>(tensor.cols),
               fan_out = static_cast<double>(tensor.rows);
    const bool summed = role == Role::hidden || role == Role::output;
    const double by_fan_in = summed ? deviation / std::sqrt(fan_in) : deviation;
    switch (layout_.shape.parametrisation) {
      case Parametrisation::standard:
        tensor.initial_deviation = by_fan_in;
        break;
      case Parametrisation::ntk:
        tensor.initial_deviation = 1;
        tensor.multiplier = by_fan_in;
        break;
      case Parametrisation::maximal_update:
        tensor.initial_deviation = role == Role::hidden ? by_fan_in : deviation;
        if (role == Role::hidden) tensor.adam_rate = 1 / fan_in;
        if (role == Role::output) tensor.multiplier = 1 / fan_in;
        if (role == Role::output) tensor.sgd_rate = fan_in;
        if (!summed) tensor.sgd_rate = fan_out;
        break;
    }
    return add(std::move(tensor));
  }

  void add_scales() {
    const TransformerShape& s = layout_.shape;
    const auto width = static_cast<double>(s.width), head_size = static_cast<double>(s.head_size);
    const bool maximal = s.parametrisation == Parametrisation::maximal_update;
    layout_.attention_scale = maximal ? 1 / head_size : 1 / std::sqrt(head_size);
    if (maximal) layout_.tied_multiplier = 1 / width;
    if (s.parametrisation == Parametrisation::ntk)
      layout_.tied_multiplier = s.output_deviation / std::sqrt(width);
  }

  std::int64_t add(ParameterTensor tensor) {
    tensor.offset = layout_.parameters;
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
