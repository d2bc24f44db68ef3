// Products of signals on every grid, in both movements, with chunks of every kind.

#include "gathered.hpp"
#include "gram/given_matrix.hpp"
#include "gram/gram_assembler.hpp"
#include "gram/row_sources.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double tolerance = 1e-13;

Assembly assemble(const ProcessGrid& grid, std::int64_t nb, const DataRows& rows, Movement movement,
                  std::int64_t chunk) {
  RowSignals signals(rows, grid, nb);
  AssemblyOptions options;
  options.movement = movement;
  options.chunk = chunk;
  GramAssembler assembler(grid, nb, signals, options);
  assembler.accumulate(1.0);
  return assembler.finish(0, 0x1p-53);
}

TEST(Products, both_movements_on_every_grid_equal_the_reference) {
  const Communicator world = Communicator::world();
  for (const auto& [n, v] : {std::pair(1, 1), {2, 5}, {13, 40}, {37, 3}, {50, 71}}) {
    const auto rows = normal_weights(n, v, 3);
    const Reference expected = gram_of(made(*rows));
    for (const GridShape shape : shapes(world.size())) {
      const ProcessGrid grid(world, shape);
      for (const std::int64_t nb : {1, 4, 16})
        for (const Movement movement : {Movement::in_place, Movement::made_once})
          for (const std::int64_t chunk : {0, 1, 7, 1000}) {
            if (chunk == 1 && v > 40) continue;
            const Assembly made_here = assemble(grid, nb, *rows, movement, chunk);
            EXPECT_LT(difference(gathered(made_here.symmetric.matrix), expected), tolerance)
                << fmt::format("n {} v {} nb {} grid {}x{} {} chunk {}", n, v, nb, shape.nprow,
                               shape.npcol, name(movement), chunk);
          }
    }
  }
}

TEST(Products, the_result_is_symmetric_bit_by_bit) {
  const Communicator world = Communicator::world();
  const auto rows = power_law_weights(41, 60, 1.5, 1);
  const ProcessGrid grid(world, choose_grid(world.size(), 41, 4));

  const Reference k = gathered(assemble(grid, 4, *rows, Movement::made_once, 0).symmetric.matrix);

  EXPECT_EQ(transposed(k).value, k.value);
}

TEST(Products, the_report_counts_work_and_says_why) {
  const Communicator world = Communicator::world();
  const auto rows = normal_weights(64, 100, 1);
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));

  const AssemblyReport report = assemble(grid, 4, *rows, Movement::automatic, 0).report;

  EXPECT_EQ(report.useful_flops, 64.0 * 64 * 100);
  EXPECT_GE(report.product_flops, 64.0 * 65 * 100);
  EXPECT_FALSE(report.reason.empty());
  EXPECT_GE(report.seconds.total, report.seconds.products);
}

TEST(Products, progress_reaches_the_end_on_every_rank) {
  const Communicator world = Communicator::world();
  const auto rows = normal_weights(9, 25, 1);
  const ProcessGrid grid(world, {1, 1});
  for (const Movement movement : {Movement::in_place, Movement::made_once}) {
    RowSignals signals(*rows, grid, 2);
    std::vector<std::int64_t> done;
    AssemblyOptions options;
    options.movement = movement;
    options.chunk = 10;
    options.progress = [&](std::int64_t so_far, std::int64_t) { done.push_back(so_far); };
    GramAssembler assembler(grid, 2, signals, options);
    assembler.accumulate(1.0);
    EXPECT_EQ(done, (std::vector<std::int64_t>{10, 20, 25})) << name(movement);
  }
}

/// A matrix of test numbers n × d on the grid.
DistMatrix filled(const ProcessGrid& grid, const Reference& x, std::int64_t mb, std::int64_t nb) {
  DistMatrix a = DistMatrix::make(grid, x.rows, x.cols, mb, nb);
  a.fill_from([&](std::int64_t i, std::int64_t j) { return static_cast<double>(x(i, j)); });
  return a;
}

TEST(Products, features_held_in_any_layout_give_both_sides) {
  const Communicator world = Communicator::world();
  for (const auto& [n, d] : {std::pair(29, 12), {7, 33}, {1, 4}, {20, 1}}) {
    const Reference x = made(*normal_weights(n, d, 5));
    for (const GridShape shape : shapes(world.size())) {
      const ProcessGrid grid(world, shape), other(world, {shape.npcol, shape.nprow});
      const DistMatrix held = filled(other, x, 3, 2);
      const auto rows = given_rows(held, 0x1p-24, "test numbers");
      for (const std::int64_t chunk : {0, 5}) {
        AssemblyOptions options;
        options.chunk = chunk;
        const std::string where =
            fmt::format("n {} d {} grid {}x{} chunk {}", n, d, shape.nprow, shape.npcol, chunk);
        const Assembly gram = assemble_features(grid, 4, *rows, GramSide::gram, options);
        EXPECT_LT(difference(gathered(gram.symmetric.matrix), gram_of(x)), tolerance) << where;
        EXPECT_EQ(gram.symmetric.input_epsilon, 0x1p-24);

        const Assembly pair = assemble_features(grid, 4, *rows, GramSide::covariance, options);
        EXPECT_LT(difference(gathered(pair.symmetric.matrix), gram_of(transposed(x))), tolerance)
            << where;

        const Assembly moments = assemble_data_covariance(grid, 4, *rows, options);
        EXPECT_LT(difference(gathered(moments.symmetric.matrix),
                             gram_of(transposed(x), 1.0L / static_cast<long double>(n))),
                  tolerance)
            << where;
      }
    }
  }
}

TEST(Products, covariance_of_generated_data_is_the_same_as_of_held_data) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 20, 3));
  const auto rows = sphere_rows(50, 20, 4);

  const Assembly moments = assemble_data_covariance(grid, 3, *rows);

  EXPECT_LT(
      difference(gathered(moments.symmetric.matrix), gram_of(transposed(made(*rows)), 1.0L / 50)),
      tolerance);
}

/// Code and message of what accept_gram throws, empty where it does not.
std::pair<ExitCode, std::string> refused(const ProcessGrid& grid, DistMatrix k) {
  try {
    accept_gram(grid, 2, std::move(k), 0x1p-53, "k.npy");
    return {ExitCode::ok, ""};
  } catch (const AgreedError& error) {
    return {error.code(), error.what()};
  }
}

class GivenGram : public testing::Test {
 protected:
  Communicator world_ = Communicator::world();
  ProcessGrid grid_{world_, choose_grid(world_.size(), 11, 2)};
  Reference k_ = gram_of(made(*normal_weights(11, 15, 2)));
};

TEST_F(GivenGram, is_brought_to_the_grid) {
  const ProcessGrid one(world_, {1, 1});

  const Assembly got = accept_gram(grid_, 2, filled(one, k_, 5, 3), 0x1p-24, "k.h5:/k");

  EXPECT_LT(difference(gathered(got.symmetric.matrix), k_), 1e-15);
  EXPECT_EQ(got.symmetric.input_epsilon, 0x1p-24);
  EXPECT_EQ(got.symmetric.matrix.nb(), 2);
}

TEST_F(GivenGram, with_rounding_noise_is_symmetrised_and_said) {
  k_(3, 7) *= 1 + 1e-15L;

  const Assembly got = accept_gram(grid_, 2, filled(grid_, k_, 2, 2), 0x1p-53, "k.npy");

  const Reference back = gathered(got.symmetric.matrix);
  EXPECT_EQ(transposed(back).value, back.value);
  EXPECT_NE(got.report.note.find("symmetrised"), std::string::npos);
}

TEST_F(GivenGram, asymmetric_is_refused_with_the_worst_pair) {
  k_(3, 7) += 1e-9L;
  k_(9, 1) += 1e-6L;

  const auto [code, message] = refused(grid_, filled(grid_, k_, 2, 2));

  EXPECT_EQ(code, ExitCode::input);
  EXPECT_NE(message.find("(9, 1) and (1, 9)"), std::string::npos) << message;
}

TEST_F(GivenGram, nan_is_refused_with_its_place) {
  k_(4, 6) = std::nan("");

  const auto [code, message] = refused(grid_, filled(grid_, k_, 2, 2));

  EXPECT_EQ(code, ExitCode::numeric);
  EXPECT_NE(message.find("row 4, column 6"), std::string::npos) << message;
}

TEST_F(GivenGram, oblong_is_refused) {
  const auto [code, message] = refused(grid_, filled(grid_, Reference(3, 4), 2, 2));

  EXPECT_EQ(code, ExitCode::input);
  EXPECT_NE(message.find("3 x 4"), std::string::npos);
}

}  // namespace
}  // namespace fathom
