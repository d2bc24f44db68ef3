#include "networks/parametrisation.hpp"

#include "base/random.hpp"
#include "networks/loss.hpp"
#include "networks/mlp.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double fan_in = 12, fan_out = 20, sigma_w = 1.5;

ParameterTensor weight(Parametrisation parametrisation, LayerPlace place) {
  return weight_tensor("w", parametrisation, place, 12, 20, sigma_w * sigma_w, 0);
}

/// What the weight as the layer uses it starts with, and by how much a step of rate 1 moves it for
/// a unit gradient (SGD) or a unit sign (Adam) with respect to the weight as it is used.
struct Effective {
  double deviation, sgd, adam;
  explicit Effective(const ParameterTensor& t)
      : deviation(t.multiplier * t.initial_deviation),
        sgd(t.multiplier * t.multiplier * t.sgd_rate),
        adam(t.multiplier * t.adam_rate) {}
};

TEST(Parametrisation, StandardAndNtkStartFromTheSameNetwork) {
  for (const LayerPlace place : {LayerPlace::input, LayerPlace::hidden, LayerPlace::output}) {
    const Effective standard(weight(Parametrisation::standard, place));
    const Effective ntk(weight(Parametrisation::ntk, place));
    EXPECT_DOUBLE_EQ(standard.deviation, sigma_w / std::sqrt(fan_in));
    EXPECT_DOUBLE_EQ(ntk.deviation, standard.deviation);
    EXPECT_DOUBLE_EQ(ntk.sgd, sigma_w * sigma_w / fan_in);
    const auto bias = bias_tensor("b", Parametrisation::ntk, place, 20, 0.09, 0);
    EXPECT_DOUBLE_EQ(bias.multiplier, 0.3);
    EXPECT_DOUBLE_EQ(bias.initial_deviation, 1.0);
  }
}

TEST(Parametrisation, MaximalUpdateIsTableThreeOfTensorProgramsFive) {
  // There the multipliers are 1: variances 1/fan_in, 1/fan_in, 1/fan_in²; SGD fan_out, 1, 1/fan_in;
  // Adam 1, 1/fan_in, 1/fan_in for input, hidden and output weights. Biases are input weights of
  // fan_in 1.
  const Parametrisation mu = Parametrisation::maximal_update;
  const Effective input(weight(mu, LayerPlace::input)), hidden(weight(mu, LayerPlace::hidden)),
      output(weight(mu, LayerPlace::output));
  EXPECT_DOUBLE_EQ(input.deviation, sigma_w / std::sqrt(fan_in));
  EXPECT_DOUBLE_EQ(hidden.deviation, sigma_w / std::sqrt(fan_in));
  EXPECT_DOUBLE_EQ(output.deviation, sigma_w / fan_in);
  EXPECT_DOUBLE_EQ(input.sgd, fan_out);
  EXPECT_DOUBLE_EQ(hidden.sgd, 1.0);
  EXPECT_DOUBLE_EQ(output.sgd, 1 / fan_in);
  EXPECT_DOUBLE_EQ(input.adam, 1.0);
  EXPECT_DOUBLE_EQ(hidden.adam, 1 / fan_in);
  EXPECT_DOUBLE_EQ(output.adam, 1 / fan_in);
  for (const LayerPlace place : {LayerPlace::input, LayerPlace::hidden}) {
    const Effective bias(bias_tensor("b", mu, place, 20, 0.09, 0));
    EXPECT_DOUBLE_EQ(bias.deviation, 0.3);
    EXPECT_DOUBLE_EQ(bias.sgd, fan_out);
    EXPECT_DOUBLE_EQ(bias.adam, 1.0);
  }
}

/// Root mean square of a pass's last hidden layer minus another's.
double feature_change(const ForwardPass<double>& before, const ForwardPass<double>& after) {
  const std::vector<OutputChoice> choice(1);
  const auto left = before.signals(choice).linear.back().a;
  const auto right = after.signals(choice).linear.back().a;
  double sum = 0;
  for (std::size_t k = 0; k < left.size(); ++k)
    sum += (left[k] - right[k]) * (left[k] - right[k]);
  return std::sqrt(sum / static_cast<double>(left.size()));
}

/// How far one SGD step of rate 1 moves the last of two hidden layers.
double first_step(Parametrisation parametrisation, std::int64_t width, std::uint64_t seed) {
  constexpr std::int64_t samples = 8, dim = 5;
  MlpShape shape;
  shape.input = dim;
  shape.hidden = {width, width};
  shape.parametrisation = parametrisation;
  shape.weight_variance = 2;
  shape.bias_variance = 0.1;
  const auto network = make_mlp<double>(shape);
  std::vector<double> features(samples * dim), values(samples), g(samples);
  for (std::size_t k = 0; k < features.size(); ++k)
    features[k] = normal({1, Stream::test}, 0, static_cast<std::int64_t>(k));
  for (std::size_t k = 0; k < values.size(); ++k)
    values[k] = features[dim * k];
  const Batch<double> batch{samples, {features.data(), dim, samples, dim}, {}};
  const auto parameters = initial_parameters(*network, seed);
  const auto before = network->forward(parameters, batch);
  loss_and_gradient<double>(LossKind::squared_error, before->outputs(), 1,
                            {{values.data(), 1, samples, 1}, {}}, samples,
                            {g.data(), 1, samples, 1});
  std::vector<double> gradient(parameters.size()), moved = parameters;
  before->backward({g.data(), 1, samples, 1}, gradient);
  for (const ParameterTensor& tensor : network->tensors())
    for (std::int64_t k = tensor.offset; k < tensor.offset + tensor.size(); ++k)
      moved[static_cast<std::size_t>(k)] -= tensor.sgd_rate * gradient[static_cast<std::size_t>(k)];
  return feature_change(*before, *network->forward(moved, batch));
}

TEST(Parametrisation, OnlyMaximalUpdateMovesFeaturesAlikeAtEveryWidth) {
  const auto growth = [](Parametrisation parametrisation) {
    double wide = 0, narrow = 0;
    for (const std::uint64_t seed : {1, 2, 3, 4}) {
      wide += first_step(parametrisation, 1024, seed);
      narrow += first_step(parametrisation, 64, seed);
    }
    return wide / narrow;
  };
  EXPECT_GT(growth(Parametrisation::maximal_update), 0.5);
  EXPECT_LT(growth(Parametrisation::maximal_update), 2.0);
  EXPECT_GT(growth(Parametrisation::standard), 2.0);
  EXPECT_LT(growth(Parametrisation::ntk), 0.4);
}

}  // namespace
}  // namespace fathom
