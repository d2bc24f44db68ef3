#include "spectral/density.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

using namespace fathom;

namespace {

/// The exact measure of a Gaussian vector in the eigenbasis: what Lanczos gives after n steps.
GaussQuadrature full_measure(const std::vector<double>& lambda, std::uint64_t seed,
                             std::int64_t probe) {
  GaussQuadrature q;
  for (std::size_t k = 0; k < lambda.size(); ++k) {
    const double z = normal({seed, Stream::test}, probe, static_cast<std::int64_t>(k));
    q.node.push_back(lambda[k]);
    q.weight.push_back(z * z);
  }
  return q;
}

std::vector<ProbeQuadratures> full_probes(const std::vector<double>& lambda, std::uint64_t seed,
                                          std::int64_t m, std::size_t thresholds) {
  std::vector<ProbeQuadratures> probes;
  for (std::int64_t p = 0; p < m; ++p) {
    const GaussQuadrature q = full_measure(lambda, seed, p);
    probes.push_back({q, q, std::vector<GaussQuadrature>(thresholds, q)});
  }
  return probes;
}

std::vector<double> power_law(std::int64_t n, double alpha) {
  std::vector<double> lambda;
  for (std::int64_t j = 1; j <= n; ++j)
    lambda.push_back(std::pow(static_cast<double>(j), -alpha));
  return lambda;
}

std::vector<double> thresholds_between(double high, double low, int count) {
  std::vector<double> t;
  for (int i = 0; i < count; ++i)
    t.push_back(high * std::pow(low / high, i / (count - 1.0)));
  return t;
}

}  // namespace

TEST(Density, ResolvedSpectrumIsExactWithoutAnError) {
  const std::vector<double> lambda{4, 2, 2, 1};
  std::vector<ProbeQuadratures> probes;
  for (int p = 0; p < 3; ++p) {
    const GaussQuadrature q{{4, 2, 1}, {0.3 + p, 2.0 * p + 0.1, 1.7}};
    probes.push_back({q, q, std::vector<GaussQuadrature>(3, q)});
  }
  const DensityEstimate d =
      estimate_density(4, 4, lambda, probes, {.threshold = {3, 1.5, 0.5}, .lambda = {2.0}});
  EXPECT_EQ(d.resolved, 4);
  EXPECT_DOUBLE_EQ(d.trace.value, 9);
  EXPECT_DOUBLE_EQ(d.frobenius_squared.value, 25);
  EXPECT_EQ(d.trace.standard_error, 0);
  EXPECT_DOUBLE_EQ(d.effective_dimension[0].value, 4.0 / 6 + 2 * 0.5 + 1.0 / 3);
  const double expected[] = {1, 3, 4};
  for (std::size_t g = 0; g < 3; ++g) {
    EXPECT_EQ(d.count[g].value, expected[g]);
    EXPECT_TRUE(d.count[g].contains(expected[g]));
    EXPECT_LE(d.count[g].high - d.count[g].low, 2e-3);
  }
  EXPECT_TRUE(std::isnan(d.exponent.value));
}

TEST(Density, EqualEigenvaluesHaveNoScatter) {
  // Three probes with different norms; K = 2·I of order 10.
  std::vector<ProbeQuadratures> probes;
  for (const double norm : {7.0, 9.0, 14.0}) {
    const GaussQuadrature q{{2}, {norm}};
    probes.push_back({q, q, {q, q}});
  }
  const DensityEstimate d =
      estimate_density(10, 10, {}, probes, {.threshold = {1, 3}, .lambda = {2.0}});
  EXPECT_DOUBLE_EQ(d.trace.value, 20);
  EXPECT_NEAR(d.trace.standard_error, 0, 1e-6);
  EXPECT_DOUBLE_EQ(d.effective_dimension[0].value, 5);
  EXPECT_DOUBLE_EQ(d.count[0].value, 10);
  EXPECT_DOUBLE_EQ(d.count[1].value, 0);
}

TEST(Density, StandardErrorIsThatOfAMeanOverProbes) {
  const std::vector<double> lambda = power_law(400, 0.3);
  const double trace = std::accumulate(lambda.begin(), lambda.end(), 0.0);
  double mean_error = 0, scatter = 0;
  const int repeats = 60;
  for (int seed = 0; seed < repeats; ++seed) {
    const auto probes = full_probes(lambda, static_cast<std::uint64_t>(seed), 6, 0);
    const DensityEstimate d = estimate_density(400, 400, {}, probes, {});
    mean_error += d.trace.standard_error / repeats;
    scatter += std::pow(d.trace.value - trace, 2) / repeats;
  }
  EXPECT_NEAR(mean_error / std::sqrt(scatter), 1.0, 0.25);
}

TEST(Density, ResolvedModesTakeTheirScatterAway) {
  const std::vector<double> lambda = power_law(300, 2.0);
  const auto probes = full_probes(lambda, 5, 8, 0);
  const DensityEstimate blind = estimate_density(300, 300, {}, probes, {});
  const DensityEstimate seeing =
      estimate_density(300, 300, std::span(lambda).first(20), probes, {});
  EXPECT_LT(seeing.trace.standard_error, 0.05 * blind.trace.standard_error);
  const double trace = std::accumulate(lambda.begin(), lambda.end(), 0.0);
  EXPECT_NEAR(seeing.trace.value, trace, 4 * seeing.trace.standard_error);
}

TEST(Density, CountTakesHalfOfTheNodeAtTheThresholdCorrectedByItsNeighbours) {
  // Two probes alike: weights 1, 2, 3, 2, 2 of mass 10, order 10; t at the third node.
  const GaussQuadrature q{{5, 4, 3, 2, 1}, {1, 2, 3, 2, 2}};
  const ProbeQuadratures probe{q, q, {q, q}};
  const DensityEstimate d = estimate_density(10, 10, {}, std::vector{probe, probe},
                                             {.threshold = {3.0, 1.0}, .lambda = {}});
  EXPECT_DOUBLE_EQ(d.count[0].value, 3 + 1.5 + (2.0 - 2.0) / 24);
  EXPECT_DOUBLE_EQ(d.count[0].resolution, 0);
  // No node below: the bracket, half the weight.
  EXPECT_DOUBLE_EQ(d.count[1].value, 8 + 1 + (2.0 - 0.0) / 24);
  EXPECT_DOUBLE_EQ(d.count[1].resolution, 1);
  EXPECT_LE(d.count[1].high, 10) << "no more than there are";
}

TEST(Density, AnAtomBelowTheThresholdDoesNotPullTheCountOutOfItsBracket) {
  // Ten eigenvalues above a null space of a thousand.
  const GaussQuadrature q{{5, 4, 3, 0}, {2, 4, 4, 1000}};
  const ProbeQuadratures probe{q, q, {q}};
  const DensityEstimate d = estimate_density(1010, 1010, {}, std::vector{probe, probe},
                                             {.threshold = {3.0}, .lambda = {}});
  EXPECT_DOUBLE_EQ(d.count[0].value, 6 + 2 - 1);
  EXPECT_DOUBLE_EQ(d.count[0].resolution, 2);
  EXPECT_TRUE(d.count[0].contains(10));
}

TEST(Density, CountsStayWithinTheRank) {
  const std::vector<double> lambda = power_law(50, 1.0);
  const auto probes = full_probes(lambda, 1, 4, 1);
  const DensityEstimate d =
      estimate_density(50, 30, {}, probes, {.threshold = {0.021}, .lambda = {1e-9}});
  EXPECT_LE(d.count[0].high, 30);
  EXPECT_LE(d.effective_dimension[0].value, 30);
}

TEST(Density, EffectiveDimensionIsEnclosedByItsTwoQuadratures) {
  const GaussQuadrature gauss{{1.0}, {4.0}}, at_zero{{1.5, 0.0}, {2.0, 2.0}};
  const ProbeQuadratures probe{gauss, at_zero, {}};
  const DensityEstimate d =
      estimate_density(4, 4, {}, std::vector{probe, probe}, {.threshold = {}, .lambda = {1.0}});
  EXPECT_DOUBLE_EQ(d.effective_dimension[0].value, 0.5 * (2.0 + 1.2));
  EXPECT_DOUBLE_EQ(d.effective_dimension[0].resolution, 0.5 * (2.0 - 1.2));
}

TEST(Density, ExponentOfPowerLaws) {
  for (const double alpha : {1.2, 2.0}) {
    const std::vector<double> lambda = power_law(600, alpha);
    const std::vector<double> t = thresholds_between(0.9, lambda[500], 40);
    const auto probes = full_probes(lambda, 3, 16, t.size());
    const DensityEstimate d = estimate_density(600, 600, std::span(lambda).first(8), probes,
                                               {.threshold = t, .lambda = {}});
    EXPECT_TRUE(d.exponent.contains(alpha))
        << alpha << ": " << d.exponent.low << " … " << d.exponent.high;
    EXPECT_LT(d.exponent.high - d.exponent.low, 0.5);
    EXPECT_GE(d.window.first, 10);
    EXPECT_LE(d.window.last, 150);
    EXPECT_GE(d.thresholds, 5);
  }
}

TEST(Density, ExponentKeepsToTheWindowAskedForAndIsSilentWithoutOne) {
  const std::vector<double> lambda = power_law(600, 1.5);
  const std::vector<double> t = thresholds_between(0.9, lambda[500], 40);
  const auto probes = full_probes(lambda, 3, 8, t.size());
  const auto with = [&](ModeRange window) {
    DensityOptions options;
    options.threshold = t;
    options.window = window;
    return estimate_density(600, 600, {}, probes, options);
  };
  EXPECT_GE(with({50, 300}).window.first, 50);
  EXPECT_GT(with({50, 300}).window.last, 150);
  EXPECT_TRUE(std::isnan(with({100, 110}).exponent.value));
  // A spectrum with a gap: N does not move over the window.
  std::vector<double> gap(100, 1.0);
  gap.insert(gap.end(), 500, 1e-6);
  const auto flat = full_probes(gap, 1, 8, 20);
  DensityOptions options;
  options.threshold = thresholds_between(0.5, 1e-5, 20);
  EXPECT_TRUE(std::isnan(estimate_density(600, 600, {}, flat, options).exponent.value));
}

TEST(Density, ThresholdsFallFromTheLargestNodeToWhatIsResolved) {
  const GaussQuadrature a{{8, 4, 2, 1, 0.5}, {1, 1, 1, 1, 1}}, b{{7, 3, 0.08, 0.9, 0.4}, {}};
  const std::vector<double> t = resolved_thresholds(std::vector{a, b}, 5, 1e-3);
  ASSERT_EQ(t.size(), 5u);
  // From 8 to 0.8, a decade at least, half a space inside.
  EXPECT_NEAR(t.front(), 8 * std::pow(10.0, -0.1), 1e-12);
  EXPECT_NEAR(t.back(), 8 * std::pow(10.0, -0.9), 1e-12);
  const GaussQuadrature deep{{1, 1e-3, 1e-6, 1e-12, 0}, {}};
  EXPECT_NEAR(resolved_thresholds(std::vector{deep}, 2, 1e-14).back(), std::pow(1e-6, 0.75), 1e-12);
  EXPECT_NEAR(resolved_thresholds(std::vector{deep}, 2, 1e-4).back(), 1e-3, 1e-12);
  EXPECT_TRUE(resolved_thresholds(std::vector{GaussQuadrature{{0, -1e-18}, {}}}, 5, 1e-3).empty());
  EXPECT_TRUE(resolved_thresholds({}, 5, 1e-3).empty());
}
