// Factors against the assembled Gram matrices: every grid, chunks and blocks of every kind.

#include "gram/factor.hpp"

#include "filled.hpp"
#include "gram/given_matrix.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;

constexpr double tolerance = 1e-13;

/// FᵀF from whole factors on every grid, against `expected`.
void expect_factor_of(const FactorSource& factor, const Reference& expected,
                      const Communicator& world) {
  ASSERT_EQ(factor.cols(), expected.rows);
  const std::int64_t rows = factor.rows();
  struct Layout {
    std::int64_t chunk, mb, nb;
  };
  for (const GridShape shape : shapes(world.size())) {
    if (shape.nprow * shape.npcol < world.size() - 1) continue;  // one idle rank is enough
    const ProcessGrid grid(world, shape);
    for (const Layout& l : {Layout{1, 1, 1}, {rows > 60 ? 50 : 7, 3, 5}, {rows, 1, 2}}) {
      if (l.chunk == 1 && rows > 10) continue;
      const Reference f = filled(factor, grid, l.mb, l.nb, l.chunk);
      EXPECT_LT(difference(gram_of(transposed(f)), expected), tolerance)
          << fmt::format("{}, grid {}x{}, blocks {}x{}, chunk {}", factor.description(),
                         shape.nprow, shape.npcol, l.mb, l.nb, l.chunk);
    }
  }
}

Reference assembled(Assembly assembly) {
  return gathered(assembly.symmetric.matrix);
}

ProcessGrid some_grid(const Communicator& world, std::int64_t n) {
  return ProcessGrid(world, choose_grid(world.size(), n, 4));
}

TEST(Factor, of_the_linear_population_covariance) {
  const Communicator world = Communicator::world();
  for (const auto& [d, v] : {std::pair(1, 1), {1, 9}, {9, 1}, {23, 11}}) {
    PopulationSpec spec;
    spec.features = d;
    spec.dim = v;
    const Factor factor = population_factor(world, spec);
    ASSERT_NE(factor.source, nullptr) << factor.reason;
    EXPECT_EQ(factor.source->rank_bound(), std::min(d, v));
    EXPECT_EQ(factor.source->dropped(), 0);
    EXPECT_TRUE(factor.source->graded());
    expect_factor_of(*factor.source, assembled(assemble_population(some_grid(world, d), 4, spec)),
                     world);
  }
}

TEST(Factor, of_monomial_population_covariances) {
  const Communicator world = Communicator::world();
  for (const auto& [p, d, v, alpha] : {std::tuple(2, 9, 16, 1.5),
                                       {2, 1, 5, 1.5},
                                       {2, 12, 1, 1.5},
                                       {3, 8, 7, 1.2},
                                       {4, 6, 5, 1.5},
                                       {8, 5, 3, 1.5},
                                       {2, 20, 80, 16.0},
                                       {3, 15, 45, 14.0}}) {
    PopulationSpec spec;
    spec.features = d;
    spec.dim = v;
    spec.alpha = alpha;
    spec.activation = Activation(ActivationKind::monomial, p);
    FactorOptions options;
    options.tolerance = 1e-32;
    const Factor factor = population_factor(world, spec, options);
    ASSERT_NE(factor.source, nullptr) << factor.reason;
    const FactorEstimate estimate = estimate_population_factor(spec, options);
    EXPECT_TRUE(estimate.exists);
    EXPECT_EQ(estimate.rows, factor.source->rows());
    EXPECT_EQ(factor.source->rank_bound(), v == 1 ? 1 : d);
    const Reference k = assembled(assemble_population(some_grid(world, d), 4, spec));
    EXPECT_LE(factor.source->dropped(), 1e-30 * static_cast<double>(k.largest()));
    EXPECT_EQ(factor.source->dropped() > 0, alpha > 10);
    expect_factor_of(*factor.source, k, world);
  }
}

TEST(Factor, leaves_out_what_its_tolerance_allows_and_no_more) {
  const Communicator world = Communicator::world();
  PopulationSpec spec;
  spec.features = 30;
  spec.dim = 60;
  spec.alpha = 3;
  spec.activation = Activation(ActivationKind::monomial, 2);
  FactorOptions options;
  options.tolerance = 1e-4;
  const Factor factor = population_factor(world, spec, options);
  ASSERT_NE(factor.source, nullptr);
  const ProcessGrid grid = some_grid(world, 30);
  const Reference k = assembled(assemble_population(grid, 4, spec));
  const Reference kept = gram_of(transposed(filled(*factor.source, grid, 4, 4, 100)));
  const double norm = error_norm(k, Reference(30, 30)), left = error_norm(k, kept);
  EXPECT_LT(factor.source->rows(), 60 * 61 / 2);
  EXPECT_LE(left, factor.source->dropped());
  EXPECT_GT(left, 1e-4 * factor.source->dropped());
  EXPECT_LE(factor.source->dropped(), 4 * options.tolerance * norm);
}

TEST(Factor, left_alone_drops_less_than_the_smallest_eigenvalue) {
  const Communicator world = Communicator::world();
  for (const auto& [p, alpha] : {std::pair(2, 4.0), {2, 8.0}, {3, 6.0}}) {
    PopulationSpec spec;
    spec.features = 24;
    spec.dim = 48;
    spec.alpha = alpha;
    spec.activation = Activation(ActivationKind::monomial, p);
    const Factor factor = population_factor(world, spec);
    ASSERT_NE(factor.source, nullptr);
    // The smallest pivot of an elimination is at least the smallest eigenvalue, and near it.
    Reference k = gathered(assemble_population(some_grid(world, 24), 4, spec).symmetric.matrix);
    long double smallest = HUGE_VALL;
    for (std::int64_t j = 0; j < 24; ++j) {
      smallest = std::min(smallest, k(j, j));
      for (std::int64_t r = j + 1; r < 24; ++r)
        for (std::int64_t c = j + 1; c < 24; ++c)
          k(r, c) -= k(r, j) * k(j, c) / k(j, j);
    }
    EXPECT_GT(factor.source->dropped(), 0);
    EXPECT_LT(factor.source->dropped(), 0.1 * static_cast<double>(smallest));
  }
}

TEST(Factor, with_too_many_rows_says_how_many) {
  const Communicator world = Communicator::world();
  PopulationSpec spec;
  spec.features = 10;
  spec.dim = 4000;
  spec.alpha = 1.5;
  for (const int p : {2, 4, 8}) {
    spec.activation = Activation(ActivationKind::monomial, p);
    FactorOptions options;
    options.max_rows = 40000;
    const Factor factor = population_factor(world, spec, options);
    EXPECT_EQ(factor.source, nullptr);
    EXPECT_THAT(factor.reason, HasSubstr("more than 40000 rows"));
    EXPECT_FALSE(estimate_population_factor(spec, options).exists);
  }
}

TEST(Factor, of_random_features_on_either_side_of_made_and_held_data) {
  const Communicator world = Communicator::world();
  for (const auto& [n, d, v] : {std::tuple(1, 1, 1), {1, 6, 3}, {6, 1, 3}, {9, 21, 14}}) {
    const auto data = power_law_rows(n, v, 1.2, 3);
    const ProcessGrid file(world, {world.size(), 1});
    const DistMatrix x = held_copy(*data, file, 2, 3);
    const auto held = given_rows(x, 0x1p-24, "a file");
    for (const ActivationKind kind : {ActivationKind::relu, ActivationKind::erf})
      for (const GramSide side : {GramSide::gram, GramSide::covariance}) {
        RandomFeatureSpec spec;
        spec.features = d;
        spec.activation = Activation(kind);
        spec.side = side;
        const ProcessGrid grid = some_grid(world, n);
        const Reference k = assembled(assemble_random_features(grid, 4, spec, *data));
        const auto made_there = random_feature_factor(world, spec, *data);
        expect_factor_of(*made_there, k, world);
        const auto from_file = random_feature_factor(world, spec, *held);
        expect_factor_of(*from_file, k, world);
        EXPECT_EQ(from_file->input_epsilon(), 0x1p-24);
        EXPECT_EQ(from_file->rank_bound(), std::min(n, d));
      }
  }
}

TEST(Factor, a_linear_activation_bounds_the_rank_by_the_dimension) {
  const Communicator world = Communicator::world();
  const auto data = sphere_rows(12, 3, 1);
  RandomFeatureSpec spec;
  spec.features = 9;
  spec.activation = Activation(ActivationKind::linear);
  EXPECT_EQ(random_feature_factor(world, spec, *data)->rank_bound(), 3);
  spec.activation = Activation(ActivationKind::monomial, 1);
  EXPECT_EQ(random_feature_factor(world, spec, *data)->rank_bound(), 3);
  spec.activation = Activation(ActivationKind::monomial, 2);
  EXPECT_EQ(random_feature_factor(world, spec, *data)->rank_bound(), 9);
}

TEST(Factor, of_random_features_is_the_same_with_and_without_kept_weights) {
  const Communicator world = Communicator::world();
  const auto data = power_law_rows(13, 700, 1.2, 3);  // more than one slab
  RandomFeatureSpec spec;
  spec.features = 8;
  spec.side = GramSide::covariance;
  const ProcessGrid grid = some_grid(world, 8);
  FactorOptions nothing_kept;
  nothing_kept.hold_bytes = 0;
  const Reference with = filled(*random_feature_factor(world, spec, *data), grid, 2, 2, 5);
  const Reference without =
      filled(*random_feature_factor(world, spec, *data, nothing_kept), grid, 2, 2, 5);
  EXPECT_EQ(with.value, without.value);
}

TEST(Factor, states_a_row_error_that_holds) {
  const Communicator world = Communicator::world();
  for (const auto& [kind, degree] : {std::pair(ActivationKind::relu, 1),
                                     {ActivationKind::erf, 1},
                                     {ActivationKind::monomial, 4}})
    for (const GramSide side : {GramSide::gram, GramSide::covariance}) {
      const auto data = power_law_rows(40, 300, 1.2, 3);
      RandomFeatureSpec spec;
      spec.features = 60;
      spec.activation = Activation(kind, degree);
      spec.side = side;
      const auto factor = random_feature_factor(world, spec, *data);
      const Reference f = filled(*factor, some_grid(world, 40), 4, 4, 11);
      const Reference x = made(*data), w = made(*normal_weights(60, 300, spec.seed));
      double worst = 0;
      for (std::int64_t i = 0; i < f.rows; ++i) {
        long double error = 0, norm = 0;
        for (std::int64_t j = 0; j < f.cols; ++j) {
          long double y = 0;
          for (std::int64_t k = 0; k < 300; ++k)
            y += side == GramSide::gram ? x(j, k) * w(i, k) : x(i, k) * w(j, k);
          long double exact = kind == ActivationKind::relu  ? std::max(y, 0.0L)
                              : kind == ActivationKind::erf ? std::erf(y)
                                                            : y * y * y * y;
          exact /= std::sqrt(60.0L);
          error += (f(i, j) - exact) * (f(i, j) - exact);
          norm += exact * exact;
        }
        worst = std::max(worst, static_cast<double>(std::sqrt(error / norm)));
      }
      EXPECT_LE(worst, factor->row_error()) << factor->description();
      EXPECT_GE(worst, 1e-3 * factor->row_error()) << factor->description();
    }
}

TEST(Factor, of_given_features_on_either_side) {
  const Communicator world = Communicator::world();
  for (const auto& [n, d] : {std::pair(1, 1), {1, 5}, {5, 1}, {13, 6}}) {
    const auto phi = power_law_rows(n, d, 0.7, 5);
    for (const GridShape where : {GridShape{1, world.size()}, GridShape{world.size(), 1}}) {
      const DistMatrix x = held_copy(*phi, ProcessGrid(world, where), 3, 2);
      const auto held = given_rows(x, 0x1p-53, "features");
      for (const GramSide side : {GramSide::gram, GramSide::covariance}) {
        const Reference k = assembled(assemble_features(some_grid(world, n), 4, *held, side));
        expect_factor_of(*given_factor(*held, side), k, world);
        expect_factor_of(*given_factor(*phi, side), k, world);
        EXPECT_EQ(given_factor(*held, side)->row_error(), 0);
      }
      const Reference c = assembled(assemble_data_covariance(some_grid(world, d), 4, *held));
      expect_factor_of(*data_covariance_factor(*held), c, world);
      expect_factor_of(*data_covariance_factor(*phi), c, world);
    }
  }
}

TEST(Factor, of_given_features_refuses_what_is_not_finite) {
  const Communicator world = Communicator::world();
  const auto phi = power_law_rows(9, 4, 0.7, 5);
  DistMatrix x = held_copy(*phi, ProcessGrid(world, {world.size(), 1}), 1, 1);
  if (x.grid().active() && x.local_rows() > 0 && world.rank() == world.size() - 1)
    x.local()(0, 2) = std::nan("");
  const auto held = given_rows(x, 0x1p-53, "features");
  EXPECT_THROW(given_factor(*held, GramSide::gram), AgreedError);
  EXPECT_THROW(data_covariance_factor(*held), AgreedError);
}

TEST(Factor, of_other_population_covariances_is_refused_with_a_reason) {
  const Communicator world = Communicator::world();
  PopulationSpec spec;
  spec.features = 4;
  spec.dim = 4;
  for (const ActivationKind kind : {ActivationKind::relu, ActivationKind::erf}) {
    spec.activation = Activation(kind);
    const Factor factor = population_factor(world, spec);
    EXPECT_EQ(factor.source, nullptr);
    EXPECT_THAT(factor.reason, HasSubstr(std::string(name(kind))));
    EXPECT_FALSE(estimate_population_factor(spec).exists);
  }
}

}  // namespace
}  // namespace fathom
