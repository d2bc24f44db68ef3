#include "spectral/position.hpp"

#include "../spectral/sampled_spectrum.hpp"
#include "base/random.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Owns what KernelModes looks at.
struct Kernel {
  std::vector<double> eigenvalue, error_bound;
  std::vector<int> state;
  double trace = 0.0;
  std::int64_t outputs = 0;
  std::int64_t unlisted_null = 0;

  KernelModes modes() const {
    return {eigenvalue, error_bound, state, trace, outputs, unlisted_null};
  }
};

/// Four outputs, λ = 8, 4, 2 trusted and one mode of rounding noise.
Kernel four_outputs() {
  return {{8.0, 4.0, 2.0, 1e-17}, {1e-14, 1e-14, 1e-14, 1e-14}, {1, 1, 1, 0}, 14.0, 4, 0};
}

TEST(Position, ByHand) {
  // p² = 1, 4, 9, 2: decrease 8 + 16 + 18, of |g|² = 16.
  const std::vector<double> p{1.0, -2.0, 3.0, std::sqrt(2.0)};
  const SpectralPosition at = spectral_position(four_outputs().modes(), p, 16.0);
  EXPECT_DOUBLE_EQ(at.chi_loss, 16.0);
  EXPECT_DOUBLE_EQ(at.chi_net, 14.0);
  EXPECT_DOUBLE_EQ(at.decrease, 42.0);
  EXPECT_DOUBLE_EQ(at.decrease_error, 14e-14);
  EXPECT_DOUBLE_EQ(at.chi_pos, 42.0 / (16.0 * 14.0));
  EXPECT_DOUBLE_EQ(at.chi_pos_trusted, 42.0 / (14.0 * 14.0));
  EXPECT_NEAR(at.unreachable_fraction, 2.0 / 16.0, 1e-15);
  EXPECT_EQ(at.unresolved_fraction, 0.0);
  EXPECT_DOUBLE_EQ(at.null_level, 0.25);
  EXPECT_DOUBLE_EQ(at.over_null(), 0.75);
  EXPECT_DOUBLE_EQ(at.top_level, 8.0 / 14.0);
  EXPECT_DOUBLE_EQ(at.trusted_floor, 0.25);
  EXPECT_EQ(at.trusted, 3);
  EXPECT_EQ(at.half.mode(), 2);  // 24 of 42
  EXPECT_DOUBLE_EQ(at.half.relative_eigenvalue, 0.5);
  EXPECT_EQ(at.ninety.mode(), 3);
  EXPECT_DOUBLE_EQ(at.ninety.relative_eigenvalue, 0.25);
}

TEST(Position, TopModeAndRandomDirectionMeetTheirLevels) {
  const Kernel kernel{{3.0, 2.0, 1.0}, {0.0, 0.0, 0.0}, {1, 1, 1}, 6.0, 3, 0};
  const SpectralPosition top =
      spectral_position(kernel.modes(), std::vector<double>{5.0, 0.0, 0.0}, 25.0);
  EXPECT_DOUBLE_EQ(top.of_top(), 1.0);
  EXPECT_EQ(top.ninety.mode(), 1);
  const SpectralPosition even =
      spectral_position(kernel.modes(), std::vector<double>{1.0, 1.0, 1.0}, 3.0);
  EXPECT_DOUBLE_EQ(even.over_null(), 1.0);
}

TEST(Position, AnUntrustedModeCountedAsTrustedMovesTheDepth) {
  // A trained model: its residual sits in the mode of noise.
  Kernel kernel = four_outputs();
  const std::vector<double> p{1e-10, 1e-10, 1e-10, 1.0};
  const SpectralPosition honest = spectral_position(kernel.modes(), p, 1.0 + 3e-20);
  EXPECT_EQ(honest.half.mode(), 1);
  EXPECT_EQ(honest.ninety.mode(), 3);
  EXPECT_NEAR(honest.chi_pos_trusted, 14.0 / (3.0 * 14.0), 1e-12);
  EXPECT_NEAR(honest.unreachable_fraction, 1.0, 1e-15);
  kernel.state[3] = 1;  // the fault
  kernel.error_bound[3] = 0.0;
  const SpectralPosition fooled = spectral_position(kernel.modes(), p, 1.0 + 3e-20);
  EXPECT_EQ(fooled.half.mode(), 4);
  EXPECT_LT(fooled.chi_pos_trusted, 1e-17);
}

TEST(Position, DepthOfADegeneratePairDoesNotDependOnItsBasis) {
  const Kernel kernel{
      {4.0, 2.0, 2.0 - 1e-14, 1.0}, {1e-14, 1e-14, 1e-14, 1e-14}, {1, 1, 1, 1}, 9.0 - 1e-14, 4, 0};
  for (const double angle : {0.0, 0.3, 0.8, 1.5}) {
    const std::vector<double> p{0.1, 3.0 * std::cos(angle), 3.0 * std::sin(angle), 0.1};
    const SpectralPosition at = spectral_position(kernel.modes(), p, 9.02);
    EXPECT_EQ(at.half.modes, (ModeRange{2, 3})) << angle;
    EXPECT_EQ(at.half.mode(), 3) << angle;
  }
}

TEST(Position, GroupsDoNotChainDownTheSpectrum) {
  // Each neighbour is within the bounds of the next, the first and the last are far apart.
  const std::vector<double> value{1.0, 0.9, 0.8, 0.7}, bound(4, 0.06), even(4, 1.0);
  EXPECT_EQ(decrease_depth(value, bound, even, 0.5).modes, (ModeRange{1, 2}));
  EXPECT_EQ(decrease_depth(value, bound, even, 0.6).modes, (ModeRange{3, 4}));
  EXPECT_EQ(decrease_depth(value, {}, even, 0.6).modes, (ModeRange{3, 3}));
}

TEST(Position, DepthLeavesOutModesThatAreNotTrusted) {
  const std::vector<double> value{2.0, nan, 1.0}, decrease{1.0, 100.0, 1.0};
  EXPECT_EQ(decrease_depth(value, {}, decrease, 0.5).mode(), 1);
  EXPECT_EQ(decrease_depth(value, {}, decrease, 0.9).mode(), 3);
  EXPECT_FALSE(decrease_depth(value, {}, std::vector<double>(3, 0.0), 0.5).found());
}

TEST(Position, WhatNoModeStandsForIsNullOrUnresolved) {
  // Two modes of four outputs: the other two null by rank, or simply not computed.
  Kernel kernel{{2.0, 1.0}, {0.0, 0.0}, {1, 1}, 3.0, 4, 2};
  const std::vector<double> p{1.0, 1.0};
  const SpectralPosition rank = spectral_position(kernel.modes(), p, 8.0);
  EXPECT_DOUBLE_EQ(rank.unreachable_fraction, 0.75);
  EXPECT_EQ(rank.unresolved_fraction, 0.0);
  kernel.unlisted_null = 0;
  const SpectralPosition part = spectral_position(kernel.modes(), p, 8.0);
  EXPECT_EQ(part.unreachable_fraction, 0.0);
  EXPECT_DOUBLE_EQ(part.unresolved_fraction, 0.75);
  // Listed as null, without eigenvectors.
  const Kernel listed{{2.0, 1.0, nan, nan}, {0.0, 0.0, nan, nan}, {1, 1, 2, 2}, 3.0, 4, 0};
  const SpectralPosition named =
      spectral_position(listed.modes(), std::vector<double>{1.0, 1.0, nan, nan}, 8.0);
  EXPECT_DOUBLE_EQ(named.unreachable_fraction, 0.75);
}

TEST(Position, SmallUnreachablePartIsKept) {
  // By subtraction from |g|² this would be lost.
  const SpectralPosition at =
      spectral_position(four_outputs().modes(), std::vector<double>{1.0, 1.0, 1.0, 1e-12}, 3.0);
  EXPECT_NEAR(at.unreachable_fraction, 1e-24 / 3.0, 1e-36);
}

TEST(Position, NothingToDivideByGivesNaN) {
  const SpectralPosition done =
      spectral_position(four_outputs().modes(), std::vector<double>(4, 0.0), 0.0);
  EXPECT_TRUE(std::isnan(done.chi_pos));
  EXPECT_FALSE(done.half.found());
  const Kernel dead{{0.0, 0.0}, {1e-20, 1e-20}, {0, 0}, 0.0, 2, 0};
  const SpectralPosition still =
      spectral_position(dead.modes(), std::vector<double>{1.0, 0.0}, 1.0);
  EXPECT_TRUE(std::isnan(still.chi_pos));
  EXPECT_EQ(still.unreachable_fraction, 1.0);
}

TEST(PositionDeath, InconsistentInputIsRefused) {
  const std::vector<double> p{1.0, 1.0, 1.0, 1.0};
  const Kernel good = four_outputs();
  EXPECT_DEATH(spectral_position(good.modes(), p, 5.0), "projections hold 4");
  EXPECT_DEATH(spectral_position(good.modes(), p, 3.9), "projections hold 4");
  EXPECT_DEATH(spectral_position(good.modes(), std::vector<double>{1.0}, 1.0), "1 projections");
  Kernel kernel = good;
  kernel.state[3] = 1;  // its bound is a thousand times its value
  EXPECT_DEATH(spectral_position(kernel.modes(), p, 4.0), "mode 4 is no trusted one");
  kernel = good;
  std::swap(kernel.eigenvalue[0], kernel.eigenvalue[1]);
  EXPECT_DEATH(spectral_position(kernel.modes(), p, 4.0), "mode 2: 8 after 4");
  kernel = good;
  kernel.trace = 13.0;
  EXPECT_DEATH(spectral_position(kernel.modes(), p, 4.0), "sum to 14, the trace is 13");
  kernel = good;
  kernel.outputs = 3;
  EXPECT_DEATH(spectral_position(kernel.modes(), p, 4.0), "of 3 outputs");
}

TEST(Position, QuadratureAgreesWithTheSpectrumThatItIs) {
  const std::vector<double> p{1.0, -2.0, 3.0, std::sqrt(2.0)};
  const GaussQuadrature measure{{8.0, 4.0, 2.0, 1e-17}, {1.0, 4.0, 9.0, 2.0}};
  const SpectralPosition dense = spectral_position(four_outputs().modes(), p, 16.0);
  const SpectralPosition sparse = spectral_position(measure, 16.0, {14.0, 8.0, 1e-13, 4});
  EXPECT_DOUBLE_EQ(sparse.chi_pos, dense.chi_pos);
  EXPECT_DOUBLE_EQ(sparse.chi_pos_trusted, dense.chi_pos_trusted);
  EXPECT_NEAR(sparse.unreachable_fraction, dense.unreachable_fraction, 1e-15);
  EXPECT_DOUBLE_EQ(sparse.top_level, dense.top_level);
  EXPECT_DOUBLE_EQ(sparse.half.relative_eigenvalue, dense.half.relative_eigenvalue);
  EXPECT_DOUBLE_EQ(sparse.half.high, 1.0);
  EXPECT_DOUBLE_EQ(sparse.half.low, 0.25);
  EXPECT_EQ(sparse.half.mode(), 0) << "a quadrature has no index";
  EXPECT_DOUBLE_EQ(sparse.ninety.relative_eigenvalue, 0.25);
}

TEST(Position, QuadratureOfFewNodesBracketsTheDepth) {
  // Two-point Gauss rule of four equal modes 1, 2, 3, 4: mean 2.5, variance 1.25, symmetric.
  const double spread = std::sqrt(1.25);
  const GaussQuadrature rule{{2.5 + spread, 2.5 - spread}, {2.0, 2.0}};
  const SpectralPosition at = spectral_position(rule, 4.0, {10.0, 4.0, 0.0, 4});
  const std::vector<double> value{4.0, 3.0, 2.0, 1.0};
  const DecreaseDepth truth = decrease_depth(value, {}, value, 0.5);
  EXPECT_DOUBLE_EQ(at.chi_pos, 0.25);
  EXPECT_LE(at.half.low, truth.relative_eigenvalue);
  EXPECT_GE(at.half.high, truth.relative_eigenvalue);
}

/// Lanczos on a diagonal matrix, reorthogonalised; nodes by bisection, weights 1/Σ q_j(node)².
GaussQuadrature textbook_lanczos(const std::vector<double>& value, const std::vector<double>& start,
                                 std::size_t steps) {
  const auto dot = [](const std::vector<double>& x, const std::vector<double>& y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const double square = dot(start, start);
  std::vector<std::vector<double>> basis{start};
  std::vector<double> alpha, beta;
  for (double& x : basis[0])
    x /= std::sqrt(square);
  for (std::size_t j = 0; j < steps; ++j) {
    std::vector<double> next(value.size());
    for (std::size_t k = 0; k < value.size(); ++k)
      next[k] = value[k] * basis[j][k];
    alpha.push_back(dot(next, basis[j]));
    for (int twice = 0; twice < 2; ++twice)
      for (const std::vector<double>& q : basis) {
        const double c = dot(next, q);
        for (std::size_t k = 0; k < value.size(); ++k)
          next[k] -= c * q[k];
      }
    beta.push_back(std::sqrt(dot(next, next)));
    for (double& x : next)
      x /= beta.back();
    basis.push_back(next);
  }
  GaussQuadrature rule;
  rule.node =
      test::tridiagonal_eigenvalues(alpha, std::vector<double>(beta.begin(), beta.end() - 1));
  for (const double node : rule.node) {
    double before = 0.0, now = 1.0, sum = 1.0;
    for (std::size_t j = 0; j + 1 < steps; ++j) {
      const double next =
          ((node - alpha[j]) * now - (j > 0 ? beta[j - 1] * before : 0.0)) / beta[j];
      before = now;
      now = next;
      sum += now * now;
    }
    rule.weight.push_back(square / sum);
  }
  return rule;
}

TEST(Position, LanczosBracketsTheDepthOfTheSpectrum) {
  constexpr std::size_t n = 40;
  for (int draw = 0; draw < 50; ++draw) {
    Kernel kernel;
    std::vector<double> p(n);
    double square = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
      kernel.eigenvalue.push_back(std::pow(static_cast<double>(k + 1), -1.2));
      p[k] = normal({3, Stream::test}, draw, static_cast<std::int64_t>(k));
      square += p[k] * p[k];
      kernel.trace += kernel.eigenvalue.back();
    }
    kernel.error_bound.assign(n, 0.0);
    kernel.state.assign(n, 1);
    kernel.outputs = n;
    const SpectralPosition dense = spectral_position(kernel.modes(), p, square);
    for (const std::size_t steps : {3, 6, 9}) {
      const SpectralPosition sparse = spectral_position(
          textbook_lanczos(kernel.eigenvalue, p, steps), square, {kernel.trace, 1.0, 0.0, n});
      EXPECT_NEAR(sparse.chi_pos / dense.chi_pos, 1.0, 1e-9);
      for (const auto& [truth, found] :
           {std::pair{dense.half, sparse.half}, std::pair{dense.ninety, sparse.ninety}}) {
        EXPECT_LE(found.low, truth.relative_eigenvalue * (1.0 + 1e-9)) << draw << ' ' << steps;
        EXPECT_GE(found.high, truth.relative_eigenvalue * (1.0 - 1e-9)) << draw << ' ' << steps;
      }
    }
  }
}

TEST(PositionDeath, QuadratureWhoseWeightsAreNotTheGradient) {
  const GaussQuadrature rule{{2.0, 1.0}, {1.0, 1.0}};
  EXPECT_DEATH(spectral_position(rule, 2.1, {3.0, 2.0, 0.0, 2}), "weights sum to 2");
  EXPECT_DEATH(spectral_position(rule, 2.0, {3.0, 1.5, 0.0, 2}), "above the top eigenvalue");
}

TEST(Position, FromGradientsWithAnExactTrace) {
  const GradientPosition at = position_from_gradients(42.0, 16.0, {14.0, 0.0, 0});
  EXPECT_DOUBLE_EQ(at.chi_pos, 42.0 / (16.0 * 14.0));
  EXPECT_EQ(at.standard_error, 0.0);
  EXPECT_EQ(at.low, at.high);
}

TEST(Position, HutchinsonsIntervalHoldsTheTruthAsOftenAsItSays) {
  // Θ with diagonal 1, 2, 3 and off-diagonal 1/2: tr = 6, χ_pos = δL/(χ_loss·6).
  constexpr int trials = 2000, probes = 16;
  int inside = 0;
  double error = 0.0;
  std::vector<double> estimate;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> form;
    for (int m = 0; m < probes; ++m) {
      double z[3];
      for (int i = 0; i < 3; ++i)
        z[i] = uniform({7, Stream::test}, trial * probes + m, i) < 0.5 ? -1.0 : 1.0;
      form.push_back(6.0 + z[0] * z[1] + z[0] * z[2] + z[1] * z[2]);
    }
    const TraceEstimate trace = hutchinson_trace(form);
    const GradientPosition at = position_from_gradients(1.0, 1.0, trace);
    estimate.push_back(trace.value);
    error += trace.standard_error * trace.standard_error / trials;
    inside += at.low <= 1.0 / 6.0 && 1.0 / 6.0 <= at.high ? 1 : 0;
  }
  EXPECT_GT(inside, 0.92 * trials);
  EXPECT_LT(inside, 0.985 * trials);
  // 2(‖Θ‖_F² − Σ Θ_ii²)/m = 2·(6/4)/m
  EXPECT_NEAR(error, 3.0 / probes, 0.01);
}

TEST(Position, AnIntervalOfTheTraceNeverGivesMoreThanOne) {
  const GradientPosition at = position_from_gradients(5.0, 1.0, {6.0, 4.0, 2});
  EXPECT_EQ(at.high, 1.0);
  EXPECT_GT(at.low, 0.0);
}

TEST(Position, SignalAndNoiseShareTheDecrease) {
  const std::vector<double> value{4.0, 1.0, nan}, signal{1.0, 0.5, 9.0}, noise{0.5, -1.0, 9.0};
  const DecreaseSplit split = split_decrease(value, signal, noise);
  EXPECT_DOUBLE_EQ(split.signal, 4.25);
  EXPECT_DOUBLE_EQ(split.noise, 2.0);
  EXPECT_DOUBLE_EQ(split.cross, 2.0 * (2.0 - 0.5));
  EXPECT_DOUBLE_EQ(split.total(), 4.0 * 1.5 * 1.5 + 0.25);
  EXPECT_DOUBLE_EQ(split.signal_share() + split.noise_share() + split.cross_share(), 1.0);
}

TEST(Position, CrossFormIsSymmetricAndSeesInterference) {
  const std::vector<double> value{4.0, 1.0}, a{1.0, 1.0}, b{-1.0, 2.0};
  EXPECT_DOUBLE_EQ(cross_decrease(value, a, b), -2.0);
  EXPECT_DOUBLE_EQ(cross_decrease(value, b, a), -2.0);
}

}  // namespace
}  // namespace fathom
