#include "kernels/population_map.hpp"

#include "base/random.hpp"
#include "oracles.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using oracle::mapped;
using oracle::MappedEntry;

struct Pair {
  double a, b, s;
};

const std::vector<Pair> pairs = {{1.0, 1.0, 0.3},   {2.6, 2.4, -0.2}, {0.5, 3.0, 1.1},
                                 {1.7, 1.2, -1.35}, {2.0, 2.0, 0.0},  {0.9, 1.1, 0.97}};

TEST(PopulationMap, MonomialsAreIsserlisSums) {
  for (int p = 1; p <= 8; ++p) {
    const PopulationMap map(Activation(ActivationKind::monomial, p));
    for (const auto& [a, b, s] : pairs) {
      const double exact = oracle::isserlis(p, p, a, b, s);
      EXPECT_NEAR(map.entry(a, b, s), exact, 2e-15 * std::fabs(exact) + 1e-300)
          << "p = " << p << " s = " << s;
    }
  }
}

TEST(PopulationMap, TheOracleTellsDegreesApart) {
  const PopulationMap map(Activation(ActivationKind::monomial, 3));
  EXPECT_GT(std::fabs(map.entry(1.0, 1.0, 0.3) - oracle::isserlis(4, 4, 1.0, 1.0, 0.3)), 1.0);
  // One coefficient wrong by 1 %: 9abs + 6.06 s³.
  EXPECT_GT(std::fabs(9 * 0.3 + 6.06 * 0.027 - oracle::isserlis(3, 3, 1.0, 1.0, 0.3)), 1e-4);
}

TEST(PopulationMap, SmoothActivationsAreGaussianMeans) {
  for (const ActivationKind kind :
       {ActivationKind::erf, ActivationKind::sin, ActivationKind::tanh, ActivationKind::gelu,
        ActivationKind::sigmoid, ActivationKind::softplus, ActivationKind::linear}) {
    const Activation f(kind);
    const PopulationMap map(f, {.hermite_terms = 200});
    for (const auto& [a, b, s] : pairs) {
      const double mean = oracle::gaussian_pair([&](double x) { return f(x); }, a, b, s);
      EXPECT_NEAR(map.entry(a, b, s), mean, 1e-12 * (1.0 + std::fabs(mean)))
          << name(kind) << " " << a << " " << b << " " << s;
    }
  }
}

TEST(PopulationMap, KinkedActivationsInPolarCoordinates) {
  // Homogeneous of degree one: E f(x) f(y) = √(ab)/π ∫ f(cosφ) f(cos(φ−θ)) dφ over the circle.
  for (const ActivationKind kind : {ActivationKind::relu, ActivationKind::abs}) {
    const Activation f(kind);
    const PopulationMap map(f);
    for (const auto& [a, b, s] : pairs) {
      const double root = std::sqrt(a * b), theta = std::acos(s / root);
      const double half = 0.5 * std::numbers::pi;
      double mean = 0.0;
      // Between the kinks at ±π/2 and θ ± π/2.
      const double cuts[] = {-half, theta - half, half, theta + half, 3.0 * half};
      for (int k = 0; k < 4; ++k)
        mean += oracle::integrate(
            [&](double phi) { return f(std::cos(phi)) * f(std::cos(phi - theta)); }, cuts[k],
            cuts[k + 1]);
      EXPECT_NEAR(map.entry(a, b, s), root * std::numbers::inv_pi * mean, 1e-13) << name(kind);
    }
  }
}

TEST(PopulationMap, MonteCarloAgreesWithinItsErrorBars) {
  constexpr std::int64_t samples = 400000;
  std::vector<double> z(2 * samples);
  const std::int64_t item = 0;
  fill_normal({1, Stream::test}, {&item, 1}, 0, {z.data(), 2 * samples, 1, 2 * samples});
  const double a = 1.3, b = 0.8, s = 0.4;
  const double slope = s / std::sqrt(a), rest = std::sqrt(b - slope * slope);
  for (const auto text : activation_names()) {
    const Activation f(parse_activation(text), 3);
    double sum = 0.0, square = 0.0;
    for (std::size_t k = 0; k < samples; ++k) {
      const double value = f(std::sqrt(a) * z[2 * k]) * f(slope * z[2 * k] + rest * z[2 * k + 1]);
      sum += value / samples;
      square += value * value / samples;
    }
    const double deviation = std::sqrt((square - sum * sum) / samples);
    EXPECT_NEAR(PopulationMap(f).entry(a, b, s), sum, 4.0 * deviation) << text;
  }
}

TEST(PopulationMap, SeriesAgreesWithClosedFormsWithinItsBound) {
  for (const ActivationKind kind :
       {ActivationKind::monomial, ActivationKind::erf, ActivationKind::sin, ActivationKind::relu,
        ActivationKind::abs}) {
    const Activation f(kind, 5);
    const PopulationMap closed(f);
    for (const int terms : {4, 8, 40, 128}) {
      const PopulationMap series(f, {.hermite_terms = terms, .force_series = true});
      ASSERT_TRUE(series.is_series() && !closed.is_series());
      for (const auto& [a, b, s] : pairs) {
        const MappedEntry value = mapped(series, a, b, s);
        const double exact = closed.entry(a, b, s);
        EXPECT_NEAR(value.value, exact, value.truncation + 4e-14 * (1.0 + std::fabs(exact)))
            << name(kind) << " terms " << terms << " s " << s;
      }
    }
  }
}

TEST(PopulationMap, TheTruncationBoundIsNeitherVoidNorWide) {
  const Activation relu(ActivationKind::relu);
  const MappedEntry value =
      mapped(PopulationMap(relu, {.hermite_terms = 8, .force_series = true}), 1.0, 1.0, 0.9);
  const double error = std::fabs(value.value - PopulationMap(relu).entry(1.0, 1.0, 0.9));
  EXPECT_GT(error, 1e-5);
  EXPECT_LE(error, value.truncation);
  EXPECT_LE(value.truncation, 20.0 * error);
}

TEST(PopulationMap, SlopeIsTheDifferenceQuotient) {
  for (const auto text : activation_names()) {
    const PopulationMap map(Activation(parse_activation(text), 4), {.scale = 0.25});
    for (const auto& [a, b, s] : pairs) {
      constexpr double h = 1e-5;
      const double quotient =
          std::fabs(map.entry(a, b, s + h) - map.entry(a, b, s - h)) / (2 * h) * std::sqrt(a * b);
      EXPECT_NEAR(mapped(map, a, b, s).slope, quotient, 3e-6 * (1.0 + quotient))
          << text << " s = " << s;
    }
  }
}

TEST(PopulationMap, TheDiagonalIsTheLimitOfEqualPairs) {
  for (const auto text : activation_names()) {
    const PopulationMap map(Activation(parse_activation(text), 6), {.hermite_terms = 512});
    const double a = 1.3;
    const std::int64_t index = 4;
    const double diagonal = map.side({&a, 1}, {&index, 1}).diagonal[0];
    EXPECT_NEAR(map.entry(a, a, a), diagonal, 2e-9 * diagonal) << text;
  }
}

TEST(PopulationMap, BlockPutsTheDiagonalWhereIndicesAgreeAndKeepsNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::int64_t> row_index = {1, 4, 5, 9}, col_index = {5, 6, 9};
  const std::vector<double> a = {1.0, 2.0, 3.0, 4.0}, b = {3.0, 1.5, 4.0};
  for (const auto text : activation_names()) {
    const PopulationMap map(Activation(parse_activation(text), 2));
    const MapSide rows = map.side(a, row_index), cols = map.side(b, col_index);
    std::vector<double> block(12, 0.5);
    block[2] = nan;      // the diagonal entry (5, 5): its pair quantity does not count
    block[4 + 1] = nan;  // the entry (4, 6)
    const MapError error = map.apply(rows, 0, cols, 0, {block.data(), 4, 3, 4});
    EXPECT_EQ(block[2], rows.diagonal[2]) << text;
    EXPECT_EQ(block[8 + 3], rows.diagonal[3]) << text;
    EXPECT_TRUE(std::isnan(block[4 + 1])) << text;
    EXPECT_TRUE(std::isnan(error.value_squared)) << text;
    EXPECT_NEAR(block[4 + 2], map.entry(3.0, 1.5, 0.5), 1e-15 * std::fabs(block[4 + 2])) << text;
  }
}

TEST(PopulationMap, TilesGiveTheWholeBlock) {
  constexpr std::int64_t m = 600;
  std::vector<std::int64_t> index(m);
  std::iota(index.begin(), index.end(), 0);
  std::vector<double> variance(m), whole(m * 3);
  for (std::size_t i = 0; i < variance.size(); ++i)
    variance[i] = 1.0 + 0.3 * std::sin(static_cast<double>(i));
  for (std::size_t k = 0; k < whole.size(); ++k)
    whole[k] = 0.4 * std::cos(static_cast<double>(k));
  auto tiled = whole;
  const PopulationMap map(Activation(ActivationKind::tanh), {.scale = 0.1});
  const MapSide side = map.side(variance, index);
  const MapError once = map.apply(side, 0, side, 299, {whole.data(), m, 3, m});
  MapError parts;
  for (std::int64_t i = 0; i < m; i += 250)
    parts +=
        map.apply(side, i, side, 299, {tiled.data() + i, std::min<std::int64_t>(250, m - i), 3, m});
  for (std::size_t k = 0; k < whole.size(); ++k)
    EXPECT_NEAR(tiled[k], whole[k], 1e-16 * std::fabs(whole[k]) + 1e-17);
  EXPECT_NEAR(parts.value_squared, once.value_squared, 1e-13 * once.value_squared);
  EXPECT_NEAR(parts.slope_squared, once.slope_squared, 1e-13 * once.slope_squared);
}

TEST(PopulationMap, RowsOfZeroVarianceAreMapped) {
  const PopulationMap relu(Activation(ActivationKind::relu));
  EXPECT_EQ(relu.entry(0.0, 1.0, 0.0), 0.0);
  const PopulationMap sigmoid(Activation(ActivationKind::sigmoid));
  EXPECT_NEAR(sigmoid.entry(0.0, 1.0, 0.0), 0.25, 1e-15);
}

}  // namespace
}  // namespace fathom
