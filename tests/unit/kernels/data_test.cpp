#include "kernels/data.hpp"

#include "kernels/power_law.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(PowerLaw, EigenvaluesAndTrace) {
  EXPECT_EQ(power_law_eigenvalue(1, 1.5), 1.0);
  EXPECT_DOUBLE_EQ(power_law_eigenvalue(4, 1.5), 0.125);
  std::vector<double> h(3);
  fill_power_law_eigenvalues(2, 2.0, h);
  EXPECT_DOUBLE_EQ(h[0], 0.25);
  EXPECT_DOUBLE_EQ(h[2], 0.0625);
  EXPECT_NEAR(power_law_trace(3, 2.0), 1.0 + 0.25 + 1.0 / 9.0, 1e-15);
  // ζ(2) less the remainder Σ_{j>v} j^-2 = 1/v − 1/(2v²) + …
  EXPECT_NEAR(power_law_trace(100000, 2.0),
              std::numbers::pi * std::numbers::pi / 6.0 - 1e-5 + 5e-11, 1e-14);
  EXPECT_EQ(power_law_trace(0, 2.0), 0.0);
}

TEST(PowerLawData, ScaledNormalsKeyedByIndex) {
  const RandomKey key{5, Stream::data};
  const std::vector<std::int64_t> items = {3, 9};
  std::vector<double> x(8);
  fill_power_law(key, 1.5, items, 10, {x.data(), 4, 2, 4});
  for (std::int64_t q = 0; q < 2; ++q)
    for (std::int64_t k = 0; k < 4; ++k)
      EXPECT_NEAR(x[static_cast<std::size_t>(k + 4 * q)],
                  std::pow(static_cast<double>(11 + k), -0.75) *
                      normal(key, items[static_cast<std::size_t>(q)], 10 + k),
                  1e-15);
}

TEST(PowerLawData, CovarianceIsDiagonalPowerLaw) {
  constexpr std::int64_t count = 100000, dim = 6;
  std::vector<std::int64_t> items(count);
  for (std::int64_t i = 0; i < count; ++i)
    items[static_cast<std::size_t>(i)] = i;
  std::vector<double> x(static_cast<std::size_t>(count * dim));
  fill_power_law({2, Stream::data}, 2.0, items, 0, {x.data(), dim, count, dim});
  for (std::int64_t k = 0; k < dim; ++k) {
    for (std::int64_t l = 0; l <= k; ++l) {
      double sum = 0.0;
      for (std::int64_t q = 0; q < count; ++q)
        sum += x[static_cast<std::size_t>(k + dim * q)] * x[static_cast<std::size_t>(l + dim * q)];
      const double hk = power_law_eigenvalue(k + 1, 2.0), hl = power_law_eigenvalue(l + 1, 2.0);
      const double deviation = std::sqrt((k == l ? 2.0 : 1.0) * hk * hl / count);
      EXPECT_NEAR(sum / count, k == l ? hk : 0.0, 4.5 * deviation) << k << " " << l;
    }
  }
}

TEST(Sphere, UnitRowsWithoutPreferredDirection) {
  constexpr std::int64_t count = 50000, dim = 3;
  std::vector<std::int64_t> items(count);
  for (std::int64_t i = 0; i < count; ++i)
    items[static_cast<std::size_t>(i)] = i;
  std::vector<double> x(static_cast<std::size_t>(count * dim));
  fill_sphere({2, Stream::data}, items, {x.data(), dim, count, dim});
  double mean[dim] = {}, square[dim] = {};
  for (std::int64_t q = 0; q < count; ++q) {
    double norm = 0.0;
    for (std::int64_t k = 0; k < dim; ++k) {
      const double t = x[static_cast<std::size_t>(k + dim * q)];
      norm += t * t;
      mean[k] += t / count;
      square[k] += t * t / count;
    }
    ASSERT_NEAR(norm, 1.0, 1e-15);
  }
  // On the sphere in three dimensions each coordinate is uniform on (−1, 1).
  for (std::int64_t k = 0; k < dim; ++k) {
    EXPECT_NEAR(mean[k], 0.0, 4.5 * std::sqrt(1.0 / 3.0 / count));
    EXPECT_NEAR(square[k], 1.0 / 3.0, 4.5 * std::sqrt(4.0 / 45.0 / count));
  }
}

TEST(Circle, ChordsAreThoseOfThePoints) {
  for (const CircleSpacing spacing : {CircleSpacing::equispaced, CircleSpacing::random}) {
    const Circle circle(17, spacing, {4, Stream::data});
    std::vector<std::int64_t> items(17);
    for (std::int64_t i = 0; i < 17; ++i)
      items[static_cast<std::size_t>(i)] = i;
    std::vector<double> x(34), chords(17 * 17);
    circle.fill(items, {x.data(), 2, 17, 2});
    circle.fill_squared_chords(items, items, {chords.data(), 17, 17, 17});
    for (std::size_t i = 0; i < 17; ++i)
      for (std::size_t j = 0; j < 17; ++j) {
        const double dx = x[2 * i] - x[2 * j], dy = x[2 * i + 1] - x[2 * j + 1];
        EXPECT_NEAR(chords[i + 17 * j], dx * dx + dy * dy, 4e-15);
        EXPECT_EQ(chords[i + 17 * j], chords[j + 17 * i]);
        EXPECT_EQ(chords[i + 17 * j], circle.squared_chord(items[i], items[j]));
      }
  }
}

TEST(Circle, NeighboursAndAntipodesAreExact) {
  const std::int64_t n = 4096;
  const Circle circle(n, CircleSpacing::equispaced);
  const long double half = std::numbers::pi_v<long double> / n;
  const auto expected = static_cast<double>(4.0L * sinl(half) * sinl(half));
  for (const std::int64_t i : {0L, 1L, 1000L, n - 1})
    EXPECT_NEAR(circle.squared_chord(i, (i + 1) % n), expected, 8e-16 * expected);
  EXPECT_EQ(circle.squared_chord(5, 5 + n / 2), 4.0);
  EXPECT_EQ(circle.squared_chord(7, 7), 0.0);
}

}  // namespace
}  // namespace fathom
