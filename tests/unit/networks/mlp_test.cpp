#include "networks/mlp.hpp"

#include "base/random.hpp"
#include "networks/gradient_columns.hpp"
#include "oracles.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr RandomKey test_key{17, Stream::test};

template <class T>
struct Case {
  std::unique_ptr<Network<T>> network;
  std::vector<T> parameters, features;
  std::int64_t samples = 0;

  Case(const MlpShape& shape, std::int64_t n, std::uint64_t seed = 3)
      : network(make_mlp<T>(shape)), samples(n) {
    parameters = initial_parameters(*network, seed);
    // Biases of variance 0 start at 0 and would hide their part.
    for (std::size_t k = 0; k < parameters.size(); ++k)
      parameters[k] += static_cast<T>(0.05 * normal(test_key, 1, static_cast<std::int64_t>(k)));
    for (std::int64_t k = 0; k < shape.input * n; ++k)
      features.push_back(static_cast<T>(normal(test_key, 2, k)));
  }
  Batch<T> batch() const {
    const std::int64_t dim = std::ssize(features) / samples;
    return {samples, {features.data(), dim, samples, dim}, {}};
  }
  std::unique_ptr<ForwardPass<T>> forward() const { return network->forward(parameters, batch()); }
  std::vector<std::vector<oracle::Real>> inputs() const {
    const std::int64_t dim = std::ssize(features) / samples;
    std::vector<std::vector<oracle::Real>> all;
    for (std::int64_t i = 0; i < samples; ++i)
      all.emplace_back(features.begin() + dim * i, features.begin() + dim * (i + 1));
    return all;
  }
};

MlpShape shape_of(std::vector<std::int64_t> hidden, std::int64_t classes,
                  ActivationKind activation = ActivationKind::tanh,
                  Parametrisation parametrisation = Parametrisation::standard, bool biases = true) {
  MlpShape shape;
  shape.input = 3;
  shape.hidden = std::move(hidden);
  shape.classes = classes;
  shape.activation = activation;
  shape.degree = activation == ActivationKind::monomial ? 3 : 1;
  shape.biases = biases;
  shape.parametrisation = parametrisation;
  shape.weight_variance = 1.5;
  shape.bias_variance = 0.3;
  return shape;
}

constexpr Parametrisation every_parametrisation[] = {
    Parametrisation::standard, Parametrisation::ntk, Parametrisation::maximal_update};

/// Every shape a formula could trip over.
std::vector<MlpShape> every_shape() {
  std::vector<MlpShape> all;
  for (const Parametrisation p : every_parametrisation)
    for (const bool biases : {false, true})
      for (const std::int64_t classes : {1, 3})
        for (const auto& hidden :
             {std::vector<std::int64_t>{}, std::vector<std::int64_t>{5}, {7, 5}, {4, 1, 6}})
          all.push_back(shape_of(hidden, classes, ActivationKind::tanh, p, biases));
  return all;
}

std::vector<OutputChoice> every_class(std::int64_t classes) {
  std::vector<OutputChoice> all;
  for (std::int64_t c = 0; c < classes; ++c)
    all.push_back({0, c});
  return all;
}

/// All columns of the transposed Jacobian.
template <class T>
std::vector<T> columns_of(const Case<T>& c) {
  const auto signals = c.forward()->signals(every_class(c.network->classes()));
  const std::int64_t size = c.network->parameters();
  std::vector<T> columns(static_cast<std::size_t>(size * signals.rows()));
  gradient_columns(*c.network, signals, 0,
                   MatrixView<T>{columns.data(), size, signals.rows(), size});
  return columns;
}

template <class T>
double norm(const std::vector<T>& x) {
  double sum = 0;
  for (const T value : x)
    sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

/// max |columns − J| / max |J| with J by differences of the plain network.
double distance_to_differences(const Case<double>& c, const MlpShape& shape,
                               oracle::Real tamper = 1) {
  const auto columns = columns_of(c);
  const auto reference = oracle::jacobian(shape, c.parameters, c.inputs(), tamper);
  oracle::Real error = 0, largest = 0;
  std::size_t at = 0;
  for (const auto& column : reference)
    for (const oracle::Real value : column) {
      error = std::max(error, std::fabs(columns[at++] - value));
      largest = std::max(largest, std::fabs(value));
    }
  return static_cast<double>(error / largest);
}

TEST(Mlp, OutputsAreThoseOfThePlainLoops) {
  for (const MlpShape& shape : every_shape()) {
    const Case<double> c(shape, 4);
    const auto pass = c.forward();
    const auto outputs = pass->outputs();
    std::int64_t i = 0;
    for (const auto& x : c.inputs()) {
      const auto expected = oracle::outputs(shape, {c.parameters.begin(), c.parameters.end()}, x);
      for (std::int64_t k = 0; k < shape.classes; ++k)
        EXPECT_NEAR(outputs(k, i), static_cast<double>(expected[static_cast<std::size_t>(k)]),
                    1e-13)
            << c.network->description();
      ++i;
    }
  }
}

TEST(Mlp, GradientsAreThoseOfExtrapolatedDifferences) {
  for (const MlpShape& shape : every_shape()) {
    const Case<double> c(shape, 2);
    EXPECT_LT(distance_to_differences(c, shape), 1e-11) << c.network->description();
  }
}

TEST(Mlp, GradientsOfEveryActivation) {
  for (const auto text : activation_names()) {
    const MlpShape shape = shape_of({6, 5}, 2, parse_activation(text));
    const Case<double> c(shape, 3);
    EXPECT_LT(distance_to_differences(c, shape), 1e-10) << text;
  }
}

TEST(Mlp, PlantedWrongMultiplierIsSeen) {
  for (const auto& hidden : {std::vector<std::int64_t>{}, {7, 5}}) {
    const MlpShape shape = shape_of(hidden, 3);
    EXPECT_GT(distance_to_differences(Case<double>(shape, 2), shape, 1 + 1e-8L), 1e-9);
  }
}

TEST(Mlp, PlantedWrongParametrisationIsSeen) {
  const MlpShape shape = shape_of({7, 5}, 3, ActivationKind::tanh, Parametrisation::ntk);
  MlpShape other = shape;
  other.bias_variance = 0.301;
  EXPECT_GT(distance_to_differences(Case<double>(shape, 2), other), 1e-6);
}

TEST(Mlp, BackwardOfUnitVectorsIsTheExplicitJacobian) {
  for (const MlpShape& shape : every_shape()) {
    const Case<double> c(shape, 3);
    const auto columns = columns_of(c);
    const auto pass = c.forward();
    const std::size_t size = c.parameters.size();
    for (std::int64_t r = 0; r < shape.classes * 3; ++r) {
      std::vector<double> unit(static_cast<std::size_t>(shape.classes * 3)), gradient(size);
      unit[static_cast<std::size_t>(r)] = 1.0;
      pass->backward({unit.data(), shape.classes, 3, shape.classes}, gradient);
      for (std::size_t k = 0; k < size; ++k)
        EXPECT_NEAR(gradient[k], columns[k + size * static_cast<std::size_t>(r)], 1e-13)
            << c.network->description();
    }
  }
}

TEST(Mlp, BackwardAddsToTheGradient) {
  const MlpShape shape = shape_of({4}, 2);
  const Case<double> c(shape, 3);
  const std::vector<double> g(6, 0.7);
  std::vector<double> once(c.parameters.size()), twice(c.parameters.size(), 1.0);
  c.forward()->backward({g.data(), 2, 3, 2}, once);
  c.forward()->backward({g.data(), 2, 3, 2}, twice);
  for (std::size_t k = 0; k < once.size(); ++k)
    EXPECT_NEAR(twice[k], 1.0 + once[k], 1e-14);
}

TEST(Mlp, TangentIsTheJacobianTimesTheDirection) {
  for (const MlpShape& shape : every_shape()) {
    const Case<double> c(shape, 3);
    const auto columns = columns_of(c);
    const std::size_t size = c.parameters.size();
    std::vector<double> direction(size), out(static_cast<std::size_t>(shape.classes * 3), -7.0);
    for (std::size_t k = 0; k < size; ++k)
      direction[k] = normal(test_key, 5, static_cast<std::int64_t>(k));
    c.forward()->tangent(direction, {out.data(), shape.classes, 3, shape.classes});
    for (std::size_t r = 0; r < out.size(); ++r) {
      double expected = 0;
      for (std::size_t k = 0; k < size; ++k)
        expected += columns[k + size * r] * direction[k];
      EXPECT_NEAR(out[r], expected, 1e-13 * (1 + norm(direction))) << c.network->description();
    }
  }
}

TEST(Mlp, ChosenClassesAreTheirRowsOfTheJacobian) {
  const MlpShape shape = shape_of({7, 5}, 4);
  const Case<double> c(shape, 3);
  const auto columns = columns_of(c);
  const std::vector<OutputChoice> choices{{0, 3}, {0, 1}};
  const auto signals = c.forward()->signals(choices);
  const std::int64_t size = c.network->parameters();
  std::vector<double> chosen(static_cast<std::size_t>(size * 6));
  gradient_columns(*c.network, signals, 0, MatrixView<double>{chosen.data(), size, 6, size});
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t q = 0; q < 2; ++q)
      for (std::int64_t k = 0; k < size; ++k)
        EXPECT_EQ(chosen[static_cast<std::size_t>(k + size * (q + 2 * i))],
                  columns[static_cast<std::size_t>(
                      k + size * (choices[static_cast<std::size_t>(q)].output_class + 4 * i))]);
}

TEST(Mlp, AnyRangeOfParametersIsThatPartOfTheColumns) {
  const Case<double> c(shape_of({4, 3}, 2), 2);
  const auto columns = columns_of(c);
  const auto signals = c.forward()->signals(every_class(2));
  const std::int64_t size = c.network->parameters();
  for (std::int64_t first = 0; first < size; ++first)
    for (std::int64_t count = 0; first + count <= size; ++count) {
      std::vector<double> part(static_cast<std::size_t>(4 * (count + 1)), NAN);
      gradient_columns(*c.network, signals, first,
                       MatrixView<double>{part.data(), count, 4, count + 1});
      for (std::int64_t r = 0; r < 4; ++r) {
        for (std::int64_t k = 0; k < count; ++k)
          ASSERT_EQ(part[static_cast<std::size_t>(k + (count + 1) * r)],
                    columns[static_cast<std::size_t>(first + k + size * r)])
              << first << " + " << count;
        ASSERT_TRUE(std::isnan(part[static_cast<std::size_t>(count + (count + 1) * r)]));
      }
    }
}

TEST(Mlp, FloatIsDoubleRounded) {
  for (const auto text : activation_names()) {
    const MlpShape shape = shape_of({33, 17}, 3, parse_activation(text));
    const auto fine = columns_of(Case<double>(shape, 5));
    const auto coarse = columns_of(Case<float>(shape, 5));
    std::vector<double> difference;
    for (std::size_t k = 0; k < fine.size(); ++k)
      difference.push_back(fine[k] - static_cast<double>(coarse[k]));
    EXPECT_LT(norm(difference), 2e-6 * norm(fine)) << text;
    EXPECT_GT(norm(difference), 1e-9 * norm(fine)) << text;
  }
}

TEST(Mlp, ADescriptionSaysShapeAndSize) {
  MlpShape shape;
  shape.input = 64;
  shape.hidden = {512, 512};
  shape.classes = 10;
  shape.parametrisation = Parametrisation::ntk;
  const auto network = make_mlp<float>(shape);
  EXPECT_EQ(network->description(),
            "MLP 64-512-512-10, relu, ntk parametrisation, 301,066 parameters");
  EXPECT_EQ(network->forward_flops(), 2.0 * (64 * 512 + 512 * 512 + 512 * 10));
  EXPECT_EQ(network->signal_flops(), 2.0 * (512 * 512 + 512 * 10));
  EXPECT_EQ(network->tensors()[3].name, "layer2.bias");
}

TEST(Mlp, NoSamplesIsNoWork) {
  const Case<double> c(shape_of({4}, 2), 1);
  const auto pass = c.network->forward(c.parameters, {0, {c.features.data(), 3, 0, 3}, {}});
  EXPECT_EQ(pass->outputs().cols, 0);
  std::vector<double> gradient(c.parameters.size(), 2.0);
  pass->backward({nullptr, 2, 0, 2}, gradient);
  EXPECT_EQ(gradient, std::vector<double>(c.parameters.size(), 2.0));
  EXPECT_EQ(pass->signals(every_class(2)).rows(), 0);
}

TEST(MlpDeathTest, ABatchOfAnotherDimensionIsRefused) {
  const Case<double> c(shape_of({4}, 2), 2);
  EXPECT_DEATH(c.network->forward(c.parameters, {2, {c.features.data(), 2, 2, 3}, {}}), "features");
}

}  // namespace
}  // namespace fathom
