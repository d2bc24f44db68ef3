// Gradients and tangents against finite differences of the oracle in long double.

#include "cases.hpp"
#include "oracle.hpp"

namespace fathom {
namespace {

/// Σ g·outputs at parameters + step·direction, by the oracle.
class WeightedOutputs {
 public:
  WeightedOutputs(const Trial<double>& trial, const std::vector<double>& g)
      : trial_(trial), g_(g), reference_(trial.shape, trial.network->tensors()) {}

  oracle::Real operator()(const oracle::Vector& parameters) const {
    const std::size_t positions = oracle::at(trial_.shape.context);
    oracle::Real sum = 0;
    std::size_t output = 0;
    for (std::size_t i = 0; i < oracle::at(trial_.samples); ++i)
      for (const oracle::Real logit : reference_.logits(
               parameters, std::span(trial_.tokens).subspan(i * positions, positions)))
        sum += g_[output++] * logit;
    return sum;
  }

 private:
  const Trial<double>& trial_;
  const std::vector<double>& g_;
  oracle::Transformer reference_;
};

oracle::Vector differences_of_every_parameter(const Trial<double>& trial,
                                              const std::vector<double>& g) {
  const WeightedOutputs f(trial, g);
  oracle::Vector parameters(trial.parameters.begin(), trial.parameters.end()), gradient;
  for (oracle::Real& parameter : parameters) {
    const oracle::Real here = parameter;
    gradient.push_back(oracle::derivative([&](oracle::Real step) {
      parameter = here + step;
      return f(parameters);
    }));
    parameter = here;
  }
  return gradient;
}

std::vector<double> some_gradient(const Trial<double>& trial) {
  return normals(trial.network->outputs() * trial.samples, 2);
}

class TransformerDerivatives : public testing::TestWithParam<TransformerCase> {};

TEST_P(TransformerDerivatives, OfEveryTensorAreThoseOfFiniteDifferences) {
  const Trial<double> trial(GetParam().shape);
  const std::vector<double> g = some_gradient(trial);
  const auto worst = oracle::worst_tensor(trial.network->tensors(), trial.gradient(g),
                                          differences_of_every_parameter(trial, g));
  EXPECT_LT(worst.difference, 2e-10) << worst.name;
}

TEST_P(TransformerDerivatives, AlongADirectionAreThoseOfFiniteDifferences) {
  const Trial<double> trial(GetParam().shape);
  const std::vector<double> direction = normals(trial.network->parameters(), 4);
  const std::vector<double> tangent = trial.tangent(direction);
  oracle::Vector differences;
  for (std::size_t output = 0; output < tangent.size(); ++output) {
    std::vector<double> unit(tangent.size(), 0.0);
    unit[output] = 1;
    const WeightedOutputs f(trial, unit);
    differences.push_back(oracle::derivative([&](oracle::Real step) {
      oracle::Vector parameters(trial.parameters.begin(), trial.parameters.end());
      for (std::size_t k = 0; k < parameters.size(); ++k)
        parameters[k] += step * oracle::Real(0.01L) * direction[k];
      return f(parameters) * 100;
    }));
  }
  EXPECT_LT(oracle::relative_difference(tangent, differences), 2e-10);
}

TEST_P(TransformerDerivatives, ForwardAndBackwardAreTransposes) {
  const Trial<double> trial(GetParam().shape);
  const std::vector<double> g = some_gradient(trial);
  const std::vector<double> direction = normals(trial.network->parameters(), 4);
  const std::vector<double> tangent = trial.tangent(direction), gradient = trial.gradient(g);
  double by_tangent = 0, by_gradient = 0, size = 0;
  for (std::size_t k = 0; k < g.size(); ++k)
    by_tangent += g[k] * tangent[k];
  for (std::size_t k = 0; k < direction.size(); ++k) {
    by_gradient += gradient[k] * direction[k];
    size += std::fabs(gradient[k] * direction[k]);
  }
  EXPECT_NEAR(by_tangent, by_gradient, 1e-14 * size);
}

TEST_P(TransformerDerivatives, InSinglePrecisionAreNearThoseInDouble) {
  const Trial<double> exact(GetParam().shape);
  const Trial<float> single(GetParam().shape);
  const std::vector<double> g = some_gradient(exact);
  EXPECT_LT(oracle::relative_difference(single.gradient(std::vector<float>(g.begin(), g.end())),
                                        exact.gradient(g)),
            2e-5);
  const std::vector<double> direction = normals(exact.network->parameters(), 4);
  EXPECT_LT(oracle::relative_difference(
                single.tangent(std::vector<float>(direction.begin(), direction.end())),
                exact.tangent(direction)),
            2e-5);
}

INSTANTIATE_TEST_SUITE_P(Small, TransformerDerivatives, testing::ValuesIn(small_cases()),
                         [](const auto& one) { return one.param.name; });

TEST(TransformerGradient, OfLargeHeadsAgreesAlongADirection) {
  TransformerShape shape = small_shape();
  shape.context = 24;
  shape.head_size = 16;
  const Trial<double> trial(shape);
  const std::vector<double> g = some_gradient(trial);
  const std::vector<double> direction = normals(trial.network->parameters(), 4);
  const WeightedOutputs f(trial, g);
  const oracle::Real difference = oracle::derivative([&](oracle::Real step) {
    oracle::Vector parameters(trial.parameters.begin(), trial.parameters.end());
    for (std::size_t k = 0; k < parameters.size(); ++k)
      parameters[k] += step * oracle::Real(0.01L) * direction[k];
    return f(parameters) * 100;
  });
  const std::vector<double> gradient = trial.gradient(g), tangent = trial.tangent(direction);
  double by_gradient = 0, by_tangent = 0, size = 0;
  for (std::size_t k = 0; k < direction.size(); ++k) {
    by_gradient += gradient[k] * direction[k];
    size += std::fabs(gradient[k] * direction[k]);
  }
  for (std::size_t k = 0; k < g.size(); ++k)
    by_tangent += g[k] * tangent[k];
  EXPECT_NEAR(by_gradient, static_cast<double>(difference), 1e-11 * size);
  EXPECT_NEAR(by_tangent, static_cast<double>(difference), 1e-11 * size);
}

TEST(TransformerGradient, IsAddedToWhatStands) {
  const Trial<double> trial(small_shape());
  const std::vector<double> g = some_gradient(trial), once = trial.gradient(g);
  std::vector<double> sum(once.size(), 1.0);
  trial.pass->backward(
      {g.data(), trial.network->outputs(), trial.samples, trial.network->outputs()}, sum);
  for (std::size_t k = 0; k < once.size(); ++k)
    EXPECT_NEAR(sum[k], 1 + once[k], 1e-13);
}

TEST(TransformerGradient, TakesViewsOfAnyLeadingDimension) {
  const Trial<double> trial(small_shape());
  const std::vector<double> g = some_gradient(trial);
  const std::int64_t outputs = trial.network->outputs(), ld = outputs + 3;
  std::vector<double> wide(oracle::at(ld * trial.samples), std::nan(""));
  for (std::int64_t i = 0; i < trial.samples; ++i)
    std::copy_n(g.data() + outputs * i, outputs, wide.data() + ld * i);
  std::vector<double> sum(trial.parameters.size(), 0.0);
  trial.pass->backward({wide.data(), outputs, trial.samples, ld}, sum);
  EXPECT_EQ(sum, trial.gradient(g));

  const std::vector<double> direction = normals(trial.network->parameters(), 4);
  const std::vector<double> tangent = trial.tangent(direction);
  trial.pass->tangent(direction, {wide.data(), outputs, trial.samples, ld});
  for (std::int64_t i = 0; i < trial.samples; ++i)
    for (std::int64_t k = 0; k < outputs; ++k)
      EXPECT_EQ(wide[oracle::at(k + ld * i)], tangent[oracle::at(k + outputs * i)]);
}

// A planted fault: one entry of the smallest tensor, wrong in the seventh digit.
TEST(TransformerGradient, AFaultInOneTensorIsSeenAndNamed) {
  const Trial<double> trial(small_shape());
  const std::vector<double> g = some_gradient(trial);
  const oracle::Vector reference = differences_of_every_parameter(trial, g);
  std::vector<double> gradient = trial.gradient(g);
  for (const ParameterTensor& tensor : trial.network->tensors()) {
    std::vector<double> faulty = gradient;
    double largest = 0;
    for (std::int64_t k = 0; k < tensor.size(); ++k)
      largest = std::max(largest, std::fabs(gradient[oracle::at(tensor.offset + k)]));
    faulty[oracle::at(tensor.offset + tensor.size() - 1)] += 1e-7 * largest;
    const auto worst = oracle::worst_tensor(trial.network->tensors(), faulty, reference);
    EXPECT_GT(worst.difference, 5e-8) << tensor.name;
    EXPECT_EQ(worst.name, tensor.name);
  }
}

}  // namespace
}  // namespace fathom
