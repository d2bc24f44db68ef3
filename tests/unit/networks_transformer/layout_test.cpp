// Tensors, their factors under each parametrisation, and how a network describes itself.

#include "cases.hpp"

namespace fathom {
namespace {

const ParameterTensor& find(const Network<double>& network, const std::string& name) {
  for (const ParameterTensor& tensor : network.tensors())
    if (tensor.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

struct Factors {
  double deviation, multiplier, sgd_rate, adam_rate;
};

void expect_factors(const Network<double>& network, const std::string& name, const Factors& f) {
  const ParameterTensor& tensor = find(network, name);
  EXPECT_DOUBLE_EQ(tensor.initial_deviation, f.deviation) << name;
  EXPECT_DOUBLE_EQ(tensor.multiplier, f.multiplier) << name;
  EXPECT_DOUBLE_EQ(tensor.sgd_rate, f.sgd_rate) << name;
  EXPECT_DOUBLE_EQ(tensor.adam_rate, f.adam_rate) << name;
}

/// Powers of four, so that every factor below is read off.
TransformerShape round_shape(Parametrisation parametrisation) {
  TransformerShape shape;
  shape.vocabulary = 3;
  shape.blocks = 1;
  shape.width = 16;
  shape.heads = 2;
  shape.head_size = 2;
  shape.mlp_width = 64;
  shape.attention_biases = shape.output_bias = true;
  shape.parametrisation = parametrisation;
  shape.weight_deviation = 2;
  shape.query_deviation = 3;
  shape.bias_deviation = 5;
  shape.embedding_deviation = 7;
  shape.position_deviation = 11;
  shape.output_deviation = 13;
  return shape;
}

TEST(TransformerLayout, OfTheStandardParametrisation) {
  const auto network = make_transformer<double>(round_shape(Parametrisation::standard));
  expect_factors(*network, "embedding", {7, 1, 1, 1});
  expect_factors(*network, "position", {11, 1, 1, 1});
  expect_factors(*network, "block1.attention.query.weight", {3. / 4, 1, 1, 1});
  expect_factors(*network, "block1.attention.projection.weight", {2. / 2, 1, 1, 1});
  expect_factors(*network, "block1.mlp.down.weight", {2. / 8, 1, 1, 1});
  expect_factors(*network, "block1.mlp.up.bias", {5, 1, 1, 1});
  expect_factors(*network, "block1.mlp.norm.gain", {0, 1, 1, 1});
  expect_factors(*network, "output.weight", {13. / 4, 1, 1, 1});
  expect_factors(*network, "output.bias", {5, 1, 1, 1});
}

TEST(TransformerLayout, OfTheTangentKernelsParametrisation) {
  const auto network = make_transformer<double>(round_shape(Parametrisation::ntk));
  expect_factors(*network, "embedding", {1, 7, 1, 1});
  expect_factors(*network, "position", {1, 11, 1, 1});
  expect_factors(*network, "block1.attention.query.weight", {1, 3. / 4, 1, 1});
  expect_factors(*network, "block1.attention.projection.weight", {1, 2. / 2, 1, 1});
  expect_factors(*network, "block1.mlp.down.weight", {1, 2. / 8, 1, 1});
  expect_factors(*network, "block1.mlp.up.bias", {1, 5, 1, 1});
  expect_factors(*network, "block1.mlp.norm.gain", {0, 1, 1, 1});
  expect_factors(*network, "output.weight", {1, 13. / 4, 1, 1});
  expect_factors(*network, "output.bias", {1, 5, 1, 1});
}

/// The dynamics of w = multiplier·stored: it starts with multiplier·deviation, moves by
/// multiplier²·rate under SGD and by multiplier·rate under Adam, whose steps do not scale with the
/// gradient. These are Tensor Programs V's table 3, whatever the form the tensor is stored in.
void expect_table_3(const Network<double>& network, const std::string& name, double deviation,
                    double sgd_rate, double adam_rate) {
  const ParameterTensor& tensor = find(network, name);
  const double m = tensor.multiplier;
  EXPECT_DOUBLE_EQ(m * tensor.initial_deviation, deviation) << name;
  EXPECT_DOUBLE_EQ(m * m * tensor.sgd_rate, sgd_rate) << name;
  EXPECT_DOUBLE_EQ(m * tensor.adam_rate, adam_rate) << name;
}

TEST(TransformerLayout, OfTheMaximalUpdateParametrisation) {
  const auto network = make_transformer<double>(round_shape(Parametrisation::maximal_update));
  expect_table_3(*network, "embedding", 7, 16, 1);
  expect_table_3(*network, "position", 11, 16, 1);
  expect_table_3(*network, "block1.attention.query.weight", 3. / 4, 1, 1. / 16);
  expect_table_3(*network, "block1.attention.key.bias", 5, 4, 1);
  expect_table_3(*network, "block1.attention.projection.weight", 2. / 2, 1, 1. / 4);
  expect_table_3(*network, "block1.mlp.up.weight", 2. / 4, 1, 1. / 16);
  expect_table_3(*network, "block1.mlp.up.bias", 5, 64, 1);
  expect_table_3(*network, "block1.mlp.down.weight", 2. / 8, 1, 1. / 64);
  expect_table_3(*network, "block1.mlp.norm.gain", 0, 16, 1);
  expect_table_3(*network, "final_norm.bias", 0, 16, 1);
  expect_table_3(*network, "output.weight", 13. / 16, 1. / 16, 1. / 16);
  expect_table_3(*network, "output.bias", 5, 1, 1);
}

TEST(TransformerLayout, TensorsFollowOneAnother) {
  for (const TransformerCase& one : small_cases()) {
    const auto network = make_transformer<double>(one.shape);
    std::int64_t next = 0;
    for (const ParameterTensor& tensor : network->tensors()) {
      EXPECT_EQ(tensor.offset, next) << one.name << ": " << tensor.name;
      next += tensor.size();
    }
    EXPECT_EQ(network->parameters(), next) << one.name;
  }
}

TEST(TransformerLayout, ParametersAndFlopsByHand) {
  TransformerShape shape;  // context 10, 2 blocks, width 64, one head of 8, MLP 256
  shape.vocabulary = 3;
  const auto network = make_transformer<double>(shape);
  const std::int64_t attention = 4 * 8 * 64, mlp = 2 * 64 * 256;
  EXPECT_EQ(network->parameters(),
            3 * 64 + 10 * 64 + 2 * (attention + mlp + 256 + 64 + 4 * 64) + 2 * 64 + 3 * 64);
  EXPECT_DOUBLE_EQ(network->forward_flops(),
                   2. * (2 * (10 * (attention + mlp) + 2 * 10 * 10 * 8) + 10 * 64 * 3));
  EXPECT_EQ(network->outputs(), 30);
  EXPECT_EQ(network->description(),
            "transformer of 2 blocks, width 64, 1 head of 8, MLP 256 gelu, context 10, vocabulary "
            "3, standard parametrisation, 71,936 parameters");
}

TEST(TransformerLayout, SinglePrecisionStartsAtTheSameNumbers) {
  const auto network = make_transformer<double>(small_shape());
  const auto exact = initial_parameters(*network, 7);
  const auto single = initial_parameters(*make_transformer<float>(small_shape()), 7);
  for (std::size_t k = 0; k < exact.size(); ++k)
    EXPECT_EQ(single[k], static_cast<float>(exact[k]));
}

TEST(TransformerLayout, GainsStartAtOneUnderEveryParametrisation) {
  for (const TransformerCase& one : small_cases()) {
    const auto network = make_transformer<double>(one.shape);
    const auto parameters = initial_parameters(*network, 7);
    const ParameterTensor& gain = find(*network, "final_norm.gain");
    for (std::int64_t k = 0; k < gain.size(); ++k)
      EXPECT_DOUBLE_EQ(gain.multiplier * parameters[static_cast<std::size_t>(gain.offset + k)], 1.0)
          << one.name;
  }
}

TEST(TransformerLayoutDeathTest, AShapeThatIsNoneIsRefused) {
  TransformerShape shape = small_shape();
  shape.tied_output = shape.output_bias = true;
  EXPECT_DEATH(make_transformer<double>(shape), "tied output has no bias");
  shape = small_shape();
  shape.heads = 0;
  EXPECT_DEATH(make_transformer<double>(shape), "0 heads");
}

TEST(TransformerLayoutDeathTest, ATokenOutsideTheVocabularyIsRefused) {
  const auto network = make_transformer<double>(small_shape());
  const auto parameters = initial_parameters(*network, 7);
  const std::vector<std::int32_t> tokens{0, 1, 3, 2};
  EXPECT_DEATH(network->forward(parameters, {1, {}, tokens}), "token 3 of 3");
}

}  // namespace
}  // namespace fathom
