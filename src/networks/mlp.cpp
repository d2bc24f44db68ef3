#include "networks/mlp.hpp"

#include "base/assert.hpp"
#include "networks/description.hpp"
#include "networks/mlp_pass.hpp"
#include "networks/parametrisation.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom {
namespace {

template <class T>
class Mlp final : public Network<T> {
 public:
  explicit Mlp(const MlpShape& shape) : shape_(shape), activation_(shape.activation, shape.degree) {
    FATHOM_ASSERT(shape.input >= 1 && shape.classes >= 1 && shape.weight_variance > 0 &&
                      shape.bias_variance >= 0,
                  "input {}, classes {}, variances {} and {}", shape.input, shape.classes,
                  shape.weight_variance, shape.bias_variance);
    std::int64_t fan_in = shape.input;
    for (const std::int64_t width : shape.hidden) {
      FATHOM_ASSERT(width >= 1, "a hidden layer of width {}", width);
      add_layer(fan_in, width, layers_.empty() ? LayerPlace::input : LayerPlace::hidden);
      fan_in = width;
    }
    add_layer(fan_in, shape.classes, LayerPlace::output);
  }

  std::string description() const override {
    std::string widths = std::to_string(shape_.input);
    for (const MlpLayer& layer : layers_)
      widths += fmt::format("-{}", layer.out);
    return fmt::format("MLP {}, {}, {} parametrisation, {} parameters", widths,
                       name(shape_.activation), name(shape_.parametrisation), grouped(parameters_));
  }
  const std::vector<ParameterTensor>& tensors() const override { return tensors_; }
  std::int64_t parameters() const override { return parameters_; }
  std::int64_t positions() const override { return 1; }
  std::int64_t classes() const override { return shape_.classes; }
  double forward_flops() const override {
    double flops = 0;
    for (const MlpLayer& layer : layers_)
      flops += 2.0 * static_cast<double>(layer.in) * static_cast<double>(layer.out);
    return flops;
  }
  double signal_flops() const override {
    const MlpLayer& first = layers_.front();
    return forward_flops() - 2.0 * static_cast<double>(first.in) * static_cast<double>(first.out);
  }

  std::unique_ptr<ForwardPass<T>> forward(std::span<const T> parameters,
                                          const Batch<T>& batch) const override {
    FATHOM_ASSERT(std::ssize(parameters) == parameters_ && batch.features.rows == shape_.input &&
                      batch.features.cols == batch.samples,
                  "{} parameters of {}, features {} x {}, {} samples", parameters.size(),
                  parameters_, batch.features.rows, batch.features.cols, batch.samples);
    return std::make_unique<MlpPass<T>>(layers_, activation_, parameters, batch.features);
  }

 private:
  void add_layer(std::int64_t in, std::int64_t out, LayerPlace place) {
    const std::string prefix = fmt::format("layer{}.", layers_.size() + 1);
    MlpLayer layer;
    layer.in = in;
    layer.out = out;
    const ParameterTensor& weight =
        add(weight_tensor(prefix + "weight", shape_.parametrisation, place, in, out,
                          shape_.weight_variance, parameters_));
    layer.weight = std::ssize(tensors_) - 1;
    layer.weight_offset = weight.offset;
    layer.multiplier = weight.multiplier;
    if (shape_.biases) {
      const ParameterTensor& bias = add(bias_tensor(prefix + "bias", shape_.parametrisation, place,
                                                    out, shape_.bias_variance, parameters_));
      layer.bias = std::ssize(tensors_) - 1;
      layer.bias_offset = bias.offset;
      layer.bias_multiplier = bias.multiplier;
    }
    layers_.push_back(layer);
  }

  const ParameterTensor& add(ParameterTensor tensor) {
    parameters_ += tensor.size();
    return tensors_.emplace_back(std::move(tensor));
  }

  MlpShape shape_;
  Activation activation_;
  std::vector<MlpLayer> layers_;
  std::vector<ParameterTensor> tensors_;
  std::int64_t parameters_ = 0;
};

}  // namespace

template <class T>
std::unique_ptr<Network<T>> make_mlp(const MlpShape& shape) {
  return std::make_unique<Mlp<T>>(shape);
}

template std::unique_ptr<Network<double>> make_mlp(const MlpShape&);
template std::unique_ptr<Network<float>> make_mlp(const MlpShape&);

}  // namespace fathom
