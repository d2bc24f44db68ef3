// Logits against the oracle in plain loops, and what a decoder's logits may depend on.

#include "cases.hpp"
#include "oracle.hpp"

namespace fathom {
namespace {

oracle::Vector oracle_outputs(const Trial<double>& trial) {
  const oracle::Transformer reference(trial.shape, trial.network->tensors());
  const oracle::Vector parameters(trial.parameters.begin(), trial.parameters.end());
  oracle::Vector all;
  for (std::int64_t i = 0; i < trial.samples; ++i) {
    const auto one = reference.logits(parameters, std::span(trial.tokens)
                                                      .subspan(oracle::at(i * trial.shape.context),
                                                               oracle::at(trial.shape.context)));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

class TransformerOutputs : public testing::TestWithParam<TransformerCase> {};

TEST_P(TransformerOutputs, AreTheOraclesToThirteenDigits) {
  const Trial<double> trial(GetParam().shape);
  EXPECT_LT(oracle::relative_difference(trial.outputs(), oracle_outputs(trial)), 1e-13);
}

TEST_P(TransformerOutputs, InSinglePrecisionAreNearThoseInDouble) {
  const Trial<double> exact(GetParam().shape);
  const Trial<float> single(GetParam().shape);
  EXPECT_LT(oracle::relative_difference(single.outputs(), exact.outputs()), 1e-5);
}

TEST_P(TransformerOutputs, DoNotDependOnLaterTokens) {
  const Trial<double> trial(GetParam().shape, 1);
  const std::vector<double> before = trial.outputs();
  for (std::int64_t changed = 0; changed < trial.shape.context; ++changed) {
    std::vector<std::int32_t> tokens = trial.tokens;
    auto& token = tokens[oracle::at(changed)];
    token = (token + 1) % static_cast<std::int32_t>(trial.shape.vocabulary);
    const auto pass = trial.network->forward(trial.parameters, {1, {}, tokens});
    for (std::int64_t t = 0; t < trial.shape.context; ++t)
      for (std::int64_t c = 0; c < trial.shape.vocabulary; ++c) {
        const std::int64_t output = t * trial.shape.vocabulary + c;
        const double moved = std::fabs(pass->outputs()(output, 0) - before[oracle::at(output)]);
        if (t < changed)
          EXPECT_LT(moved, 1e-14) << "logit at " << t << ", token at " << changed;
        else
          EXPECT_GT(moved, 1e-8) << "logit at " << t << ", token at " << changed;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Small, TransformerOutputs, testing::ValuesIn(small_cases()),
                         [](const auto& one) { return one.param.name; });

TEST(Transformer, ProductsOfLargeHeadsGoThroughBlas) {
  TransformerShape shape = small_shape();
  shape.context = 24;
  shape.head_size = 16;  // 24·24·16 multiplications a product
  const Trial<double> trial(shape);
  EXPECT_LT(oracle::relative_difference(trial.outputs(), oracle_outputs(trial)), 1e-13);
}

TEST(Transformer, OfSizeOneEverywhereIsStillOne) {
  TransformerShape shape = small_shape();
  shape.vocabulary = shape.context = shape.blocks = shape.heads = shape.head_size = 1;
  shape.mlp_width = 1;
  shape.width = 2;
  const Trial<double> trial(shape, 1);
  EXPECT_LT(oracle::relative_difference(trial.outputs(), oracle_outputs(trial)), 1e-13);
}

TEST(Transformer, LargeScoresDoNotOverflow) {
  TransformerShape shape = small_shape();
  shape.query_deviation = 1e6;
  for (const double logit : Trial<double>(shape).outputs())
    EXPECT_TRUE(std::isfinite(logit));
}

TEST(Transformer, APassStandsWhileOthersComeAndGo) {
  Trial<double> trial(small_shape(), 5);
  const std::vector<double> before = trial.outputs();
  const std::vector<std::int32_t> fewer(oracle::at(2 * trial.shape.context), 1);
  for (int k = 0; k < 3; ++k)
    trial.network->forward(trial.parameters, {2, {}, fewer});
  EXPECT_EQ(trial.outputs(), before);
  trial.pass.reset();
  trial.pass = trial.network->forward(trial.parameters, trial.batch);  // in memory used before
  EXPECT_EQ(trial.outputs(), before);
}

// A planted fault: the comparison above has to see one wrong entry in the last digits.
TEST(Transformer, ADifferenceOfOneEntryIsSeen) {
  const Trial<double> trial(small_shape());
  std::vector<double> outputs = trial.outputs();
  outputs[7] += 1e-11;
  EXPECT_GT(oracle::relative_difference(outputs, oracle_outputs(trial)), 1e-13);
  outputs[7] = std::nan("");
  EXPECT_FALSE(oracle::relative_difference(outputs, oracle_outputs(trial)) < 1e-13);
}

}  // namespace
}  // namespace fathom
