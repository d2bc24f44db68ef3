// The assembled tangent kernel against explicit gradients: kinds, grids, blocks, movements, strips.

#include "explicit_gradients.hpp"
#include "gram/empirical_ntk_counts.hpp"
#include "oracles.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;

constexpr double tolerance = 1e-13;

class Entk : public testing::Test {
 protected:
  const Communicator world = Communicator::world();

  /// Grids with at most one idle rank.
  std::vector<GridShape> grids() const {
    std::vector<GridShape> all;
    for (const GridShape shape : shapes(world.size()))
      if (shape.nprow * shape.npcol >= world.size() - 1) all.push_back(shape);
    return all;
  }
};

TEST_F(Entk, is_the_product_of_explicit_gradients_on_every_grid_in_both_movements) {
  for (const EntkCase& c : entk_cases()) {
    const Reference j = jacobian(c);
    for (const NtkKind kind : every_kind) {
      const EmpiricalNtk ntk = c.ntk(kind);
      const Reference expected = gram_of(factor_rows(j, ntk.choices(), kind));
      ASSERT_EQ(ntk.order(), expected.rows);
      for (const GridShape shape : grids()) {
        const ProcessGrid grid(world, shape);
        for (const std::int64_t block : {1, 3, 16})
          for (const Movement movement : {Movement::in_place, Movement::made_once})
            for (const std::int64_t chunk : {0, 4}) {
              if (chunk > 0 && block != 3) continue;  // many small strips once a grid
              const Assembly k = assemble_empirical_ntk(grid, block, ntk, {movement, chunk, {}});
              EXPECT_LT(difference(gathered(k.symmetric.matrix), expected), tolerance)
                  << fmt::format("{}, {}, grid {}x{}, block {}, {}, chunk {}", c.name, name(kind),
                                 shape.nprow, shape.npcol, block, name(movement), chunk);
              EXPECT_EQ(k.report.movement, movement);
            }
      }
    }
  }
}

TEST_F(Entk, of_some_choices_in_any_order_is_the_part_of_all) {
  EntkCase c = mlp_case("five", {.input = 3, .hidden = {6}, .classes = 5}, 9);
  const ProcessGrid grid(world, choose_grid(world.size(), 45, 4));
  const Reference all =
      gathered(assemble_empirical_ntk(grid, 4, c.ntk(NtkKind::all_outputs)).symmetric.matrix);
  c.outputs = {{0, 4}, {0, 1}};
  const Reference some =
      gathered(assemble_empirical_ntk(grid, 4, c.ntk(NtkKind::all_outputs)).symmetric.matrix);
  for (std::int64_t i = 0; i < 18; ++i)
    for (std::int64_t j = 0; j < 18; ++j)
      EXPECT_NEAR(static_cast<double>(some(i, j)),
                  static_cast<double>(
                      all(i / 2 * 5 + (i % 2 == 0 ? 4 : 1), j / 2 * 5 + (j % 2 == 0 ? 4 : 1))),
                  tolerance * static_cast<double>(all.largest()));
}

TEST_F(Entk, of_samples_made_by_key_is_that_of_the_same_samples_held) {
  const auto rows = power_law_rows(11, 4, 1.5, 7);
  const Reference x = made(*rows);
  EntkCase c = mlp_case("keyed", {.input = 4, .hidden = {8}, .classes = 2}, 11);
  c.samples = replicated_features({x.value.begin(), x.value.end()}, 4, "copies");
  const ProcessGrid grid(world, choose_grid(world.size(), 22, 3));
  const Reference held =
      gathered(assemble_empirical_ntk(grid, 3, c.ntk(NtkKind::all_outputs)).symmetric.matrix);
  c.samples = made_samples(*rows);
  const Reference keyed =
      gathered(assemble_empirical_ntk(grid, 3, c.ntk(NtkKind::all_outputs)).symmetric.matrix);
  EXPECT_EQ(held.value, keyed.value);
}

/// Gradients by differences in long double of a network in plain loops.
TEST_F(Entk, is_within_its_error_of_the_kernel_by_differences_in_long_double) {
  for (const ActivationKind activation : {ActivationKind::erf, ActivationKind::tanh}) {
    const MlpShape shape{.input = 3,
                         .hidden = {12, 10},
                         .classes = 2,
                         .activation = activation,
                         .parametrisation = Parametrisation::ntk,
                         .bias_variance = 0.2};
    const EntkCase c = mlp_case("differences", shape, 8);
    const std::vector<double> x = some_features(3, 8);
    std::vector<std::vector<long double>> inputs;
    for (std::size_t s = 0; s < 8; ++s)
      inputs.push_back({x[3 * s], x[3 * s + 1], x[3 * s + 2]});
    const auto columns = oracle::jacobian(shape, c.parameters, inputs);
    Reference j(std::ssize(columns), c.network->parameters());
    for (std::int64_t r = 0; r < j.rows; ++r)
      std::copy(columns[static_cast<std::size_t>(r)].begin(),
                columns[static_cast<std::size_t>(r)].end(), j.value.begin() + r * j.cols);
    const Reference expected = gram_of(j);

    const ProcessGrid grid(world, choose_grid(world.size(), 16, 3));
    const Assembly k = assemble_empirical_ntk(grid, 3, c.ntk(NtkKind::all_outputs));
    const Reference seen = gathered(k.symmetric.matrix);
    EXPECT_LT(difference(seen, expected), 1e-12);
    const double error = error_norm(seen, expected);
    EXPECT_LT(error, k.symmetric.assembly_error);
    EXPECT_GT(error, 1e-4 * k.symmetric.assembly_error);
  }
}

TEST_F(Entk, report_says_what_was_made_and_how) {
  const EntkCase c = mlp_case("report", {.input = 4, .hidden = {8}, .classes = 3}, 10);
  const ProcessGrid grid(world, choose_grid(world.size(), 30, 4));
  const Assembly all = assemble_empirical_ntk(grid, 4, c.ntk(NtkKind::all_outputs));
  EXPECT_THAT(all.report.normalization, HasSubstr("nothing divided"));
  EXPECT_THAT(all.report.kernel, HasSubstr("empirical NTK, all outputs, 3 of 3 outputs"));
  EXPECT_THAT(all.report.reason, HasSubstr("counted a rank"));
  // 30²/2 · 2 · (4/9 + 8 formed: 8 + 3 < 24, 8/9 + 3) and passes
  const double pairs = 900.0 * (4.0 / 9 + 8 + 8.0 / 9 + 3);
  // Forward through 4·8 + 8·3 weights, back through the last 8·3 for each output.
  EXPECT_NEAR(all.report.useful_flops, pairs + 10 * 2 * (56 + 3 * 24), 1e-6);
  EXPECT_GE(all.report.signal_flops, 10 * 2 * (56 + 3 * 24));
  EXPECT_EQ(EntkCounts(c.ntk(NtkKind::all_outputs)).assembly_flops(), all.report.useful_flops);
  EXPECT_GE(all.report.product_flops, 0.5 * pairs);
  const Assembly trace = assemble_empirical_ntk(grid, 4, c.ntk(NtkKind::trace_kernel));
  EXPECT_THAT(trace.report.normalization, HasSubstr("divided by their number 3"));
  EXPECT_EQ(trace.symmetric.matrix.rows(), 10);
}

TEST_F(Entk, progress_comes_to_its_end_on_every_rank) {
  const EntkCase c = mlp_case("progress", {.input = 4, .hidden = {8}, .classes = 3}, 10);
  const ProcessGrid grid(world, {1, 1});
  std::int64_t last = 0, total = -1;
  AssemblyOptions options{Movement::made_once, 7, [&](std::int64_t done, std::int64_t of) {
                            EXPECT_EQ(done, last + 1);
                            last = done;
                            total = of;
                          }};
  assemble_empirical_ntk(grid, 4, c.ntk(NtkKind::all_outputs), options);
  EXPECT_EQ(last, total);
  EXPECT_EQ(total, 25);
}

}  // namespace
}  // namespace fathom
