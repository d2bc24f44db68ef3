#include "spectral/chaos.hpp"

#include "sampled_spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

/// Every product over multisets by nested loops of recursion, sorted.
std::vector<double> brute_force(const std::vector<ChaosTerm>& terms, const std::vector<double>& h) {
  std::vector<double> all;
  const std::function<void(double, int, std::size_t)> extend = [&](double value, int left,
                                                                   std::size_t from) {
    if (left == 0) {
      all.push_back(value);
      return;
    }
    for (std::size_t i = from; i < h.size(); ++i)
      extend(value * h[i], left - 1, i);
  };
  for (const ChaosTerm& term : terms)
    extend(term.weight, term.order, 0);
  std::sort(all.begin(), all.end(), std::greater<>());
  return all;
}

std::vector<double> power_law(std::int64_t n, double alpha) {
  std::vector<double> value;
  for (std::int64_t j = 1; j <= n; ++j)
    value.push_back(std::pow(static_cast<double>(j), -alpha));
  return value;
}

TEST(Chaos, WeightsOfTheFirstDegreesWorkedOutByHand) {
  const auto weight = [](int degree, std::size_t term) {
    return monomial_chaos(degree, 2.0)[term].weight;
  };
  EXPECT_DOUBLE_EQ(weight(1, 0), 1.0);
  EXPECT_DOUBLE_EQ(weight(2, 0), 4.0);
  EXPECT_DOUBLE_EQ(weight(2, 1), 4.0);  // (tr H)²
  EXPECT_DOUBLE_EQ(weight(3, 0), 36.0);
  EXPECT_DOUBLE_EQ(weight(3, 1), 36.0);   // 9 (tr H)²
  EXPECT_DOUBLE_EQ(weight(4, 0), 576.0);  // 4!²
  EXPECT_DOUBLE_EQ(weight(4, 1), 576.0);  // 12² (tr H)²
  EXPECT_DOUBLE_EQ(weight(4, 2), 144.0);  // 3² (tr H)⁴
  EXPECT_EQ(monomial_chaos(4, 2.0)[2].order, 0);
  EXPECT_EQ(monomial_chaos(8, 1.0).size(), 5u);
}

/// The weights by another way: b_k of f(σ z) = Σ b_k h_k(z), σ² = tr H, give A_k = b_k² k! / (tr
/// H)^k.
std::vector<ChaosTerm> hermite_chaos(std::span<const double> coefficient, double trace) {
  FATHOM_ASSERT(coefficient.size() <= 171 && trace > 0.0, "{} coefficients, trace = {}",
                coefficient.size(), trace);
  std::vector<ChaosTerm> terms;
  for (std::size_t order = 0; order < coefficient.size(); ++order) {
    const double b = coefficient[order];
    if (b == 0.0) continue;
    const double k = static_cast<double>(order);
    terms.push_back(
        {static_cast<int>(order),
         std::exp(2.0 * std::log(std::abs(b)) + std::lgamma(k + 1.0) - k * std::log(trace))});
  }
  return terms;
}

TEST(Chaos, HermiteCoefficientsOfAMonomialGiveTheSameTerms) {
  // (σz)³ = σ³ (3 h₁ + √6 h₃)
  const double trace = 1.7, sigma3 = std::pow(trace, 1.5);
  const std::vector<double> b{0.0, 3.0 * sigma3, 0.0, std::sqrt(6.0) * sigma3};
  const std::vector<ChaosTerm> terms = hermite_chaos(b, trace);
  const std::vector<ChaosTerm> expected = monomial_chaos(3, trace);
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].order, 1);
  EXPECT_NEAR(terms[0].weight, expected[1].weight, 1e-12 * expected[1].weight);
  EXPECT_NEAR(terms[1].weight, expected[0].weight, 1e-12 * expected[0].weight);
}

TEST(Chaos, EqualsBruteForceEnumeration) {
  const std::vector<double> spectra[] = {
      power_law(6, 1.5), {1.0, 1.0, 0.5, 0.5, 0.25}, {3.0, 2.0, 1.9, 0.1}, {0.7}};
  for (const std::vector<double>& h : spectra)
    for (int degree = 1; degree <= 6; ++degree) {
      double trace = 0.0;
      for (double value : h)
        trace += value;
      const std::vector<ChaosTerm> terms = monomial_chaos(degree, trace);
      const std::vector<double> expected = brute_force(terms, h);
      const std::vector<double> got =
          chaos_comparator(terms, h, static_cast<std::int64_t>(expected.size()) + 3);
      for (std::size_t j = 0; j < expected.size(); ++j)
        ASSERT_NEAR(got[j], expected[j], 1e-13 * expected[j]) << degree << ' ' << j;
      EXPECT_EQ(got[expected.size()], 0.0) << "a multiset was counted twice, degree " << degree;
    }
}

TEST(Chaos, ZeroEigenvaluesMakeNoModes) {
  const std::vector<double> h{1.0, 0.5, 0.0, 0.0};
  const std::vector<double> got = chaos_comparator(monomial_chaos(2, 1.5), h, 6);
  EXPECT_EQ(got, (std::vector<double>{4.0, 2.25, 2.0, 1.0, 0.0, 0.0}));
}

TEST(Chaos, DegreeOneIsTheSpectrumOfTheData) {
  const std::vector<double> got = chaos_comparator(1, 1.5, 40, 50);
  const std::vector<double> h = power_law(40, 1.5);
  for (std::size_t j = 0; j < 50; ++j)
    EXPECT_DOUBLE_EQ(got[j], j < 40 ? h[j] : 0.0);
}

TEST(Chaos, CountsTheProductsAtFullSize) {
  // Degree 2 without its constant mode: products i·j ≤ x number Σ_{i≤√x} (⌊x/i⌋ − i + 1).
  const std::int64_t count = 33'000;
  const std::vector<double> got = chaos_comparator(2, 1.5, 66'000, count);
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end(), std::greater<>()));
  const double x = 500.5;
  std::int64_t expected = 1;  // the constant mode (tr H)² is above 4·500^-1.5
  for (std::int64_t i = 1; static_cast<double>(i * i) <= x; ++i)
    expected += static_cast<std::int64_t>(x / static_cast<double>(i)) - i + 1;
  const double threshold = 4.0 * std::pow(x, -1.5);
  EXPECT_EQ(std::count_if(got.begin(), got.end(), [&](double v) { return v > threshold; }),
            expected);
  const std::vector<double> eight = chaos_comparator(8, 1.5, 66'000, count);
  EXPECT_TRUE(std::is_sorted(eight.begin(), eight.end(), std::greater<>()));
  EXPECT_GT(eight.back(), 0.0);
}

TEST(Chaos, IsDirectlyComparableWithASampledCovariance) {
  const std::int64_t d = 300, v = 1200;
  const std::vector<double> second = test::sampled_spectrum(
      d, v, 1.5, 11, [](double a, double b, double s) { return a * b + 2.0 * s * s; });
  const std::vector<double> third = test::sampled_spectrum(
      d, v, 1.5, 12,
      [](double a, double b, double s) { return 9.0 * a * b * s + 6.0 * s * s * s; });
  const std::vector<double> expect_second = chaos_comparator(2, 1.5, v, d);
  const std::vector<double> expect_third = chaos_comparator(3, 1.5, v, d);
  for (std::size_t j = 5; j <= 30; ++j) {
    EXPECT_GT(second[j] / expect_second[j], 0.6) << j;
    EXPECT_LT(second[j] / expect_second[j], 1.8) << j;
    EXPECT_GT(third[j] / expect_third[j], 0.6) << j;
    EXPECT_LT(third[j] / expect_third[j], 2.5) << j;
  }
}

}  // namespace
}  // namespace fathom
