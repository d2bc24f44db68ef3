// Double-double kernels of infinitely wide networks against MPFR.

#include "base/error.hpp"
#include "exact_kernels.hpp"
#include "kernels/extended_mlp_kernel.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <quadmath.h>

namespace fathom {
namespace {

constexpr double u = double_double_roundoff;

std::vector<MlpKernelOptions> option_sets() {
  std::vector<MlpKernelOptions> all;
  for (const MlpKernelKind kind : {MlpKernelKind::nngp, MlpKernelKind::ntk})
    for (const int depth : {0, 1, 3, 6})
      for (const auto& [weight, bias] : {std::pair{1.5, 0.1}, {2.0, 0.0}, {0.3, 1.0}, {40.0, 0.5}})
        all.push_back({.kind = kind,
                       .activation = ActivationKind::erf,
                       .depth = depth,
                       .weight_variance = weight,
                       .bias_variance = bias,
                       .input_dim = 3,
                       .scale = depth == 1 ? 0.7 : 1.0});
  return all;
}

struct Pair {
  DoubleDouble xx, yy, xy;
};

/// Random, nearly parallel, antipodal and identical vectors of three coordinates.
std::vector<Pair> pairs() {
  Random random(11);
  std::vector<Pair> all;
  for (int k = 0; k < 120; ++k) {
    std::array<double, 3> x{}, y{};
    for (std::size_t c = 0; c < 3; ++c) {
      x[c] = random.uniform(-2, 2);
      const double other = random.uniform(-2, 2);
      y[c] = k % 4 == 0   ? other
             : k % 4 == 1 ? x[c] + std::ldexp(other, -k)
             : k % 4 == 2 ? -x[c]
                          : x[c];
    }
    Pair p{0.0, 0.0, 0.0};
    for (std::size_t c = 0; c < 3; ++c) {
      p.xx += DoubleDouble(x[c]) * x[c];
      p.yy += DoubleDouble(y[c]) * y[c];
      p.xy += DoubleDouble(x[c]) * y[c];
    }
    all.push_back(p);
  }
  return all;
}

TEST(ExtendedMlp, entries_lie_inside_their_bounds) {
  const std::vector<Pair> cases = pairs();
  for (const MlpKernelOptions& o : option_sets()) {
    const ExtendedMlpKernel kernel(o);
    std::vector<double> bound, truth;
    for (const Pair& p : cases) {
      const auto x = kernel.row({p.xx, 0.0}), y = kernel.row({p.yy, 0.0});
      const ExtendedValue got = kernel.entry(x, y, {p.xy, 0.0});
      const Mp exact = exact_kernel(o, p.xx, p.yy, p.xy);
      EXPECT_TRUE(inside(got, exact)) << "depth " << o.depth << ", " << o.weight_variance;
      EXPECT_TRUE(inside(x.diagonal, exact_kernel(o, p.xx, p.xx, p.xx)));
      EXPECT_TRUE(normalised(got.value));
      EXPECT_EQ(got.value, kernel.entry(y, x, {p.xy, 0.0}).value);
      bound.push_back(got.error);
      truth.push_back(distance(got.value, exact));
    }
    const auto median = [](std::vector<double>& v) {
      std::nth_element(v.begin(), v.begin() + std::ssize(v) / 2, v.end());
      return v[v.size() / 2];
    };
    EXPECT_LE(median(bound), 400 * median(truth) + 8 * u) << "depth " << o.depth;
  }
}

TEST(ExtendedMlp, carries_the_error_of_its_inner_products) {
  Random random(12);
  for (const MlpKernelOptions& o : option_sets()) {
    const ExtendedMlpKernel kernel(o);
    for (const Pair& p : pairs()) {
      const double e = std::ldexp(1.0, -70 - static_cast<int>(random.uniform(0, 30)));
      const auto off = [&](const DoubleDouble& v) {
        return ExtendedValue{v + random.uniform(-e, e), e};
      };
      const auto x = kernel.row(off(p.xx)), y = kernel.row(off(p.yy));
      EXPECT_TRUE(inside(kernel.entry(x, y, off(p.xy)), exact_kernel(o, p.xx, p.yy, p.xy)));
    }
  }
}

TEST(ExtendedMlp, a_wrong_entry_is_seen) {
  const MlpKernelOptions o = option_sets()[8];  // NNGP, depth 3
  const ExtendedMlpKernel kernel(o);
  const Pair p = pairs()[0];
  const auto x = kernel.row({p.xx, 0.0}), y = kernel.row({p.yy, 0.0});
  const Mp exact = exact_kernel(o, p.xx, p.yy, p.xy);
  EXPECT_TRUE(inside(kernel.entry(x, y, {p.xy, 0.0}), exact));
  EXPECT_FALSE(inside(kernel.entry(x, y, {p.xy + 1e-28, 0.0}), exact));
  EXPECT_FALSE(inside(kernel.entry(x, x, {p.xy, 0.0}), exact));
}

TEST(ExtendedMlp, agrees_with_the_double_kernel) {
  for (MlpKernelOptions o : option_sets()) {
    const ExtendedMlpKernel kernel(o);
    const MlpKernel rounded(o);
    for (const Pair& p : pairs()) {
      const double a = p.xx.x[0], b = p.yy.x[0], chord = to_double(p.xx + p.yy - 2.0 * p.xy);
      const auto got = kernel.entry(kernel.row({p.xx, 0.0}), kernel.row({p.yy, 0.0}), {p.xy, 0.0});
      EXPECT_NEAR(got.value.x[0], rounded.entry(a, b, chord),
                  2e-11 * kernel.row({p.xx, 0.0}).diagonal.value.x[0]);
    }
  }
}

TEST(ExtendedMlp, nan_stays_nan) {
  const ExtendedMlpKernel kernel(option_sets()[8]);
  const double nan = std::nan("");
  const auto bad = kernel.row({nan, nan}), good = kernel.row({1.0, 0.0});
  EXPECT_TRUE(std::isnan(bad.diagonal.value.x[0]));
  EXPECT_TRUE(std::isnan(kernel.entry(good, bad, {0.5, 0.0}).value.x[0]));
  EXPECT_TRUE(std::isnan(kernel.entry(good, good, {nan, 0.0}).value.x[0]));
}

TEST(ExtendedMlp, other_activations_are_refused) {
  EXPECT_THROW(ExtendedMlpKernel({.activation = ActivationKind::relu}), Error);
}

/// First column of the kernel on the equispaced circle.
std::vector<ExtendedValue> circulant(const ExtendedMlpKernel& kernel, std::int64_t n) {
  const Circle circle(n, CircleSpacing::equispaced);
  const auto row = kernel.row({1.0, 0.0});
  std::vector<ExtendedValue> column;
  for (std::int64_t i = 0; i < n; ++i)
    column.push_back(kernel.entry(row, row, inner_product(circle, i, 0)));
  return column;
}

/// λ_0 … λ_{n/2} of a circulant by a cosine transform in 113 bits.
std::vector<__float128> eigenvalues(const std::vector<ExtendedValue>& column) {
  const auto n = column.size();
  std::vector<__float128> cosine(n), lambda(n / 2 + 1, 0);
  for (std::size_t k = 0; k < n; ++k)
    cosine[k] = cosq(8 * atanq(1) * static_cast<__float128>(k) / static_cast<__float128>(n));
  for (std::size_t m = 0; m < lambda.size(); ++m)
    for (std::size_t k = 0; k < n; ++k)
      lambda[m] += (static_cast<__float128>(column[k].value.x[0]) +
                    static_cast<__float128>(column[k].value.x[1])) *
                   cosine[m * k % n];
  return lambda;
}

/// Falling to the floor 1e-31 λ₀ without a step back, and not below −1e-31 λ₀ beyond.
bool smooth_to_the_floor(const std::vector<__float128>& lambda) {
  const __float128 floor = 1e-31 * lambda[0];
  for (std::size_t m = 0; m < lambda.size(); ++m) {
    if (lambda[m] < -floor) return false;
    if (m > 1 && !(lambda[m] < 0.9 * lambda[m - 1] || fabsq(lambda[m]) < 10 * floor)) return false;
  }
  return true;
}

TEST(ExtendedMlp, equispaced_circle_is_circulant_with_a_smooth_spectrum) {
  for (const MlpKernelKind kind : {MlpKernelKind::nngp, MlpKernelKind::ntk}) {
    const MlpKernelOptions o{.kind = kind,
                             .activation = ActivationKind::erf,
                             .depth = 3,
                             .weight_variance = 1.5,
                             .bias_variance = 0.1,
                             .input_dim = 2};
    const ExtendedMlpKernel kernel(o);
    for (const std::int64_t n : {257, 400}) {
      std::vector<ExtendedValue> column = circulant(kernel, n);
      for (std::int64_t i = 0; i < n; ++i) {
        const Mp turn = Mp(static_cast<double>(i)) / Mp(static_cast<double>(n));
        const Mp exact = exact_kernel(o, 1, 1, cos(Mp(2) * Mp::pi() * turn));
        EXPECT_TRUE(inside(column[static_cast<std::size_t>(i)], exact)) << i << " of " << n;
        EXPECT_LT(column[static_cast<std::size_t>(i)].error, 2e-29);
      }
      EXPECT_TRUE(smooth_to_the_floor(eigenvalues(column)));
      column[static_cast<std::size_t>(n / 3)].value += 1e-27;
      EXPECT_FALSE(smooth_to_the_floor(eigenvalues(column)));
    }
  }
}

}  // namespace
}  // namespace fathom
