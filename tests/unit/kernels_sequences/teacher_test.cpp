#include "kernels/teacher.hpp"

#include "base/error.hpp"
#include "kernels/data.hpp"
#include "kernels/power_law.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr std::uint64_t seed = 3;

std::vector<std::int64_t> first_items(std::int64_t count) {
  std::vector<std::int64_t> items(static_cast<std::size_t>(count));
  std::iota(items.begin(), items.end(), std::int64_t{0});
  return items;
}

/// Least squares of y on the rows of z (dim × count): coefficients and their standard errors for
/// noise of unit variance, by Gauss–Jordan on the normal equations.
struct Regression {
  std::vector<double> coefficient, error;
};

Regression regress(const std::vector<double>& z, const std::vector<double>& y, std::size_t dim) {
  const std::size_t width = 2 * dim + 1;  // ZᵀZ | Zᵀy | 1
  std::vector<double> a(dim * width);
  for (std::size_t i = 0; i < dim; ++i)
    a[i * width + dim + 1 + i] = 1.0;
  for (std::size_t q = 0; q < y.size(); ++q) {
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j < dim; ++j)
        a[i * width + j] += z[i + dim * q] * z[j + dim * q];
      a[i * width + dim] += z[i + dim * q] * y[q];
    }
  }
  for (std::size_t k = 0; k < dim; ++k) {
    const double pivot = a[k * width + k];
    for (std::size_t j = 0; j < width; ++j)
      a[k * width + j] /= pivot;
    for (std::size_t i = 0; i < dim; ++i) {
      const double factor = a[i * width + k];
      if (i == k) continue;
      for (std::size_t j = 0; j < width; ++j)
        a[i * width + j] -= factor * a[k * width + j];
    }
  }
  Regression fit;
  for (std::size_t i = 0; i < dim; ++i) {
    fit.coefficient.push_back(a[i * width + dim]);
    fit.error.push_back(std::sqrt(a[i * width + dim + 1 + i]));
  }
  return fit;
}

/// z_j = x_j/√h_j of the inputs that a study would make.
std::vector<double> whitened_inputs(const std::vector<std::int64_t>& items, std::int64_t dim) {
  constexpr double alpha = 1.5;
  std::vector<double> x(items.size() * static_cast<std::size_t>(dim));
  fill_power_law({seed, Stream::data}, alpha, items, 0, {x.data(), dim, std::ssize(items), dim});
  for (std::size_t k = 0; k < x.size(); ++k)
    x[k] /= std::sqrt(power_law_eigenvalue(static_cast<std::int64_t>(k) % dim + 1, alpha));
  return x;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double variance(const std::vector<double>& values) {
  const double centre = mean(values);
  double sum = 0.0;
  for (const double v : values)
    sum += (v - centre) * (v - centre);
  return sum / static_cast<double>(values.size());
}

TEST(Teacher, CoefficientsFallAsAPowerLaw) {
  const Teacher plain({.dim = 4, .beta = 0.5}, seed);
  EXPECT_DOUBLE_EQ(plain.coefficients()[0], 1.0);
  EXPECT_DOUBLE_EQ(plain.coefficients()[3], 0.5);
  EXPECT_NEAR(plain.signal_variance(), 1.0 + 0.5 + 1.0 / 3 + 0.25, 1e-14);
  const Teacher unit({.dim = 4, .beta = 0.5, .unit_variance = true}, seed);
  EXPECT_EQ(unit.signal_variance(), 1.0);
  EXPECT_NEAR(unit.coefficients()[3], 0.5 / std::sqrt(plain.signal_variance()), 1e-15);
}

TEST(Teacher, RandomSignsAreFairAndKeyed) {
  const TeacherParameters parameters{.dim = 10000, .beta = 0.0, .signs = CoefficientSigns::random};
  const Teacher teacher(parameters, seed);
  double sum = 0.0;
  for (const double b : teacher.coefficients()) {
    ASSERT_EQ(std::fabs(b), 1.0);
    sum += b;
  }
  EXPECT_LT(std::fabs(sum), 4.5 * 100.0);
  const Teacher again(parameters, seed), other(parameters, seed + 1);
  EXPECT_TRUE(std::ranges::equal(again.coefficients(), teacher.coefficients()));
  EXPECT_FALSE(std::ranges::equal(other.coefficients(), teacher.coefficients()));
  // A larger dimension keeps the signs of a smaller.
  const Teacher small({.dim = 7, .beta = 0.0, .signs = CoefficientSigns::random}, seed);
  for (std::size_t j = 0; j < 7; ++j)
    EXPECT_EQ(small.coefficients()[j], teacher.coefficients()[j]);
}

TEST(Teacher, SignalIsTheSumOverInputs) {
  constexpr std::int64_t dim = 5000;  // several chunks
  const Teacher teacher({.dim = dim, .beta = 0.8, .signs = CoefficientSigns::random}, seed);
  const std::vector<std::int64_t> items = {40, 2};
  const auto z = whitened_inputs(items, dim);
  const TeacherTargets targets = teacher.targets(items);
  for (std::size_t q = 0; q < items.size(); ++q) {
    double sum = 0.0;
    for (std::size_t j = 0; j < static_cast<std::size_t>(dim); ++j)
      sum += teacher.coefficients()[j] * z[j + static_cast<std::size_t>(dim) * q];
    EXPECT_NEAR(targets.signal[q], sum, 1e-13);
    EXPECT_EQ(targets.noise[q], 0.0);
  }
}

TEST(Teacher, TargetsDependOnTheGlobalIndexAlone) {
  const Teacher teacher({.dim = 3000, .beta = 1.0, .second_order_share = 0.3, .noise_deviation = 2},
                        seed);
  const TeacherTargets all = teacher.targets(first_items(10));
  const TeacherTargets some = teacher.targets(std::vector<std::int64_t>{9, 0, 4});
  for (const auto& [q, i] : {std::pair{0u, 9u}, {1u, 0u}, {2u, 4u}}) {
    EXPECT_EQ(some.signal[q], all.signal[i]);
    EXPECT_EQ(some.noise[q], all.noise[i]);
  }
  EXPECT_TRUE(teacher.targets({}).signal.empty());
}

TEST(Teacher, RegressionRecoversTheCoefficients) {
  constexpr std::int64_t dim = 6, count = 20000;
  const Teacher teacher(
      {.dim = dim, .beta = 1.0, .signs = CoefficientSigns::random, .noise_deviation = 0.5}, seed);
  const auto items = first_items(count);
  const auto z = whitened_inputs(items, dim);
  const TeacherTargets targets = teacher.targets(items);
  std::vector<double> y = targets.signal;
  const Regression exact = regress(z, y, dim);
  for (std::size_t q = 0; q < y.size(); ++q)
    y[q] += targets.noise[q];
  const Regression noisy = regress(z, y, dim);
  for (std::size_t j = 0; j < dim; ++j) {
    EXPECT_NEAR(exact.coefficient[j], teacher.coefficients()[j], 1e-12);
    EXPECT_NEAR(noisy.coefficient[j], teacher.coefficients()[j], 4.5 * 0.5 * noisy.error[j]);
  }
  // Inputs of another seed are not those of the targets: the regression sees it.
  const Teacher stranger(teacher.parameters(), seed + 1);
  EXPECT_LT(std::fabs(regress(z, stranger.targets(items).signal, dim).coefficient[0]), 0.1);
}

TEST(Teacher, VarianceAndNoise) {
  constexpr std::int64_t count = 50000;
  const Teacher teacher({.dim = 50, .beta = 0.7, .unit_variance = true, .noise_deviation = 0.3},
                        seed);
  const TeacherTargets targets = teacher.targets(first_items(count));
  const double error = std::sqrt(2.0 / count);  // of the variance of a Gaussian, relative
  EXPECT_NEAR(variance(targets.signal), 1.0, 4.5 * error);
  EXPECT_NEAR(variance(targets.noise), 0.09, 4.5 * 0.09 * error);
  double product = 0.0;
  for (std::size_t q = 0; q < targets.signal.size(); ++q)
    product += targets.signal[q] * targets.noise[q] / count;
  EXPECT_NEAR(product, 0.0, 4.5 * 0.3 / std::sqrt(count));
}

TEST(Teacher, SecondOrderTakesItsShareOfTheVariance) {
  constexpr std::int64_t dim = 20, count = 100000;
  constexpr double share = 0.4;
  const Teacher linear({.dim = dim, .beta = 1.0}, seed);
  const Teacher mixed({.dim = dim, .beta = 1.0, .second_order_share = share}, seed);
  const auto items = first_items(count);
  const std::vector<double> first = linear.targets(items).signal,
                            both = mixed.targets(items).signal;
  const double norm = std::sqrt(linear.signal_variance());
  double along_first = 0.0, along_second = 0.0;
  for (std::size_t q = 0; q < first.size(); ++q) {
    const double u = first[q] / norm;
    along_first += both[q] / norm * u / count;
    along_second += both[q] / norm * (u * u - 1.0) / std::numbers::sqrt2 / count;
  }
  // Fourth to eighth moments of a Gaussian bound the deviations by 4/√count.
  EXPECT_NEAR(along_first, std::sqrt(1.0 - share), 4.5 * 4.0 / std::sqrt(count));
  EXPECT_NEAR(along_second, std::sqrt(share), 4.5 * 4.0 / std::sqrt(count));
  EXPECT_NEAR(mean(both), 0.0, 4.5 * norm / std::sqrt(count));
  EXPECT_NEAR(variance(both) / mixed.signal_variance(), 1.0, 4.5 * 4.0 / std::sqrt(count));
}

TEST(Teacher, RefusesWhatIsOutOfRange) {
  EXPECT_THROW(Teacher({.dim = 0}, seed), Error);
  EXPECT_THROW(Teacher({.dim = 2, .beta = std::nan("")}, seed), Error);
  EXPECT_THROW(Teacher({.dim = 2, .beta = -2000.0}, seed), Error);
  EXPECT_THROW(Teacher({.dim = 2, .second_order_share = 1.5}, seed), Error);
  EXPECT_THROW(Teacher({.dim = 2, .noise_deviation = -1.0}, seed), Error);
}

}  // namespace
}  // namespace fathom
