// Spectra of circulant kernels on the equispaced circle against their closed form.

#include "kernels/arc_cosine.hpp"
#include "kernels/data.hpp"
#include "kernels/mlp_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr long double pi = std::numbers::pi_v<long double>;

/// Fourier coefficient of a kernel on the circle: leading even term over k² (or k⁴), listed c₀, c₁.
struct Coefficients {
  long double c0, c1;
  long double (*even)(long double k);
  long double leading;  // of 1/k² in the even ones
};

const Coefficients kappa1_coefficients = {
    4 / (pi * pi), 0.25L, [](long double k) { return 4 / (pi * pi * (k * k - 1) * (k * k - 1)); },
    0};
const Coefficients tangent_coefficients = {
    6 / (pi * pi), 0.5L,
    [](long double k) { return 2 * (k * k + 3) / (pi * pi * (k * k - 1) * (k * k - 1)); },
    2 / (pi * pi)};

long double coefficient(const Coefficients& c, std::int64_t k) {
  if (k == 0) return c.c0;
  if (k == 1) return c.c1;
  return k % 2 == 1 ? 0.0L : c.even(static_cast<long double>(k));
}

/// λ_m = n Σ_q c_{|m+qn|}, 0 ≤ m ≤ n/2, the far terms by their integral.
double exact_eigenvalue(const Coefficients& c, std::int64_t n, std::int64_t m) {
  const std::int64_t last = std::max<std::int64_t>(4000, 400000 / n);
  long double sum = coefficient(c, m);
  for (std::int64_t q = last; q >= 1; --q)
    sum += coefficient(c, q * n + m) + coefficient(c, q * n - m);
  const std::int64_t stride = n % 2 == 0 ? 1 : 2;
  std::int64_t next = last + 1;
  while (next <= last + 2 && (next * n + m) % 2 != 0)
    ++next;
  if ((next * n + m) % 2 == 0) {
    const auto edge = static_cast<long double>(next) - 0.5L * stride;
    const auto size = static_cast<long double>(n);
    sum += 2 * c.leading / (size * size * stride * edge);
  }
  return static_cast<double>(static_cast<long double>(n) * sum);
}

/// Eigenvalues m = 0 … n/2 of the circulant with this first column.
std::vector<double> circulant_spectrum(const std::vector<double>& column) {
  const std::size_t n = column.size();
  std::vector<long double> cosine(n);
  for (std::size_t k = 0; k < n; ++k)
    cosine[k] = cosl(2 * pi * static_cast<long double>(k) / static_cast<long double>(n));
  std::vector<double> spectrum;
  for (std::size_t m = 0; m <= n / 2; ++m) {
    long double sum = 0;
    for (std::size_t j = 0; j < n; ++j)
      sum += column[j] * cosine[m * j % n];
    spectrum.push_back(static_cast<double>(sum));
  }
  return spectrum;
}

/// First column of a kernel's matrix, through the block interface.
std::vector<double> first_column(MlpKernelKind kind, std::int64_t n) {
  const Circle circle(n, CircleSpacing::equispaced);
  const MlpKernel kernel({kind, ActivationKind::relu, 1, 2.0, 0.0, 2, 1.0});
  std::vector<std::int64_t> index(static_cast<std::size_t>(n));
  std::iota(index.begin(), index.end(), 0);
  const std::vector<double> ones(index.size(), 1.0);
  const MapSide side = kernel.side(ones, index);
  std::vector<double> column(index.size());
  const MatrixView<double> block{column.data(), n, 1, n};
  circle.fill_squared_chords(index, std::span(index).first(1), block);
  kernel.apply(side, 0, side, 0, block);
  return column;
}

double largest_error(const std::vector<double>& spectrum, const Coefficients& c, std::int64_t n) {
  double worst = 0.0;
  for (std::int64_t m = 0; m <= n / 2; ++m)
    worst = std::max(worst,
                     std::fabs(spectrum[static_cast<std::size_t>(m)] - exact_eigenvalue(c, n, m)));
  return worst;
}

class CircleOf : public testing::TestWithParam<std::int64_t> {};

TEST_P(CircleOf, ArcCosineSpectrum) {
  const std::int64_t n = GetParam();
  const auto spectrum = circulant_spectrum(first_column(MlpKernelKind::nngp, n));
  EXPECT_LT(largest_error(spectrum, kappa1_coefficients, n), 2e-16 * static_cast<double>(n));
}

TEST_P(CircleOf, TangentSpectrum) {
  const std::int64_t n = GetParam();
  const auto spectrum = circulant_spectrum(first_column(MlpKernelKind::ntk, n));
  // Next to the antipodes κ₀ is steep; the sum of its errors there is about ε n ln n.
  EXPECT_LT(largest_error(spectrum, tangent_coefficients, n), 1e-15 * static_cast<double>(n));
  EXPECT_GT(*std::min_element(spectrum.begin(), spectrum.end()), -1e-15 * static_cast<double>(n));
}

TEST_P(CircleOf, TheCheckSeesADiagonalOffByHalfOfTheDigits) {
  const std::int64_t n = GetParam();
  auto column = first_column(MlpKernelKind::ntk, n);
  column[0] -= 1e-8;
  EXPECT_GT(largest_error(circulant_spectrum(column), tangent_coefficients, n),
            1e-15 * static_cast<double>(n));
}

INSTANTIATE_TEST_SUITE_P(Sizes, CircleOf, testing::Values(8, 63, 64, 1023, 1024, 4096));

TEST(Circle, OddModesOfEvenSizesAreNull) {
  const auto spectrum = circulant_spectrum(first_column(MlpKernelKind::ntk, 64));
  for (std::size_t m = 3; m <= 32; m += 2)
    EXPECT_LT(std::fabs(spectrum[m]), 2e-14) << m;
  EXPECT_GT(spectrum[32], 1e-3) << "even modes are not";
}

TEST(Circle, BareKernelsAreTheNetworksOfOneLayer) {
  const std::int64_t n = 64;
  const Circle circle(n, CircleSpacing::equispaced);
  const auto nngp = first_column(MlpKernelKind::nngp, n), ntk = first_column(MlpKernelKind::ntk, n);
  for (std::int64_t i = 0; i < n; ++i) {
    const double defect = 0.5 * circle.squared_chord(i, 0);
    EXPECT_NEAR(nngp[static_cast<std::size_t>(i)], arc_cosine(defect).kappa1, 4e-16);
    EXPECT_NEAR(ntk[static_cast<std::size_t>(i)], arc_cosine_tangent(defect), 8e-16);
  }
}

}  // namespace
}  // namespace fathom
