// Small versions of the study: three widths, four seeds; what its verdict is worth; and that the
// closed form is the expectation of the finite kernel, layer factors and biases included.

#include "width_limit.hpp"

#include <gtest/gtest.h>

namespace fathom::test {
namespace {

constexpr int seeds = 4;
constexpr double band = 0.25;
const std::vector<std::int64_t> widths = {16, 64, 256};

std::vector<LimitCase> some_cases() {
  return {{ActivationKind::relu, 2, 0.1, 3},
          {ActivationKind::erf, 2, 0.1, 3},
          {ActivationKind::relu, 3, 0.0, 3},
          {ActivationKind::erf, 3, 0.0, 3}};
}

TEST(TangentKernelLimit, distance_falls_like_root_of_width) {
  const LimitPoints points(Communicator::world(), 30, 8);
  for (const LimitCase& c : some_cases()) {
    const DistMatrix limit = points.limit(c.limit());
    const Slope slope = slope_of(distances(points, c, limit, widths, seeds));
    EXPECT_TRUE(falls_like_root_of_width(slope, band))
        << c.text() << ": " << slope.value << " +- " << slope.standard_error;
  }
}

TEST(TangentKernelLimit, distance_from_a_wrong_limit_saturates) {
  const LimitPoints points(Communicator::world(), 30, 8);
  for (const LimitCase& c : {some_cases().front(), some_cases().back()}) {
    MlpKernelOptions weights = c.limit(), biases = c.limit();
    weights.weight_variance *= 1.2;
    biases.bias_variance = c.bias_variance > 0 ? 0.0 : 0.1;
    for (const MlpKernelOptions& wrong : {weights, biases}) {
      const DistMatrix limit = points.limit(wrong);
      const Slope slope = slope_of(distances(points, c, limit, widths, seeds));
      EXPECT_GT(slope.value, band - 0.5)
          << c.text() << ": " << slope.value << " +- " << slope.standard_error;
    }
  }
}

TEST(TangentKernelLimit, without_a_hidden_layer_is_reached) {
  const LimitPoints points(Communicator::world(), 30, 8);
  for (const double bias_variance : {0.0, 0.1}) {
    const LimitCase c{ActivationKind::relu, 0, bias_variance, 2};
    EXPECT_LT(points.distance(points.kernel(c, 1, 1), points.limit(c.limit()), 2), 1e-14);
  }
}

/// The mean kernel of many networks, and the root mean square distance of one from the limit over
/// √(their number): how far the mean may be.
struct MeanKernel {
  DistMatrix mean;
  double standard_error = 0;
};

MeanKernel mean_kernel(const LimitPoints& points, const LimitCase& c, std::int64_t width) {
  constexpr int networks = 1000;
  const DistMatrix limit = points.limit(c.limit());
  MeanKernel made{points.limit(c.limit())};
  made.mean.fill(0.0);
  double squares = 0;
  for (int s = 1; s <= networks; ++s) {
    const DistMatrix k = points.kernel(c, width, static_cast<std::uint64_t>(s));
    for (std::int64_t j = 0; j < k.local_cols(); ++j)
      for (std::int64_t i = 0; i < k.local_rows(); ++i)
        made.mean.local()(i, j) += k.local()(i, j) / networks;
    squares += std::pow(points.distance(k, limit, 1), 2);
  }
  made.standard_error = std::sqrt(squares) / networks;
  return made;
}

// After one hidden layer E K = Θ at every width: sums over neurons, whose outgoing weights are
// independent of the rest.
TEST(TangentKernelLimit, of_one_hidden_layer_is_the_expectation_at_any_width) {
  const LimitPoints points(Communicator::world(), 9, 3);
  for (const ActivationKind activation : {ActivationKind::relu, ActivationKind::erf})
    for (const double bias_variance : {0.0, 0.1}) {
      const LimitCase c{activation, 1, bias_variance, 1};
      const auto [mean, standard_error] = mean_kernel(points, c, 16);
      EXPECT_LT(points.distance(mean, points.limit(c.limit()), 1), 3 * standard_error) << c.text();
      MlpKernelOptions weights = c.limit(), biases = c.limit();
      weights.weight_variance *= 1.1;
      biases.bias_variance += 0.05;
      for (const MlpKernelOptions& wrong : {weights, biases})
        EXPECT_GT(points.distance(mean, points.limit(wrong), 1), 3 * standard_error) << c.text();
    }
}

TEST(SlopeOfDistances, is_that_of_a_power) {
  const std::vector<WidthDistance> power = {{4, 3.0, 0.03}, {16, 1.5, 0.015}, {64, 0.75, 0.0}};
  const Slope slope = slope_of(power);
  EXPECT_NEAR(slope.value, -0.5, 1e-14);
  // Weights −1, 0, 1 over 2 ln 4, relative errors 1 %, 1 %, 0.
  EXPECT_NEAR(slope.standard_error, 0.01 / (2 * std::log(4.0)), 1e-15);
  EXPECT_TRUE(falls_like_root_of_width({-0.41, 0}, 0.1));
  EXPECT_FALSE(falls_like_root_of_width({-0.39, 0}, 0.1));
  EXPECT_FALSE(falls_like_root_of_width({-0.61, 0}, 0.1));
  EXPECT_FALSE(falls_like_root_of_width({std::nan(""), 0}, 0.1));
}

}  // namespace
}  // namespace fathom::test
