#include "kernels/mlp_kernel.hpp"

#include "base/error.hpp"
#include "oracles.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <quadmath.h>

namespace fathom {
namespace {

__extension__ typedef __float128 Quad;

const Quad quad_pi = 4 * atanq(Quad(1));

constexpr double eps = 0x1p-53;

/// The recursion as it is written down, in 113 bits, from |x|², |y|² and |x−y|² as given.
double straightforward(const MlpKernelOptions& o, double a, double b, double chord) {
  const Quad sw = o.weight_variance, sb = o.bias_variance, n0 = static_cast<double>(o.input_dim);
  Quad kx = sw * a / n0 + sb, ky = sw * b / n0 + sb;
  Quad c = sw * ((Quad(a) + Quad(b) - Quad(chord)) / 2) / n0 + sb, theta_kernel = c;
  for (int l = 0; l < o.depth; ++l) {
    Quad mean, slope;
    if (o.activation == ActivationKind::relu) {
      const Quad root = sqrtq(kx * ky);
      Quad u = c / root;
      u = u > 1 ? Quad(1) : (u < -1 ? Quad(-1) : u);
      const Quad angle = acosq(u);
      mean = root / (2 * quad_pi) * (sinq(angle) + (quad_pi - angle) * u);
      slope = (quad_pi - angle) / (2 * quad_pi);
      kx = sw * kx / 2 + sb;
      ky = sw * ky / 2 + sb;
    } else {
      const Quad product = (1 + 2 * kx) * (1 + 2 * ky);
      mean = 2 / quad_pi * asinq(2 * c / sqrtq(product));
      slope = 4 / quad_pi / sqrtq(product - 4 * c * c);
      kx = sw * 2 / quad_pi * asinq(2 * kx / (1 + 2 * kx)) + sb;
      ky = sw * 2 / quad_pi * asinq(2 * ky / (1 + 2 * ky)) + sb;
    }
    c = sw * mean + sb;
    theta_kernel = c + sw * slope * theta_kernel;
  }
  return static_cast<double>(o.kind == MlpKernelKind::ntk ? theta_kernel : c);
}

std::vector<MlpKernelOptions> every_kernel() {
  std::vector<MlpKernelOptions> all;
  for (const MlpKernelKind kind : {MlpKernelKind::nngp, MlpKernelKind::ntk})
    for (const ActivationKind activation : {ActivationKind::relu, ActivationKind::erf})
      for (const int depth : {0, 1, 2, 5})
        for (const double bias : {0.0, 0.1, 3.0})
          all.push_back({kind, activation, depth, 1.7, bias, 3, 1.0});
  return all;
}

std::string text(const MlpKernelOptions& o) {
  return std::string(o.kind == MlpKernelKind::ntk ? "ntk " : "nngp ") +
         std::string(name(o.activation)) + " depth " + std::to_string(o.depth) + " bias " +
         std::to_string(o.bias_variance);
}

TEST(MlpKernel, EqualNormsToFullAccuracyAtEveryAngle) {
  for (const MlpKernelOptions& o : every_kernel()) {
    const MlpKernel kernel(o);
    for (const double theta : {1e-12, 1e-9, 1e-6, 1e-3, 0.1, 1.0, 2.0, 3.0, 3.141592}) {
      const double a = 2.3, chord = 4.0 * a * std::pow(std::sin(0.5 * theta), 2);
      const double exact = straightforward(o, a, a, chord);
      // erf takes its deeper defects from correlations: smooth there, but not relative.
      const double ulps = o.activation == ActivationKind::relu ? 16.0 : 40.0;
      // Next to the antipode the chord itself does not say more.
      const double antipodal =
          theta > 3.1 ? 4.0 * eps * oracle::mapped(kernel, a, a, chord).slope : 0.0;
      EXPECT_NEAR(kernel.entry(a, a, chord), exact,
                  ulps * eps * (1.0 + o.depth) * (1.0 + std::fabs(exact)) + antipodal)
          << text(o) << " theta " << theta;
    }
  }
}

TEST(MlpKernel, UnequalNormsToTheAccuracyThatTheSlopeStates) {
  for (const MlpKernelOptions& o : every_kernel()) {
    const MlpKernel kernel(o);
    for (const double ratio : {1.0 + 1e-9, 1.001, 1.5, 20.0}) {
      for (const double theta : {1e-12, 1e-8, 1e-4, 0.1, 1.0, 2.5}) {
        const double a = 1.9, b = a * ratio * ratio;
        const double chord = std::pow(std::sqrt(b) - std::sqrt(a), 2) +
                             4.0 * std::sqrt(a * b) * std::pow(std::sin(0.5 * theta), 2);
        const auto mapped = oracle::mapped(kernel, a, b, chord);
        const double exact = straightforward(o, a, b, chord);
        const double rounding = 4.0 * eps * (1.0 + chord / std::sqrt(a * b));
        EXPECT_NEAR(
            mapped.value, exact,
            rounding * mapped.slope + 40.0 * eps * (1.0 + o.depth) * (1.0 + std::fabs(exact)))
            << text(o) << " ratio " << ratio << " theta " << theta;
      }
    }
  }
}

TEST(MlpKernel, TheOracleSeesAPlantedDefect) {
  // What plain correlations in double make of a pair at θ = 1e-6, one hidden layer.
  const MlpKernelOptions o{MlpKernelKind::ntk, ActivationKind::relu, 1, 2.0, 0.0, 1, 1.0};
  const double theta = 1e-6, chord = std::pow(2.0 * std::sin(0.5 * theta), 2);
  const double angle = std::acos(std::cos(theta));
  const double plain = 2.0 * std::numbers::inv_pi *
                       (std::sin(angle) + 2.0 * (std::numbers::pi - angle) * std::cos(angle));
  const double exact = straightforward(o, 1.0, 1.0, chord);
  EXPECT_GT(std::fabs(plain - exact), 1e-12);
  EXPECT_NEAR(MlpKernel(o).entry(1.0, 1.0, chord), exact, 4e-15);
}

TEST(MlpKernel, SlopeIsTheDifferenceQuotientByTheDefect) {
  for (const MlpKernelOptions& o : every_kernel()) {
    const MlpKernel kernel(o);
    const double a = 1.2, b = 0.7, root = std::sqrt(a * b);
    for (const double s : {-0.3, 0.1, 0.6}) {
      constexpr double h = 1e-5;
      const auto at = [&](double inner) { return a + b - 2.0 * inner; };
      const double quotient =
          std::fabs(kernel.entry(a, b, at(s + h)) - kernel.entry(a, b, at(s - h))) / (2 * h) * root;
      const double slope = oracle::mapped(kernel, a, b, at(s)).slope;
      if (o.kind == MlpKernelKind::nngp || s > 0.0) {
        EXPECT_NEAR(slope, quotient, 1e-6 * (1.0 + quotient)) << text(o) << " s " << s;
      } else {  // terms of opposite sign are added up to a bound
        EXPECT_GE(slope, quotient * (1.0 - 1e-6)) << text(o) << " s " << s;
      }
    }
  }
}

TEST(MlpKernel, ReluTangentDiagonal) {
  // Θ_L(x, x) = (L+1)·2|x|²/n₀ for σ_w² = 2 without bias.
  for (const int depth : {0, 1, 2, 3, 7}) {
    const MlpKernel kernel({MlpKernelKind::ntk, ActivationKind::relu, depth, 2.0, 0.0, 5, 1.0});
    const double a = 3.7;
    const std::int64_t index = 0;
    EXPECT_NEAR(kernel.side({&a, 1}, {&index, 1}).diagonal[0], (depth + 1) * 2.0 * a / 5.0, 1e-14);
  }
}

TEST(MlpKernel, DiagonalIsTheEntryOfEqualRows) {
  for (const MlpKernelOptions& o : every_kernel()) {
    const MlpKernel kernel(o);
    const double a = 3.7;
    const std::int64_t index = 0;
    const double diagonal = kernel.side({&a, 1}, {&index, 1}).diagonal[0];
    EXPECT_NEAR(kernel.entry(a, a, 0.0), diagonal, 1e-14 * diagonal) << text(o);
    EXPECT_NEAR(straightforward(o, a, a, 0.0), diagonal, 1e-14 * diagonal) << text(o);
  }
}

TEST(MlpKernel, LayersAreGaussianMeans) {
  // Two erf layers, each by quadrature in two dimensions.
  const MlpKernelOptions o{MlpKernelKind::nngp, ActivationKind::erf, 2, 1.5, 0.2, 2, 1.0};
  const auto f = [](double x) { return std::erf(x); };
  const double a = 1.3, b = 2.1, s = 0.5;
  double kx = 1.5 * a / 2 + 0.2, ky = 1.5 * b / 2 + 0.2, c = 1.5 * s / 2 + 0.2;
  for (int l = 0; l < 2; ++l) {
    const double next = 1.5 * oracle::gaussian_pair(f, kx, ky, c) + 0.2;
    kx = 1.5 * oracle::gaussian_pair(f, kx, kx, kx) + 0.2;
    ky = 1.5 * oracle::gaussian_pair(f, ky, ky, ky) + 0.2;
    c = next;
  }
  EXPECT_NEAR(MlpKernel(o).entry(a, b, a + b - 2 * s), c, 1e-12);
}

TEST(MlpKernel, ZeroRowsAreMapped) {
  const MlpKernelOptions plain{MlpKernelKind::ntk, ActivationKind::relu, 2, 2.0, 0.0, 3, 1.0};
  EXPECT_EQ(MlpKernel(plain).entry(0.0, 1.0, 1.0), 0.0);
  MlpKernelOptions biased = plain;
  biased.bias_variance = 0.5;
  EXPECT_NEAR(MlpKernel(biased).entry(0.0, 1.0, 1.0), straightforward(biased, 0.0, 1.0, 1.0),
              1e-14);
}

TEST(MlpKernel, NanStaysNanOffTheDiagonal) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const MlpKernelOptions& o : every_kernel())
    EXPECT_TRUE(std::isnan(MlpKernel(o).entry(1.0, 1.0, nan))) << text(o);
}

TEST(MlpKernel, OtherActivationsAreADeckFault) {
  try {
    MlpKernel({MlpKernelKind::ntk, ActivationKind::tanh, 1, 2.0, 0.0, 1, 1.0});
    FAIL() << "tanh was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deck);
  }
}

}  // namespace
}  // namespace fathom
