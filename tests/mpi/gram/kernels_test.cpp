// Kernels of random features and infinitely wide networks against direct evaluation in long double,
// and the error estimate against the true error.

#include "gathered.hpp"
#include "gram/mlp_gram.hpp"
#include "gram/population.hpp"
#include "gram/random_features.hpp"

#include <numbers>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double tolerance = 1e-13;

/// E[f(x) f(y)] of monomials and ReLU, in long double (THEORY.md 1.1, 1.2).
long double expectation(const Activation& f, long double a, long double b, long double s) {
  if (f.kind() == ActivationKind::relu) {
    const long double c = std::clamp(s / std::sqrt(a * b), -1.0L, 1.0L), theta = std::acos(c);
    return std::sqrt(a * b) / (2 * std::numbers::pi_v<long double>)*(
                                  std::sin(theta) + (std::numbers::pi_v<long double> - theta) * c);
  }
  switch (f.degree()) {
    case 1:
      return s;
    case 2:
      return a * b + 2 * s * s;
    case 3:
      return 9 * a * b * s + 6 * s * s * s;
    case 4:
      return 9 * a * a * b * b + 72 * a * b * s * s + 24 * s * s * s * s;
  }
  return std::nanl("");
}

Reference population(const PopulationSpec& spec) {
  const Reference s =
      gram_of(made(*power_law_weights(spec.features, spec.dim, spec.alpha, spec.seed)));
  Reference k(s.rows, s.rows);
  for (std::int64_t i = 0; i < s.rows; ++i)
    for (std::int64_t j = 0; j < s.rows; ++j)
      k(i, j) = expectation(spec.activation, s(i, i), s(j, j), s(i, j)) /
                static_cast<long double>(spec.features);
  return k;
}

std::vector<Activation> activations() {
  std::vector<Activation> all;
  for (int p = 1; p <= 4; ++p)
    all.emplace_back(ActivationKind::monomial, p);
  all.emplace_back(ActivationKind::relu);
  return all;
}

std::vector<AssemblyOptions> option_sets() {
  std::vector<AssemblyOptions> all(4);
  all[0].movement = Movement::in_place;
  all[1].movement = Movement::made_once;
  all[2].movement = Movement::in_place;
  all[2].chunk = 11;
  all[3].movement = Movement::made_once;
  all[3].chunk = 11;
  return all;
}

/// The estimate is an upper one, and not absurd.
void expect_estimate(double estimate, const Reference& computed, const Reference& exact,
                     const std::string& what) {
  const double truth = error_norm(computed, exact);
  EXPECT_GE(estimate, truth) << what;
  EXPECT_LE(estimate, 1000 * truth) << what;
}

TEST(Population, equals_its_definition_on_every_grid) {
  const Communicator world = Communicator::world();
  for (const Activation& f : activations()) {
    const PopulationSpec spec{.features = 43, .dim = 90, .alpha = 1.5, .seed = 2, .activation = f};
    const Reference expected = population(spec);
    for (const GridShape shape : shapes(world.size())) {
      const ProcessGrid grid(world, shape);
      for (const AssemblyOptions& options : option_sets()) {
        const Assembly got = assemble_population(grid, 5, spec, options);
        EXPECT_LT(difference(gathered(got.symmetric.matrix), expected), tolerance)
            << fmt::format("{} grid {}x{} {}", got.report.kernel, shape.nprow, shape.npcol,
                           name(options.movement));
      }
    }
  }
}

TEST(Population, estimate_bounds_the_true_error) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 100, 8));
  for (const Activation& f : activations())
    for (const double alpha : {1.1, 1.5, 3.0}) {
      const PopulationSpec spec{
          .features = 100, .dim = 700, .alpha = alpha, .seed = 7, .activation = f};
      const Assembly got = assemble_population(grid, 8, spec);
      expect_estimate(got.symmetric.assembly_error, gathered(got.symmetric.matrix),
                      population(spec), fmt::format("{}", got.report.kernel));
    }
}

TEST(Population, overlap_estimate_bounds_the_true_error) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 100, 8));
  const PopulationSpec spec{.features = 100, .dim = 900, .alpha = 1.5, .seed = 7};

  const Assembly got = assemble_population_overlap(grid, 8, spec);

  expect_estimate(got.symmetric.assembly_error, gathered(got.symmetric.matrix),
                  gram_of(made(*power_law_weights(100, 900, 1.5, 7))), "overlap");
}

/// F = f(X W), n × d.
Reference features(const DataRows& data, const RandomFeatureSpec& spec) {
  const Reference x = made(data), w = made(*normal_weights(spec.features, data.dim(), spec.seed));
  Reference f(x.rows, w.rows);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t j = 0; j < w.rows; ++j) {
      long double y = 0;
      for (std::int64_t k = 0; k < x.cols; ++k)
        y += x(i, k) * w(j, k);
      f(i, j) = spec.activation.kind() == ActivationKind::relu
                    ? std::max(y, 0.0L)
                    : std::pow(y, static_cast<long double>(spec.activation.degree()));
    }
  return f;
}

TEST(RandomFeatures, both_sides_equal_their_definition_on_every_grid) {
  const Communicator world = Communicator::world();
  const auto data = power_law_rows(31, 60, 1.5, 9);
  const ProcessGrid other(world, {world.size(), 1});
  DistMatrix x = DistMatrix::make(other, 31, 60, 4, 9);
  const Reference rows = made(*data);
  x.fill_from([&](std::int64_t i, std::int64_t j) { return static_cast<double>(rows(i, j)); });
  const auto held = given_rows(x, 0x1p-53, "the same, held");
  for (const GramSide side : {GramSide::gram, GramSide::covariance})
    for (const int p : {2, 3}) {
      const RandomFeatureSpec spec{22, 3, Activation(ActivationKind::monomial, p), side};
      const Reference f = features(*data, spec);
      const Reference expected = gram_of(side == GramSide::gram ? f : transposed(f), 1.0L / 22);
      for (const GridShape shape : shapes(world.size())) {
        const ProcessGrid grid(world, shape);
        for (const AssemblyOptions& options : option_sets())
          for (const DataRows* source : {data.get(), held.get()}) {
            const Assembly got = assemble_random_features(grid, 3, spec, *source, options);
            EXPECT_LT(difference(gathered(got.symmetric.matrix), expected), tolerance)
                << fmt::format("{}, grid {}x{}, {}", got.report.kernel, shape.nprow, shape.npcol,
                               got.report.reason);
          }
      }
    }
}

TEST(RandomFeatures, long_rows_are_multiplied_slab_by_slab) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 9, 2));
  const auto data = sphere_rows(9, 1500, 1);  // more than a share of the matrix: made again
  const RandomFeatureSpec spec{40, 3, Activation(ActivationKind::relu), GramSide::gram};

  const Assembly got = assemble_random_features(grid, 2, spec, *data);

  EXPECT_LT(difference(gathered(got.symmetric.matrix), gram_of(features(*data, spec), 1.0L / 40)),
            tolerance);
}

TEST(RandomFeatures, the_smaller_side_is_the_default) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, {1, 1});
  const auto data = power_law_rows(12, 8, 1.5, 1);

  EXPECT_EQ(assemble_random_features(grid, 2, {5, 1}, *data).symmetric.matrix.rows(), 5);
  EXPECT_EQ(assemble_random_features(grid, 2, {20, 1}, *data).symmetric.matrix.rows(), 12);
}

TEST(RandomFeatures, estimate_bounds_the_true_error) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 80, 8));
  const auto data = power_law_rows(80, 600, 1.5, 9);
  for (const Activation& f : activations()) {
    const RandomFeatureSpec spec{110, 3, f, GramSide::gram};
    const Assembly got = assemble_random_features(grid, 8, spec, *data);
    expect_estimate(got.symmetric.assembly_error, gathered(got.symmetric.matrix),
                    gram_of(features(*data, spec), 1.0L / 110), got.report.kernel);
  }
}

/// NTK of one hidden ReLU layer, σ_w² = 2, σ_b = 0, θ from the chord of the directions.
Reference relu_ntk(const Reference& x) {
  const auto pi = std::numbers::pi_v<long double>;
  const long double dim = static_cast<long double>(x.cols);
  Reference k(x.rows, x.rows);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t j = 0; j < x.rows; ++j) {
      long double a = 0, b = 0, minus = 0, plus = 0;
      for (std::int64_t c = 0; c < x.cols; ++c)
        a += x(i, c) * x(i, c), b += x(j, c) * x(j, c);
      a = std::sqrt(a), b = std::sqrt(b);
      for (std::int64_t c = 0; c < x.cols; ++c) {
        const long double u = x(i, c) / a, w = x(j, c) / b;
        minus += (u - w) * (u - w), plus += (u + w) * (u + w);
      }
      const long double theta = 2 * std::atan2(std::sqrt(minus), std::sqrt(plus));
      const long double size = 2 * a * b / dim, cosine = std::cos(theta);
      const long double kappa0 = (pi - theta) / pi;
      const long double kappa1 = (std::sin(theta) + (pi - theta) * cosine) / pi;
      k(i, j) = size * (kappa1 + cosine * kappa0);
    }
  return k;
}

constexpr MlpKernelOptions one_layer{.kind = MlpKernelKind::ntk, .depth = 1};

TEST(MlpGram, ntk_of_spread_data_on_every_grid) {
  const Communicator world = Communicator::world();
  const auto data = power_law_rows(33, 20, 1.2, 5);
  const Reference expected = relu_ntk(made(*data));
  for (const GridShape shape : shapes(world.size())) {
    const ProcessGrid grid(world, shape);
    for (const AssemblyOptions& options : option_sets()) {
      const Assembly got = assemble_mlp_kernel(grid, 4, one_layer, *data, options);
      EXPECT_LT(difference(gathered(got.symmetric.matrix), expected), tolerance)
          << fmt::format("grid {}x{} {}", shape.nprow, shape.npcol, got.report.reason);
    }
  }
}

/// Rows in pairs that differ by 1e-7 … 1e-1 in one coordinate.
Reference close_pairs(std::int64_t n, std::int64_t dim) {
  Reference x = made(*sphere_rows(n, dim, 3));
  for (std::int64_t i = 1; i < n; i += 2) {
    for (std::int64_t k = 0; k < dim; ++k)
      x(i, k) = x(i - 1, k);
    x(i, 0) = static_cast<double>(x(i, 0) + std::pow(10.0L, -1 - static_cast<long double>(i % 7)));
  }
  return x;
}

TEST(MlpGram, close_pairs_keep_their_digits) {
  // From dot products alone the worst of these entries is off by 1e-9.
  const Communicator world = Communicator::world();
  const Reference x = close_pairs(24, 10);
  const Reference expected = relu_ntk(x);
  for (const GridShape shape : shapes(world.size())) {
    const ProcessGrid grid(world, shape);
    DistMatrix held = DistMatrix::make(grid, x.rows, x.cols, 3, 3);
    held.fill_from([&](std::int64_t i, std::int64_t j) { return static_cast<double>(x(i, j)); });
    const auto rows = given_rows(held, 0x1p-53, "close pairs");
    for (const std::int64_t chunk : {0, 3}) {
      AssemblyOptions options;
      options.chunk = chunk;
      const Assembly got = assemble_mlp_kernel(grid, 4, one_layer, *rows, options);
      const Reference k = gathered(got.symmetric.matrix);
      EXPECT_LT(difference(k, expected), tolerance) << shape.nprow << "x" << shape.npcol;
      expect_estimate(got.symmetric.assembly_error, k, expected, "close pairs");
      EXPECT_NE(got.report.note.find("close pairs"), std::string::npos);
    }
  }
}

TEST(MlpGram, circle_is_circulant_bit_by_bit) {
  const Communicator world = Communicator::world();
  const auto data = circle_rows(40, CircleSpacing::equispaced, 0);
  const ProcessGrid grid(world, choose_grid(world.size(), 40, 3));

  const Reference k = gathered(assemble_mlp_kernel(grid, 3, one_layer, *data).symmetric.matrix);

  for (std::int64_t i = 0; i < 40; ++i)
    for (std::int64_t j = 0; j < 40; ++j)
      EXPECT_EQ(k(i, j), k(0, (j - i + 40) % 40));
  // σ_w² |x|² / n₀ = 1, and κ₁ + κ₀ = 2 on the diagonal.
  EXPECT_EQ(k(7, 7), 2.0L);
}

}  // namespace
}  // namespace fathom
