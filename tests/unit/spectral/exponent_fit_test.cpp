#include "spectral/exponent_fit.hpp"

#include "sampled_spectrum.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> power_law(std::int64_t n, double alpha) {
  std::vector<double> value;
  for (std::int64_t j = 1; j <= n; ++j)
    value.push_back(std::pow(static_cast<double>(j), -alpha));
  return value;
}

/// A spectrum as d features would show it: first-order repulsion of the population's own modes,
/// (π/α) cot(π/α) in closed form for the power law, and the chi-square spread of each mode.
std::vector<double> noisy_power_law(std::int64_t d, double alpha, std::mt19937_64& random) {
  const double angle = std::numbers::pi / alpha;
  const double drift = -angle / std::tan(angle);
  std::normal_distribution<double> normal;
  std::vector<double> value = power_law(d, alpha);
  for (std::int64_t j = 1; j <= d; ++j) {
    const double size = static_cast<double>(d);
    value[j - 1] *=
        std::exp(drift * static_cast<double>(j) / size + std::sqrt(2.0 / size) * normal(random));
  }
  return value;
}

TEST(Exponent, IsExactForAPowerLaw) {
  const std::vector<double> value = power_law(500, 1.37);
  EXPECT_NEAR(power_law_exponent(value, {1, 500}), 1.37, 1e-12);
  EXPECT_NEAR(power_law_exponent(value, {7, 40}), 1.37, 1e-12);
}

TEST(Exponent, EveryDecadeCountsAlike) {
  // Three modes, weights 1, 1/2, 1/4 on ln 2 · (0, 1, 2) and ln λ = (0, 0, −1): x̄ = 4/7.
  const std::vector<double> value{1.0, 1.0, nan, std::exp(-1.0)};
  const double x_mean = 4.0 / 7.0;
  const double xx = x_mean * x_mean + 0.5 * (1.0 - x_mean) * (1.0 - x_mean) +
                    0.25 * (2.0 - x_mean) * (2.0 - x_mean);
  const double expected = 0.25 * (2.0 - x_mean) / xx / std::numbers::ln2;
  EXPECT_NEAR(power_law_exponent(value, {1, 4}), expected, 1e-14);
}

TEST(Exponent, LeavesOutUntrustedModesAndSaysWhenTooFewAreLeft) {
  std::vector<double> value = power_law(30, 2.0);
  value[4] = nan;
  value[5] = -3.0;
  value[6] = 0.0;
  EXPECT_NEAR(power_law_exponent(value, {1, 30}), 2.0, 1e-12);
  EXPECT_TRUE(std::isnan(power_law_exponent(value, {4, 8})));
  EXPECT_TRUE(std::isnan(power_law_exponent(value, {31, 60})));
}

TEST(FiniteSizeShift, IsTheRepulsionSumForThreeModes) {
  const std::vector<double> value{4.0, 2.0, 1.0};
  const std::vector<double> weight = power_law_weights(value, {1, 3});
  // Σ_k λ_k/(λ_j − λ_k): 2/2 + 1/3, −4/2 + 1/1, −4/3 − 2/1
  const double expected =
      (weight[0] * (4.0 / 3.0) + weight[1] * (-1.0) + weight[2] * (-10.0 / 3.0)) / 1e6;
  EXPECT_NEAR(finite_size_shift(value, {1, 3}, 1'000'000), expected, 1e-9 * std::abs(expected));
}

TEST(FiniteSizeShift, OfAPowerLawIsItsPrincipalValueIntegral) {
  // Σ_k λ_k/(λ_j − λ_k) → j PV∫ du/(u^α − 1) = −j (π/α) cot(π/α), less the integral past the end n,
  // j^α n^(1−α)/(α−1).
  const std::int64_t n = 40'000;
  for (const double alpha : {1.5, 3.0}) {
    const std::vector<double> value = power_law(n, alpha);
    const ModeRange range{5, 500};
    const std::vector<double> weight = power_law_weights(value, range);
    const double angle = std::numbers::pi / alpha;
    double expected = 0.0;
    for (std::int64_t j = range.first; j <= range.last; ++j) {
      const double mode = static_cast<double>(j), end = static_cast<double>(n);
      const double cut = std::pow(mode, alpha) * std::pow(end, 1.0 - alpha) / (alpha - 1.0);
      expected -= weight[j - range.first] * (mode * angle / std::tan(angle) + cut) / end;
    }
    const double shift = finite_size_shift(value, range, n);
    EXPECT_NEAR(shift, expected, 0.02 * std::abs(expected)) << alpha;
  }
}

TEST(Fit, StudentQuantilesAreThoseOfTheTables) {
  // Two seeds 1.4 and 1.6: deviation 0.1·√2, standard error 0.1, t(1; 0.975) = 12.7062.
  std::vector<std::vector<double>> spectra{power_law(100, 1.4), power_law(100, 1.6)};
  const ExponentFit two = fit_exponent(spectra, {{1, 50}, 0.95});
  EXPECT_NEAR(two.exponent, 1.5, 1e-12);
  EXPECT_NEAR(two.seed_spread, 0.1 * std::numbers::sqrt2, 1e-12);
  EXPECT_NEAR(two.statistical, 1.27062, 1e-5);
  EXPECT_NEAR(two.range_shift, 0.0, 1e-12);
  EXPECT_EQ(two.seeds, 2);
  // Five seeds 1.3 … 1.7: deviation √0.025, t(4; 0.975) = 2.77645, t(4; 0.95) = 2.13185.
  spectra = {power_law(100, 1.3), power_law(100, 1.4), power_law(100, 1.5), power_law(100, 1.6),
             power_law(100, 1.7)};
  const double error = std::sqrt(0.025 / 5.0);
  EXPECT_NEAR(fit_exponent(spectra, {{1, 50}, 0.95}).statistical, 2.77645 * error, 1e-5);
  EXPECT_NEAR(fit_exponent(spectra, {{1, 50}, 0.90}).statistical, 2.13185 * error, 1e-5);
}

TEST(Fit, ABendBeyondTheRangeWidensTheInterval) {
  std::vector<double> value = power_law(400, 1.5);
  for (std::size_t j = 20; j < 400; ++j)
    value[j] *= std::pow(static_cast<double>(j + 1) / 20.0, -1.0);
  const std::vector<std::vector<double>> spectra(3, value);
  const ExponentFit fit = fit_exponent(spectra, {{1, 20}, 0.95});
  const double doubled = power_law_exponent(value, {1, 40});
  EXPECT_NEAR(fit.statistical, 0.0, 1e-12);
  EXPECT_NEAR(fit.range_shift, std::abs(doubled - fit.exponent), 1e-12);
  EXPECT_GT(fit.range_shift, 0.05);
}

TEST(Fit, CoversTheTruthAndRejectsAWrongExponent) {
  std::mt19937_64 random(20260131);
  const std::int64_t d = 1500;
  int covered = 0, narrow = 0, rejected = 0, close = 0;
  const int sets = 150;
  for (int set = 0; set < sets; ++set) {
    std::vector<std::vector<double>> right, wrong;
    for (int seed = 0; seed < 5; ++seed) {
      right.push_back(noisy_power_law(d, 1.5, random));
      wrong.push_back(noisy_power_law(d, 1.6, random));
    }
    const FitOptions options{default_fit_range(d), 0.95, d};
    const ExponentFit fit = fit_exponent(right, options);
    covered += fit.contains(1.5) ? 1 : 0;
    narrow += fit.width() < 0.08 ? 1 : 0;
    close += std::abs(fit.exponent - 1.5) <= 0.03 ? 1 : 0;
    rejected += fit_exponent(wrong, options).contains(1.5) ? 0 : 1;
  }
  EXPECT_GE(covered, 0.95 * sets);
  EXPECT_GE(narrow, 0.97 * sets);
  EXPECT_GE(close, 0.99 * sets);
  EXPECT_GE(rejected, 0.97 * sets);
}

TEST(Fit, FindsTheExponentOfSampledCovariances) {
  const std::int64_t d = 320, v = 1280;
  std::vector<std::vector<double>> spectra;
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    spectra.push_back(
        test::sampled_spectrum(d, v, 1.5, seed, [](double, double, double s) { return s; }));
  const ExponentFit fit = fit_exponent(spectra, {{1, 16}, 0.95, d});
  EXPECT_TRUE(fit.contains(1.5)) << fit.low << ' ' << fit.high;
  EXPECT_FALSE(fit.contains(1.3)) << fit.low;
  EXPECT_FALSE(fit.contains(1.7)) << fit.high;
  EXPECT_LT(fit.finite_size, 0.0)
      << "the repulsion of the modes flattens a spectrum with alpha 1.5";
  EXPECT_GT(fit.finite_size, -0.1);
}

TEST(Fit, OneSeedIsSaid) {
  std::mt19937_64 random(5);
  const std::vector<double> value = noisy_power_law(1500, 1.5, random);
  const ExponentFit fit = fit_exponent(value, {default_fit_range(1500), 0.95, 1500});
  EXPECT_EQ(fit.seeds, 1);
  EXPECT_TRUE(std::isnan(fit.seed_spread));
  EXPECT_GT(fit.statistical, 0.0);
  EXPECT_THAT(fit.method, testing::HasSubstr("one seed"));
  EXPECT_TRUE(fit.contains(1.5)) << fit.low << ' ' << fit.high;
  EXPECT_FALSE(fit.contains(1.8));
}

TEST(Fit, NoTrustedModesIsNoFit) {
  const ExponentFit fit = fit_exponent(std::vector<double>(20, nan), {{1, 10}});
  EXPECT_EQ(fit.seeds, 0);
  EXPECT_TRUE(std::isnan(fit.exponent));
  EXPECT_FALSE(fit.contains(1.5));
  EXPECT_FALSE(fit.method.empty());
}

TEST(Fit, ReportsTheModesThatEntered) {
  std::vector<std::vector<double>> spectra{power_law(30, 1.5), power_law(30, 1.5)};
  spectra[1][3] = nan;
  const ExponentFit fit = fit_exponent(spectra, {{0, 99}, 0.95});
  EXPECT_EQ(fit.range, (ModeRange{1, 30}));
  EXPECT_EQ(fit.modes, 29);
}

TEST(DefaultRange, IsAFortiethOfTheFeatures) {
  EXPECT_EQ(default_fit_range(2000), (ModeRange{1, 50}));
  EXPECT_EQ(default_fit_range(100), (ModeRange{1, 8}));
  EXPECT_EQ(default_fit_range(5), (ModeRange{1, 5}));
}

TEST(ExponentInOut, SaysWhichWayTheLayerBendsTheSpectrum) {
  const std::vector<double> flat = power_law(200, 1.0), steep = power_law(200, 2.0);
  const FitOptions options{{1, 50}, 0.95};
  const ExponentChange up = exponent_in_out(flat, steep, options);
  EXPECT_NEAR(up.change, 1.0, 1e-12);
  EXPECT_THAT(up.sentence, testing::HasSubstr("steepens"));
  EXPECT_THAT(exponent_in_out(steep, flat, options).sentence, testing::HasSubstr("flattens"));
  EXPECT_THAT(exponent_in_out(flat, flat, options).sentence, testing::HasSubstr("as it was"));
  EXPECT_EQ(exponent_in_out(flat, flat, options).change, 0.0);
  const std::vector<double> nothing(200, nan);
  EXPECT_THAT(exponent_in_out(nothing, flat, options).sentence, testing::HasSubstr("no exponents"));
}

TEST(ExponentInOut, WideIntervalsThatOverlapAreNoEvidenceOfNoChange) {
  std::vector<double> bent = power_law(200, 1.0);  // turns from j^-1 to j^-3 within the range
  for (int j = 1; j <= 200; ++j)
    bent[j - 1] = 1.0 / j / (1.0 + (j / 12.0) * (j / 12.0));
  const FitOptions options{{1, 50}, 0.95};
  const ExponentChange wide = exponent_in_out(power_law(200, 1.5), bent, options);
  ASSERT_GT(wide.error, std::abs(wide.change)) << wide.sentence;
  EXPECT_THAT(wide.sentence, testing::HasSubstr("cannot be told from none"));
  EXPECT_THAT(wide.sentence, testing::Not(testing::HasSubstr("as it was")));
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise(0.0, 0.002);
  std::vector<double> near = power_law(200, 1.5);
  for (double& value : near)
    value *= std::exp(noise(random));
  const ExponentChange same = exponent_in_out(power_law(200, 1.5), near, options);
  ASSERT_LE(std::abs(same.change), same.error) << same.sentence;
  EXPECT_THAT(same.sentence, testing::HasSubstr("as it was, to within 0.0"));
}

}  // namespace
}  // namespace fathom
