// Rows of the Jacobian put together from signals, as network.hpp defines them, against the backward
// pass of unit vectors.

#include "cases.hpp"
#include "networks/gradient_columns.hpp"
#include "oracle.hpp"

#include <set>

namespace fathom {
namespace {

/// parameters × rows, from the definitions of LinearSignals and DirectGradients alone.
template <class T>
std::vector<double> explicit_rows(const std::vector<ParameterTensor>& tensors,
                                  std::int64_t parameters, const GradientSignals<T>& signals) {
  std::vector<double> all(oracle::at(parameters * signals.rows()), 0.0);
  for (std::int64_t r = 0; r < signals.rows(); ++r) {
    double* row = all.data() + parameters * r;
    for (const LinearSignals<T>& layer : signals.linear)
      for (std::int64_t t = 0; t < layer.positions; ++t) {
        const T* a = layer.a.data() + layer.in * (t + layer.positions * (r / signals.choices));
        const T* b = layer.b.data() + layer.out * (t + layer.positions * r);
        const ParameterTensor& weight = tensors[oracle::at(layer.weight)];
        for (std::int64_t j = 0; j < layer.in; ++j)
          for (std::int64_t i = 0; i < layer.out; ++i)
            row[weight.offset + i + layer.out * j] +=
                weight.multiplier * static_cast<double>(b[i]) * static_cast<double>(a[j]);
        if (layer.bias < 0) continue;
        const ParameterTensor& bias = tensors[oracle::at(layer.bias)];
        for (std::int64_t i = 0; i < layer.out; ++i)
          row[bias.offset + i] += bias.multiplier * static_cast<double>(b[i]);
      }
    for (const DirectGradients<T>& direct : signals.direct) {
      const ParameterTensor& tensor = tensors[oracle::at(direct.tensor)];
      for (std::int64_t k = 0; k < tensor.size(); ++k)
        row[tensor.offset + k] +=
            static_cast<double>(direct.gradient[oracle::at(k + tensor.size() * r)]);
    }
  }
  return all;
}

std::vector<double> rows_by_backward(const Trial<double>& trial,
                                     std::span<const OutputChoice> choices) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < trial.samples; ++i)
    for (const OutputChoice& choice : choices) {
      std::vector<double> unit(oracle::at(trial.network->outputs() * trial.samples), 0.0);
      unit[oracle::at(choice.position * trial.network->classes() + choice.output_class +
                      trial.network->outputs() * i)] = 1;
      const std::vector<double> row = trial.gradient(unit);
      all.insert(all.end(), row.begin(), row.end());
    }
  return all;
}

template <class T>
std::vector<double> rows_by_signals(const Trial<T>& trial, std::span<const OutputChoice> choices) {
  return explicit_rows(trial.network->tensors(), trial.network->parameters(),
                       trial.pass->signals(choices));
}

const std::vector<OutputChoice> several{{3, 0}, {1, 2}, {3, 2}, {0, 1}};

class TransformerSignals : public testing::TestWithParam<TransformerCase> {};

TEST_P(TransformerSignals, MakeTheRowsOfTheBackwardPass) {
  const Trial<double> trial(GetParam().shape);
  for (const std::size_t count : {std::size_t(1), several.size()}) {
    const auto choices = std::span(several).first(count);
    EXPECT_LT(oracle::relative_difference(rows_by_signals(trial, choices),
                                          rows_by_backward(trial, choices)),
              1e-13);
  }
}

TEST_P(TransformerSignals, MakeTheSameRowsByGradientColumns) {
  const Trial<double> trial(GetParam().shape);
  const auto signals = trial.pass->signals(several);
  const std::int64_t parameters = trial.network->parameters();
  std::vector<double> rows(oracle::at(parameters * signals.rows()));
  gradient_columns<double>(*trial.network, signals, 0,
                           {rows.data(), parameters, signals.rows(), parameters});
  EXPECT_LT(oracle::relative_difference(rows, rows_by_backward(trial, several)), 1e-13);
}

TEST_P(TransformerSignals, HoldEveryTensorOnce) {
  const Trial<double> trial(GetParam().shape);
  const auto signals = trial.pass->signals(several);
  EXPECT_EQ(signals.rows(), trial.samples * std::ssize(several));
  std::multiset<std::int64_t> found;
  for (const auto& layer : signals.linear) {
    found.insert(layer.weight);
    if (layer.bias >= 0) found.insert(layer.bias);
    const ParameterTensor& weight = trial.network->tensors()[oracle::at(layer.weight)];
    EXPECT_EQ(layer.out, weight.rows) << weight.name;
    EXPECT_EQ(layer.in, weight.cols) << weight.name;
    EXPECT_EQ(std::ssize(layer.a), layer.in * layer.positions * signals.samples) << weight.name;
    EXPECT_EQ(std::ssize(layer.b), layer.out * layer.positions * signals.rows()) << weight.name;
  }
  for (const auto& direct : signals.direct)
    found.insert(direct.tensor);
  std::multiset<std::int64_t> every;
  for (std::int64_t k = 0; k < std::ssize(trial.network->tensors()); ++k)
    every.insert(k);
  EXPECT_EQ(found, every);
}

TEST_P(TransformerSignals, InSinglePrecisionAreNearThoseInDouble) {
  const Trial<double> exact(GetParam().shape);
  const Trial<float> single(GetParam().shape);
  EXPECT_LT(oracle::relative_difference(rows_by_signals(single, several),
                                        rows_by_signals(exact, several)),
            2e-5);
}

TEST_P(TransformerSignals, LeaveThePassAsItWas) {
  const Trial<double> trial(GetParam().shape);
  const std::vector<double> g = normals(trial.network->outputs() * trial.samples, 2);
  const std::vector<double> before = trial.gradient(g);
  trial.pass->signals(several);
  trial.tangent(normals(trial.network->parameters(), 4));
  EXPECT_EQ(trial.gradient(g), before);
}

INSTANTIATE_TEST_SUITE_P(Small, TransformerSignals, testing::ValuesIn(small_cases()),
                         [](const auto& one) { return one.param.name; });

// A planted fault: one entry of the tied table, wrong in the ninth digit.
TEST(TransformerSignals, AFaultInTheTiedTableIsSeen) {
  TransformerShape shape = small_shape();
  shape.tied_output = true;
  const Trial<double> trial(shape);
  auto signals = trial.pass->signals(several);
  for (auto& direct : signals.direct)
    if (trial.network->tensors()[oracle::at(direct.tensor)].name == "embedding")
      direct.gradient[0] *= 1 + 1e-8;
  EXPECT_GT(oracle::relative_difference(
                explicit_rows(trial.network->tensors(), trial.network->parameters(), signals),
                rows_by_backward(trial, several)),
            1e-12);
}

}  // namespace
}  // namespace fathom
