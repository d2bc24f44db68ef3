// Operators against products with the assembled matrices, and the same bits on every rank.

#include "base/random.hpp"
#include "filled.hpp"
#include "gram/factor.hpp"
#include "gram/factor_operator.hpp"

#include <cstring>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

struct Block {
  std::int64_t rows, cols, ld;
  std::vector<double> value;
  Block(std::int64_t r, std::int64_t c, std::int64_t spare = 0)
      : rows(r), cols(c), ld(r + spare), value(static_cast<std::size_t>(ld * c), -7.0) {}
  MatrixView<double> view() { return {value.data(), rows, cols, ld}; }
};

Block probes(std::int64_t n, std::int64_t m) {
  Block x(n, m, 3);
  for (std::int64_t j = 0; j < m; ++j)
    for (std::int64_t i = 0; i < n; ++i)
      x.view()(i, j) = normal({5, Stream::test}, j, i);
  return x;
}

/// max over columns of |y − Kx|/(‖K‖₂ |x|)
double error(const Reference& k, Block& x, Block& y) {
  const double norm = error_norm(k, Reference(k.rows, k.cols));
  double worst = 0;
  for (std::int64_t j = 0; j < x.cols; ++j) {
    long double off = 0, length = 0;
    for (std::int64_t i = 0; i < k.rows; ++i) {
      long double exact = 0;
      for (std::int64_t l = 0; l < k.cols; ++l)
        exact += k(i, l) * x.view()(l, j);
      off += (y.view()(i, j) - exact) * (y.view()(i, j) - exact);
      length += static_cast<long double>(x.view()(i, j)) * x.view()(i, j);
    }
    worst = std::max(worst, static_cast<double>(std::sqrt(off / length)) / norm);
  }
  return worst;
}

void expect_alike(const Communicator& world, Block& y) {
  for (std::int64_t j = 0; j < y.cols; ++j)
    for (std::int64_t i = 0; i < y.rows; ++i) {
      std::int64_t bits = 0;
      std::memcpy(&bits, &y.view()(i, j), sizeof bits);
      ASSERT_EQ(world.max(bits), world.min(bits));
    }
}

TEST(FactorOperator, is_the_product_with_FtF_for_any_chunk_held_or_not) {
  const Communicator world = Communicator::world();
  for (const auto& [n, d] : {std::pair(1, 1), {1, 5}, {5, 1}, {23, 9}, {9, 23}}) {
    const auto phi = power_law_rows(n, d, 0.7, 5);
    const std::shared_ptr<const FactorSource> factor = given_factor(*phi, GramSide::covariance);
    const Reference k = gram_of(transposed(made(*phi)));
    for (const std::int64_t chunk : {0, 1, 2, 4, 1000})
      for (const bool hold : {false, true})
        for (const std::int64_t m : {1, 4}) {
          const auto a = factor_operator(world, factor, {.chunk = chunk, .hold = hold});
          Block x = probes(d, m), y(d, m, 1);
          a->apply(x.view(), y.view());
          EXPECT_EQ(a->order(), d);
          EXPECT_EQ(a->rank_bound(), std::min(n, d));
          EXPECT_LE(error(k, x, y), a->relative_error())
              << fmt::format("n {} d {} chunk {} hold {} m {}", n, d, chunk, hold, m);
          expect_alike(world, y);
        }
  }
}

TEST(FactorOperator, of_features_on_either_side) {
  const Communicator world = Communicator::world();
  const auto data = power_law_rows(50, 30, 1.2, 3);
  for (const GramSide side : {GramSide::gram, GramSide::covariance}) {
    RandomFeatureSpec spec;
    spec.features = 40;
    spec.side = side;
    const auto a = factor_operator(world, random_feature_factor(world, spec, *data), {.chunk = 7});
    const Reference x_rows = made(*data), w = made(*normal_weights(40, 30, spec.seed));
    Reference f(50, 40);
    for (std::int64_t i = 0; i < 50; ++i)
      for (std::int64_t j = 0; j < 40; ++j) {
        for (std::int64_t l = 0; l < 30; ++l)
          f(i, j) += x_rows(i, l) * w(j, l);
        f(i, j) = std::max(f(i, j), 0.0L) / std::sqrt(40.0L);
      }
    const Reference k = gram_of(side == GramSide::gram ? f : transposed(f));
    Block x = probes(k.rows, 3), y(k.rows, 3);
    a->apply(x.view(), y.view());
    EXPECT_LE(error(k, x, y), a->relative_error());
    EXPECT_GE(error(k, x, y), 1e-4 * a->relative_error());
    EXPECT_GT(a->flops(), 4.0 * 50 * 40);
    EXPECT_THAT(a->description(), testing::HasSubstr("made for every product"));
  }
}

TEST(FactorOperator, counts_dropped_rows_in_its_error) {
  const Communicator world = Communicator::world();
  PopulationSpec spec;
  spec.features = 20;
  spec.dim = 40;
  spec.alpha = 3;
  spec.activation = Activation(ActivationKind::monomial, 2);
  FactorOptions options;
  options.tolerance = 1e-3;
  const auto a = factor_operator(world, population_factor(world, spec, options).source);
  const ProcessGrid grid(world, {1, world.size()});
  const Reference k = gathered(assemble_population(grid, 4, spec).symmetric.matrix);
  Block x = probes(20, 2), y(20, 2);
  a->apply(x.view(), y.view());
  EXPECT_GT(error(k, x, y), 1e-9);
  EXPECT_LE(error(k, x, y), a->relative_error());
  EXPECT_LT(a->relative_error(), 0.02);
}

TEST(FactorOperator, a_nan_in_the_vector_stays_in_its_column) {
  const Communicator world = Communicator::world();
  const auto phi = power_law_rows(6, 4, 0.7, 5);
  const auto a = factor_operator(world, given_factor(*phi, GramSide::covariance));
  Block x = probes(4, 2), y(4, 2);
  x.view()(1, 1) = std::nan("");
  a->apply(x.view(), y.view());
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(std::isfinite(y.view()(i, 0)));
    EXPECT_TRUE(std::isnan(y.view()(i, 1)));
  }
}

TEST(GramOperator, is_the_product_with_the_matrix_in_either_fill) {
  const Communicator world = Communicator::world();
  for (const std::int64_t n : {1, 13, 30}) {
    const Reference k = gram_of(made(*power_law_rows(n, 8, 0.7, 5)));
    for (const GridShape shape : shapes(world.size()))
      for (const SymmetricFill fill : {SymmetricFill::lower, SymmetricFill::full}) {
        DistMatrix matrix = DistMatrix::make(ProcessGrid(world, shape), n, n, 4, 4);
        matrix.fill_from([&](std::int64_t i, std::int64_t j) {
          return fill == SymmetricFill::lower && i < j ? std::nan("")
                                                       : static_cast<double>(k(i, j));
        });
        const auto a = gram_operator({std::move(matrix), fill, 0.0, 0x1p-53});
        Block x = probes(n, 3), y(n, 3, 2);
        a->apply(x.view(), y.view());
        EXPECT_EQ(a->order(), n);
        EXPECT_LE(error(k, x, y), a->relative_error()) << n;
        expect_alike(world, y);
      }
  }
}

TEST(GramOperator, states_the_error_of_assembly) {
  const Communicator world = Communicator::world();
  DistMatrix matrix = DistMatrix::make(ProcessGrid(world, {1, 1}), 2, 2, 2, 2);
  matrix.fill_from([](std::int64_t i, std::int64_t j) { return i == j ? 2.0 : 0.0; });
  const auto a = gram_operator({std::move(matrix), SymmetricFill::full, 0.02, 0x1p-53});
  EXPECT_NEAR(a->relative_error(), 0.01, 1e-12);
}

}  // namespace
}  // namespace fathom
