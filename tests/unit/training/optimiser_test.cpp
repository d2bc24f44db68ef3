#include "training/optimiser.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

ParameterTensor tensor(std::int64_t offset, std::int64_t rows, double sgd_rate = 1,
                       double adam_rate = 1) {
  ParameterTensor t;
  t.name = "tensor";
  t.rows = rows;
  t.offset = offset;
  t.sgd_rate = sgd_rate;
  t.adam_rate = adam_rate;
  return t;
}

/// Gradients without a pattern, of sizes from 1e-3 to 1e1.
double made_up_gradient(int step, int entry) {
  return std::pow(10.0, entry % 5 - 3) * (std::sin(1.7 * step + entry) + 0.3);
}

/// Algorithm 1 of Kingma & Ba for one number, in long double; `corrected` switches the correction
/// of the moments' bias, its step 4, off.
struct ScalarAdam {
  long double rate, beta1, beta2, epsilon, coupled, decoupled;
  bool corrected = true;
  long double m = 0, v = 0;
  int t = 0;
  void step(long double& x, long double gradient) {
    ++t;
    const long double g = gradient + coupled * x;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const long double mhat = corrected ? m / (1 - std::pow(beta1, t)) : m;
    const long double vhat = corrected ? v / (1 - std::pow(beta2, t)) : v;
    x -= decoupled * rate * x + rate * mhat / (std::sqrt(vhat) + epsilon);
  }
};

/// The largest distance of 50 steps on five numbers from the scalar algorithm.
double distance_from_scalar(const Optimiser& optimiser, double adam_rate, bool corrected) {
  const double rate = 0.02;
  const std::vector<ParameterTensor> tensors{tensor(0, 5, 1, adam_rate)};
  std::vector<double> x{1, -1, 0.5, 2, -3}, g(5);
  std::vector<long double> expected(x.begin(), x.end());
  const bool apart = optimiser.kind == OptimiserKind::adamw;
  // The decoupled term does not have the tensor's factor.
  ScalarAdam scalar{rate * adam_rate,
                    optimiser.beta1,
                    optimiser.beta2,
                    optimiser.epsilon,
                    apart ? 0 : optimiser.weight_decay,
                    apart ? optimiser.weight_decay / adam_rate : 0,
                    corrected};
  std::vector<ScalarAdam> scalars(5, scalar);
  OptimiserState<double> state;
  double distance = 0;
  for (int step = 0; step < 50; ++step) {
    for (int i = 0; i < 5; ++i)
      g[static_cast<std::size_t>(i)] = made_up_gradient(step, i);
    update<double>(optimiser, tensors, rate, g, state, x);
    for (std::size_t i = 0; i < 5; ++i) {
      scalars[i].step(expected[i], g[i]);
      distance = std::max(distance, std::abs(x[i] - static_cast<double>(expected[i])));
    }
  }
  return distance;
}

TEST(Optimiser, gradient_descent_by_hand_with_the_tensors_factors) {
  const std::vector<ParameterTensor> tensors{tensor(0, 1), tensor(1, 1, 2.0)};
  std::vector<double> x{1, 2};
  OptimiserState<double> state;
  update<double>({}, tensors, 0.25, std::vector<double>{0.5, -1}, state, x);
  EXPECT_THAT(x, ElementsAre(0.875, 2.5));
  EXPECT_EQ(state.updates, 1);
  EXPECT_TRUE(state.first.empty() && state.second.empty());
}

TEST(Optimiser, weight_decay_joins_the_gradient_after_clipping) {
  const std::vector<ParameterTensor> tensors{tensor(0, 2)};
  std::vector<double> x{10, 20};
  OptimiserState<double> state;
  // (3, 4) has norm 5, clipped to (0.6, 0.8); + 0.1·(10, 20) = (1.6, 2.8).
  update<double>({.weight_decay = 0.1, .clip_norm = 1}, tensors, 0.5, std::vector<double>{3, 4},
                 state, x);
  EXPECT_THAT(x, ElementsAre(DoubleEq(9.2), DoubleEq(18.6)));
}

TEST(Optimiser, a_short_gradient_is_not_clipped) {
  const std::vector<ParameterTensor> tensors{tensor(0, 2)};
  std::vector<double> x{0, 0};
  OptimiserState<double> state;
  update<double>({.clip_norm = 5}, tensors, 1, std::vector<double>{3, 4}, state, x);
  EXPECT_THAT(x, ElementsAre(-3, -4));
}

TEST(Optimiser, heavy_ball_by_hand) {
  const std::vector<ParameterTensor> tensors{tensor(0, 1, 2.0)};
  const Optimiser optimiser{.kind = OptimiserKind::momentum, .momentum = 0.5};
  std::vector<double> x{0};
  OptimiserState<double> state;
  // v = 1, 1.5, 0.75 for gradients 1, 1, 0; each moves x by −0.25·2·v.
  update<double>(optimiser, tensors, 0.25, std::vector<double>{1}, state, x);
  EXPECT_THAT(x, ElementsAre(-0.5));
  update<double>(optimiser, tensors, 0.25, std::vector<double>{1}, state, x);
  EXPECT_THAT(x, ElementsAre(-1.25));
  update<double>(optimiser, tensors, 0.25, std::vector<double>{0}, state, x);
  EXPECT_THAT(x, ElementsAre(-1.625));
  EXPECT_THAT(state.first, ElementsAre(0.75));
}

TEST(Optimiser, nesterov_by_hand) {
  const std::vector<ParameterTensor> tensors{tensor(0, 1)};
  const Optimiser optimiser{.kind = OptimiserKind::momentum, .momentum = 0.5, .nesterov = true};
  std::vector<double> x{0};
  OptimiserState<double> state;
  // v = 1, 1.5; directions 1 + 0.5·1 and 1 + 0.5·1.5.
  update<double>(optimiser, tensors, 1, std::vector<double>{1}, state, x);
  EXPECT_THAT(x, ElementsAre(-1.5));
  update<double>(optimiser, tensors, 1, std::vector<double>{1}, state, x);
  EXPECT_THAT(x, ElementsAre(-3.25));
}

TEST(Optimiser, adam_against_the_scalar_algorithm) {
  EXPECT_LT(distance_from_scalar({.kind = OptimiserKind::adam}, 1, true), 1e-13);
  EXPECT_LT(distance_from_scalar({.kind = OptimiserKind::adam, .weight_decay = 0.3}, 0.5, true),
            1e-13);
  EXPECT_LT(
      distance_from_scalar(
          {.kind = OptimiserKind::adam, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3}, 1, true),
      1e-13);
}

TEST(Optimiser, adamw_against_the_scalar_algorithm) {
  EXPECT_LT(distance_from_scalar({.kind = OptimiserKind::adamw, .weight_decay = 0.3}, 1, true),
            1e-13);
  EXPECT_LT(distance_from_scalar({.kind = OptimiserKind::adamw, .weight_decay = 0.3}, 0.25, true),
            1e-13);
}

TEST(Optimiser, the_scalar_algorithm_tells_a_missing_correction) {
  EXPECT_GT(distance_from_scalar({.kind = OptimiserKind::adam}, 1, false), 1e-2);
}

TEST(Optimiser, decoupled_decay_of_a_zero_gradient_is_geometric_whatever_the_factor) {
  const std::vector<ParameterTensor> tensors{tensor(0, 1, 1, 1e-3)};
  const Optimiser optimiser{.kind = OptimiserKind::adamw, .weight_decay = 0.5};
  std::vector<double> x{1};
  OptimiserState<double> state;
  for (int step = 0; step < 3; ++step)
    update<double>(optimiser, tensors, 0.5, std::vector<double>{0}, state, x);
  EXPECT_THAT(x, ElementsAre(0.75 * 0.75 * 0.75));
}

TEST(Optimiser, adams_first_step_is_the_rate_whatever_the_gradients_size) {
  const std::vector<ParameterTensor> tensors{tensor(0, 2)};
  std::vector<double> x{0, 0};
  OptimiserState<double> state;
  update<double>({.kind = OptimiserKind::adam, .epsilon = 0}, tensors, 0.1,
                 std::vector<double>{1e-4, -1e4}, state, x);
  EXPECT_NEAR(x[0], -0.1, 1e-15);
  EXPECT_NEAR(x[1], 0.1, 1e-15);
}

TEST(Optimiser, single_precision_follows_double) {
  for (const auto kind :
       {OptimiserKind::sgd, OptimiserKind::momentum, OptimiserKind::adam, OptimiserKind::adamw}) {
    const Optimiser optimiser{.kind = kind, .weight_decay = 0.01, .clip_norm = 2};
    const std::vector<ParameterTensor> tensors{tensor(0, 4)};
    std::vector<double> x{1, -1, 0.5, 2}, g(4);
    std::vector<float> y(x.begin(), x.end());
    OptimiserState<double> state;
    OptimiserState<float> single;
    for (int step = 0; step < 20; ++step) {
      for (int i = 0; i < 4; ++i)
        g[static_cast<std::size_t>(i)] = made_up_gradient(step, i);
      update<double>(optimiser, tensors, 0.01, g, state, x);
      update<float>(optimiser, tensors, 0.01, g, single, y);
    }
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(static_cast<double>(y[i]), x[i], 1e-5) << name(kind);
  }
}

TEST(Optimiser, what_is_not_finite_reaches_the_parameters) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<ParameterTensor> tensors{tensor(0, 1)};
  for (const auto kind :
       {OptimiserKind::sgd, OptimiserKind::momentum, OptimiserKind::adam, OptimiserKind::adamw})
    for (const double gradient : {nan, infinity}) {
      std::vector<double> x{1};
      OptimiserState<double> state;
      update<double>({.kind = kind, .clip_norm = 1}, tensors, 0.1, std::vector<double>{gradient},
                     state, x);
      EXPECT_FALSE(std::isfinite(x[0])) << name(kind) << " " << gradient;
    }
}

TEST(Optimiser, moments_are_counted_as_they_are_allocated) {
  for (const auto kind :
       {OptimiserKind::sgd, OptimiserKind::momentum, OptimiserKind::adam, OptimiserKind::adamw}) {
    OptimiserState<double> state;
    prepare(Optimiser{.kind = kind}, 7, state);
    EXPECT_EQ(state.first.size() + state.second.size(),
              7 * static_cast<std::size_t>(moments(kind)));
  }
}

}  // namespace
}  // namespace fathom
