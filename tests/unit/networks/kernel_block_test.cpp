#include "networks/kernel_block.hpp"

#include "base/random.hpp"
#include "networks/gradient_columns.hpp"
#include "networks/mlp.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using Signals = GradientSignals<double>;
using Matrix = std::vector<double>;

std::vector<double> numbers(std::int64_t count, std::int64_t item) {
  std::vector<double> all;
  for (std::int64_t k = 0; k < count; ++k)
    all.push_back(normal({23, Stream::test}, item, k));
  return all;
}

std::vector<OutputChoice> every_class(std::int64_t classes) {
  std::vector<OutputChoice> all;
  for (std::int64_t c = 0; c < classes; ++c)
    all.push_back({0, c});
  return all;
}

Signals signals_of(const Network<double>& network, const std::vector<double>& parameters,
                   std::int64_t dim, std::int64_t samples, std::int64_t item,
                   std::int64_t classes) {
  const auto features = numbers(dim * samples, item);
  const Batch<double> batch{samples, {features.data(), dim, samples, dim}, {}};
  return network.forward(parameters, batch)->signals(every_class(classes));
}

Matrix block(const Network<double>& network, const Signals& rows, const Signals& columns,
             SignalRoute route) {
  Matrix out(static_cast<std::size_t>(rows.rows() * columns.rows()), NAN);
  kernel_block(network, rows, columns,
               {out.data(), rows.rows(), columns.rows(), std::max<std::int64_t>(1, rows.rows())},
               route);
  return out;
}

/// JJᵀ from explicit gradients, summed in long double.
Matrix explicit_block(const Network<double>& network, const Signals& rows, const Signals& columns) {
  const std::int64_t size = network.parameters();
  const auto jacobian = [&](const Signals& side) {
    Matrix all(static_cast<std::size_t>(size * side.rows()));
    gradient_columns(network, side, 0, MatrixView<double>{all.data(), size, side.rows(), size});
    return all;
  };
  const Matrix left = jacobian(rows), right = jacobian(columns);
  Matrix out;
  for (std::int64_t q = 0; q < columns.rows(); ++q)
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
      long double sum = 0;
      for (std::int64_t k = 0; k < size; ++k)
        sum += static_cast<long double>(left[static_cast<std::size_t>(k + size * r)]) *
               right[static_cast<std::size_t>(k + size * q)];
      out.push_back(static_cast<double>(sum));
    }
  return out;
}

/// max |x − y| / max |y|
double distance(const Matrix& x, const Matrix& y) {
  double error = 0, largest = 0;
  for (std::size_t k = 0; k < y.size(); ++k) {
    error = std::isnan(x[k]) ? NAN : std::max(error, std::fabs(x[k] - y[k]));
    largest = std::max(largest, std::fabs(y[k]));
  }
  return error / largest;
}

constexpr SignalRoute every_route[] = {SignalRoute::automatic, SignalRoute::signals,
                                       SignalRoute::materialised};

TEST(KernelBlock, OfFullyConnectedNetworksIsTheProductOfExplicitJacobians) {
  for (const auto p :
       {Parametrisation::standard, Parametrisation::ntk, Parametrisation::maximal_update})
    for (const bool biases : {false, true})
      for (const std::int64_t classes : {1, 3})
        for (const auto& hidden :
             {std::vector<std::int64_t>{}, std::vector<std::int64_t>{9}, {13, 1, 7}}) {
          MlpShape shape;
          shape.input = 5;
          shape.hidden = hidden;
          shape.classes = classes;
          shape.activation = ActivationKind::gelu;
          shape.biases = biases;
          shape.parametrisation = p;
          shape.weight_variance = 2;
          shape.bias_variance = 0.4;
          const auto network = make_mlp<double>(shape);
          const auto parameters = initial_parameters(*network, 1);
          const auto rows = signals_of(*network, parameters, 5, 7, 1, classes);
          const auto columns = signals_of(*network, parameters, 5, 11, 2, classes);
          const auto reference = explicit_block(*network, rows, columns);
          for (const SignalRoute route : every_route)
            EXPECT_LT(distance(block(*network, rows, columns, route), reference), 1e-13)
                << network->description();
        }
}

TEST(KernelBlock, OfManySamplesGoesTileByTile) {
  MlpShape shape;
  shape.input = 3;
  shape.hidden = {5, 4};
  shape.classes = 3;
  const auto network = make_mlp<double>(shape);
  const auto parameters = initial_parameters(*network, 2);
  const auto rows = signals_of(*network, parameters, 3, 401, 1, 3);
  const auto columns = signals_of(*network, parameters, 3, 530, 2, 2);
  const auto reference = explicit_block(*network, rows, columns);
  for (const SignalRoute route : every_route)
    EXPECT_LT(distance(block(*network, rows, columns, route), reference), 1e-13);
}

/// Tensors alone, with signals made up: a sequence layer with its bias, a layer of one position,
/// and a tensor without structure.
class MadeUpNetwork final : public Network<double> {
 public:
  static constexpr std::int64_t length = 4;
  MadeUpNetwork() {
    add("sequence.weight", 3, 5, 1.7);
    add("sequence.bias", 3, 1, 0.6);
    add("head.weight", 2, 3, 0.8);
    add("gain", 6, 1, 1.0);
  }
  std::string description() const override { return "made up"; }
  const std::vector<ParameterTensor>& tensors() const override { return tensors_; }
  std::int64_t parameters() const override { return size_; }
  std::int64_t positions() const override { return length; }
  std::int64_t classes() const override { return 2; }
  double forward_flops() const override { return 0; }
  std::unique_ptr<ForwardPass<double>> forward(std::span<const double>,
                                               const Batch<double>&) const override {
    return nullptr;
  }
  ParameterTensor& tensor(std::size_t k) { return tensors_[k]; }

  Signals signals(std::int64_t samples, std::int64_t choices, std::int64_t item) const {
    Signals all;
    all.samples = samples;
    all.choices = choices;
    const std::int64_t rows = samples * choices;
    all.linear.push_back({0, 1, 5, 3, length, numbers(5 * length * samples, item),
                          numbers(3 * length * rows, item + 1)});
    all.linear.push_back(
        {2, -1, 3, 2, 1, numbers(3 * samples, item + 2), numbers(2 * rows, item + 3)});
    all.direct.push_back({3, numbers(6 * rows, item + 4)});
    return all;
  }

 private:
  void add(const char* name, std::int64_t rows, std::int64_t cols, double multiplier) {
    ParameterTensor tensor;
    tensor.name = name;
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.offset = size_;
    tensor.multiplier = multiplier;
    size_ += rows * cols;
    tensors_.push_back(tensor);
  }
  std::vector<ParameterTensor> tensors_;
  std::int64_t size_ = 0;
};

TEST(KernelBlock, ExplicitGradientsOverPositionsByHand) {
  const MadeUpNetwork network;
  const auto signals = network.signals(2, 3, 40);
  Matrix columns(static_cast<std::size_t>(network.parameters() * 6));
  gradient_columns(
      network, signals, 0,
      MatrixView<double>{columns.data(), network.parameters(), 6, network.parameters()});
  const auto& sequence = signals.linear[0];
  for (std::size_t r = 0; r < 6; ++r)
    for (std::size_t o = 0; o < 3; ++o) {
      double bias = 0;
      for (std::size_t t = 0; t < 4; ++t)
        bias += 0.6 * sequence.b[o + 3 * (t + 4 * r)];
      EXPECT_NEAR(columns[15 + o + 30 * r], bias, 1e-14);
      for (std::size_t i = 0; i < 5; ++i) {
        double weight = 0;
        for (std::size_t t = 0; t < 4; ++t)
          weight += 1.7 * sequence.b[o + 3 * (t + 4 * r)] * sequence.a[i + 5 * (t + 4 * (r / 3))];
        EXPECT_NEAR(columns[o + 3 * i + 30 * r], weight, 1e-14);
      }
    }
}

TEST(KernelBlock, OverPositionsIsTheProductOfExplicitJacobians) {
  const MadeUpNetwork network;
  for (const auto& [row_choices, column_choices] : {std::pair{1, 1}, {3, 3}, {2, 5}}) {
    const auto rows = network.signals(97, row_choices, 50);
    const auto columns = network.signals(60, column_choices, 60);
    const auto reference = explicit_block(network, rows, columns);
    for (const SignalRoute route : every_route)
      EXPECT_LT(distance(block(network, rows, columns, route), reference), 1e-13);
  }
}

TEST(KernelBlock, OfASideWithItselfIsSymmetric) {
  const MadeUpNetwork network;
  const auto rows = network.signals(9, 2, 50);
  const auto reference = explicit_block(network, rows, rows);
  for (const SignalRoute route : every_route)
    EXPECT_LT(distance(block(network, rows, rows, route), reference), 1e-13);
}

TEST(KernelBlock, PlantedFaultsAreSeen) {
  MadeUpNetwork network;
  const auto rows = network.signals(6, 2, 50), columns = network.signals(5, 2, 60);
  const auto reference = explicit_block(network, rows, columns);
  for (const SignalRoute route : every_route) {
    auto left = rows, right = columns;
    left.linear[0].bias = right.linear[0].bias = -1;
    EXPECT_GT(distance(block(network, left, right, route), reference), 1e-3);
    for (const std::size_t tensor : {0, 1, 2}) {
      network.tensor(tensor).multiplier *= 1 + 1e-8;
      EXPECT_GT(distance(block(network, rows, columns, route), reference), 1e-11);
      network.tensor(tensor).multiplier /= 1 + 1e-8;
    }
  }
}

TEST(KernelBlock, TheRouteIsTheOneWithFewerFlops) {
  // One position: products of signals, whatever the widths.
  LinearBlockShape shape{64, 64, 1, 100, 100, 1, 1};
  EXPECT_EQ(linear_block_cost(shape, SignalRoute::automatic).route, SignalRoute::signals);
  // T² (in/C² + out) against in·out, up to what it costs to make the gradients.
  shape.positions = 10;
  EXPECT_EQ(linear_block_cost(shape, SignalRoute::automatic).route, SignalRoute::materialised);
  shape.in = shape.out = 512;
  EXPECT_EQ(linear_block_cost(shape, SignalRoute::automatic).route, SignalRoute::signals);
  // What is asked for is done, at its own cost.
  const double materialised = linear_block_cost(shape, SignalRoute::materialised).flops;
  EXPECT_EQ(materialised, 2.0 * 512 * 512 * (100 * 100 + 10 * 200));
  EXPECT_LT(linear_block_cost(shape, SignalRoute::automatic).flops, materialised);
}

TEST(KernelBlock, FlopsCountEveryPart) {
  const MadeUpNetwork network;
  const auto rows = network.signals(6, 2, 50), columns = network.signals(5, 1, 60);
  const double pairs = 12 * 5;
  EXPECT_EQ(kernel_block_flops(network, rows, columns, SignalRoute::signals),
            2.0 * 16 * (30 * 5 + pairs * 4) + 2.0 * pairs * 3 + 2.0 * (30 * 3 + pairs * 3) +
                2.0 * pairs * 6);
}

TEST(KernelBlockDeathTest, SignalsOfOtherLayersAreRefused) {
  const MadeUpNetwork network;
  const auto rows = network.signals(2, 1, 50);
  auto columns = rows;
  std::swap(columns.linear[0], columns.linear[1]);
  EXPECT_DEATH(block(network, rows, columns, SignalRoute::signals), "linear tensor");
}

/// Relative Frobenius distance of the finite kernel from that of infinite width, mean over seeds.
double distance_to_infinite_width(std::int64_t width) {
  constexpr std::int64_t dim = 4, samples = 6, seeds = 4;
  MlpShape shape;
  shape.input = dim;
  shape.hidden = {width, width};
  shape.parametrisation = Parametrisation::ntk;
  shape.weight_variance = 2;
  shape.bias_variance = 0.1;
  const auto network = make_mlp<double>(shape);
  const auto x = numbers(dim * samples, 1);
  const auto dot = [&](std::int64_t i, std::int64_t j) {
    double sum = 0;
    for (std::int64_t k = 0; k < dim; ++k)
      sum += x[static_cast<std::size_t>(k + dim * i)] * x[static_cast<std::size_t>(k + dim * j)];
    return sum;
  };
  // The recursion of Jacot et al. with the arc-cosine kernels, written out.
  const auto closed_form = [&](std::int64_t i, std::int64_t j) {
    double s = 2 * dot(i, j) / dim + 0.1, a = 2 * dot(i, i) / dim + 0.1,
           b = 2 * dot(j, j) / dim + 0.1, theta = s;
    for (int layer = 0; layer < 2; ++layer) {
      const double angle = std::acos(std::clamp(s / std::sqrt(a * b), -1.0, 1.0));
      const double derivative = (M_PI - angle) / M_PI;
      s = std::sqrt(a * b) / M_PI * (std::sin(angle) + (M_PI - angle) * std::cos(angle)) + 0.1;
      a += 0.1;
      b += 0.1;
      theta = s + derivative * theta;
    }
    return theta;
  };
  double error = 0, scale = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto parameters = initial_parameters(*network, seed);
    const auto signals = signals_of(*network, parameters, dim, samples, 1, 1);
    const auto kernel = block(*network, signals, signals, SignalRoute::automatic);
    for (std::int64_t i = 0; i < samples; ++i)
      for (std::int64_t j = 0; j < samples; ++j) {
        const double exact = closed_form(i, j);
        error += std::pow(kernel[static_cast<std::size_t>(i + samples * j)] - exact, 2);
        scale += exact * exact;
      }
  }
  return std::sqrt(error / scale);
}

TEST(KernelBlock, OfAWideNetworkIsNearTheClosedForm) {
  const double narrow = distance_to_infinite_width(64), wide = distance_to_infinite_width(1024);
  // 1/√width: a factor 4, with the scatter of four seeds.
  EXPECT_LT(wide, narrow / 2);
  EXPECT_LT(wide, 0.1);
  EXPECT_GT(narrow, 0.02);
}

}  // namespace
}  // namespace fathom
