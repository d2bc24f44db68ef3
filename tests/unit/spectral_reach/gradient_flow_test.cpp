#include "spectral/gradient_flow.hpp"

#include "spectral/position.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(GradientFlow, EachModeDecaysAtItsOwnRate) {
  const std::vector<double> r =
      flow_residual(std::vector<double>{2.0, 1.0, 0.0}, std::vector<double>{1.0, -3.0, 5.0}, 0.5);
  EXPECT_DOUBLE_EQ(r[0], std::exp(-1.0));
  EXPECT_DOUBLE_EQ(r[1], -3.0 * std::exp(-0.5));
  EXPECT_DOUBLE_EQ(r[2], 5.0);
}

TEST(GradientFlow, DescentStepByStep) {
  const std::vector<double> lambda{3.0, 2.0, 1.0, 0.1}, r0{1.0, 1.0, 1.0, 1.0};
  std::vector<double> r = r0;
  for (int step = 0; step < 7; ++step)
    for (std::size_t k = 0; k < r.size(); ++k)
      r[k] *= 1.0 - 0.5 * lambda[k];
  const std::vector<double> closed = descent_residual(lambda, r0, 0.5, 7);
  EXPECT_LT(closed[0], 0.0) << "past 1/λ the sign changes at every step";
  EXPECT_EQ(closed[1], 0.0);
  for (std::size_t k = 0; k < r.size(); ++k)
    EXPECT_NEAR(closed[k], r[k], 1e-15) << k;
  EXPECT_EQ(descent_residual(lambda, r0, 0.5, 0), r0);
}

TEST(GradientFlow, DescentKeepsModesFarBelowRounding) {
  // 1 − 1e-17 is 1 in doubles.
  const std::vector<double> r = descent_residual(
      std::vector<double>{1e-17}, std::vector<double>{1.0}, 1.0, 100'000'000'000'000'000);
  EXPECT_NEAR(r[0], std::exp(-1.0), 1e-12);
}

TEST(GradientFlow, SmallStepsOfDescentAreFlow) {
  const std::vector<double> lambda{2.0, 1.0, 0.3}, r0{1.0, 2.0, 3.0};
  const std::vector<double> flow = flow_residual(lambda, r0, 1.0);
  const std::vector<double> descent = descent_residual(lambda, r0, 1e-6, 1'000'000);
  for (std::size_t k = 0; k < r0.size(); ++k)
    EXPECT_NEAR(descent[k], flow[k], 1e-5);
}

TEST(GradientFlow, LogRateIsTheDerivativeOfTheLogLoss) {
  const std::vector<double> lambda{2.0, 1.0, 0.3}, r0{1.0, 2.0, 3.0};
  const auto log_loss = [&](double t) {
    return std::log(flow_state(lambda, flow_residual(lambda, r0, t), 3.3).loss);
  };
  const double h = 1e-5;
  const FlowState state = flow_state(lambda, flow_residual(lambda, r0, 0.7), 3.3);
  EXPECT_NEAR((log_loss(0.7 + h) - log_loss(0.7 - h)) / (2.0 * h), state.log_rate, 1e-9);
  EXPECT_DOUBLE_EQ(state.log_rate, -2.0 * 3.3 * state.chi_pos);
  EXPECT_TRUE(std::isnan(flow_state(lambda, std::vector<double>(3, 0.0), 3.3).chi_pos));
}

TEST(GradientFlow, PowerLawsAreMetOverADecadeOfTime) {
  constexpr std::size_t modes = 2'000'000;
  const std::vector<std::vector<double>> exponents{{1.5, 2.0}, {1.2, 1.6}, {2.0, 2.5}};
  for (const std::vector<double>& e : exponents) {
    const double a = e[0], b = e[1];
    std::vector<double> lambda(modes), r0(modes);
    for (std::size_t k = 0; k < modes; ++k) {
      lambda[k] = std::pow(static_cast<double>(k + 1), -a);
      r0[k] = std::pow(static_cast<double>(k + 1), -0.5 * b);
    }
    const double trace = std::accumulate(lambda.rbegin(), lambda.rend(), 0.0);
    for (const double t : {100.0, 316.0, 1000.0}) {
      const FlowState state = flow_state(lambda, flow_residual(lambda, r0, t), trace);
      EXPECT_NEAR(state.loss / power_law_loss(a, b, t), 1.0, 0.02) << a << ' ' << b << ' ' << t;
      EXPECT_NEAR(state.chi_pos / power_law_position(a, b, t, trace), 1.0, 0.02)
          << a << ' ' << b << ' ' << t;
    }
  }
}

/// Random features with d < n as a computed spectrum shows them: d modes k^-1.5, and n − d computed
/// "eigenvalues" of ±1e-18.
struct RandomFeatures {
  explicit RandomFeatures(std::size_t d, std::size_t n = 200) {
    for (std::size_t k = 0; k < n; ++k) {
      const bool real = k < d;
      exact.push_back(real ? std::pow(static_cast<double>(k + 1), -1.5) : 0.0);
      computed.push_back(
          real ? exact.back()
               : 1e-18 * (1.0 - 2.0 * static_cast<double>(k - d) / static_cast<double>(n - d)));
      bound.push_back(1e-15);
      state.push_back(real ? 1 : 2);
      start.push_back(std::pow(static_cast<double>(k + 1), -0.6));
    }
    trace = std::accumulate(exact.rbegin(), exact.rend(), 0.0);
  }

  SpectralPosition at(double time) const {
    const std::vector<double> r = flow_residual(exact, start, time);
    const double square = flow_state(exact, r, trace).chi_loss;
    const auto outputs = static_cast<std::int64_t>(exact.size());
    return spectral_position({computed, bound, state, trace, outputs, 0}, r, square);
  }

  std::vector<double> exact, computed, bound, start;
  std::vector<int> state;
  double trace = 0.0;
};

TEST(GradientFlow, TheRawScalarDivesWhereAModelCanLearnNoMore) {
  const RandomFeatures small(20);
  double last = 1.0;
  for (const double time : {1e2, 1e3, 3e3}) {
    const SpectralPosition at = small.at(time);
    EXPECT_LT(at.chi_pos, last);
    last = at.chi_pos;
    // The trusted one comes to rest at the last mode that can be learned.
    EXPECT_GT(at.chi_pos_trusted, 0.99 * small.exact[19] / small.trace);
    EXPECT_LE(at.half.mode(), 20);
    EXPECT_LE(at.ninety.mode(), 20);
  }
  EXPECT_LT(last, 1e-18) << "raw: below anything that the kernel has";
  EXPECT_NEAR(small.at(3e3).unreachable_fraction, 1.0, 1e-12);
  EXPECT_EQ(small.at(3e3).half.mode(), 20);
}

TEST(GradientFlow, SmallModelsLookDeepestByTheRawScalarAlone) {
  const RandomFeatures small(20), large(150);
  const SpectralPosition a = small.at(1e3), b = large.at(1e3);
  EXPECT_LT(a.chi_pos, b.chi_pos) << "raw: the small model seems to be deeper";
  EXPECT_LT(a.ninety.mode(), b.ninety.mode()) << "in truth the large one is";
  EXPECT_GT(a.ninety.relative_eigenvalue, b.ninety.relative_eigenvalue);
  EXPECT_GT(a.unreachable_fraction, b.unreachable_fraction);
}

TEST(GradientFlow, NoiseCountedAsTrustedTakesTheIndexOver) {
  RandomFeatures faulty(20);
  for (std::size_t k = 20; k < faulty.state.size(); ++k) {
    if (faulty.computed[k] <= 0.0) continue;
    faulty.state[k] = 1;
    faulty.bound[k] = 0.0;
  }
  EXPECT_GT(faulty.at(5e3).half.mode(), 20);
  EXPECT_LE(RandomFeatures(20).at(5e3).half.mode(), 20);
}

}  // namespace
}  // namespace fathom
