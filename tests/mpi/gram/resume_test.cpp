// Assemblies that were stopped between two chunks and are gone on with, on other ranks, grids,
// blocks and chunks.

#include "gram/given_matrix.hpp"
#include "gram/gram_assembler.hpp"
#include "gram/mlp_gram.hpp"
#include "gram/population.hpp"
#include "gram/random_features.hpp"
#include "memory_keeper.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double tolerance = 1e-13;

struct Case {
  std::string name;
  Assembler assemble;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"power law",
                 [](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& options) {
                   return assemble_population_overlap(
                       grid, block, {.features = 21, .dim = 61, .alpha = 1.5, .seed = 2}, options);
                 }});
  all.push_back({"population",
                 [](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& options) {
                   PopulationSpec spec{.features = 21, .dim = 61, .alpha = 1.2, .seed = 2};
                   spec.activation = Activation(ActivationKind::monomial, 2);
                   return assemble_population(grid, block, spec, options);
                 }});
  all.push_back({"random features",
                 [](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& options) {
                   const auto rows = sphere_rows(19, 7, 3);
                   return assemble_random_features(grid, block,
                                                   {.features = 57,
                                                    .seed = 1,
                                                    .activation = Activation(ActivationKind::relu),
                                                    .side = GramSide::gram},
                                                   *rows, options);
                 }});
  all.push_back({"covariance",
                 [](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& options) {
                   return assemble_data_covariance(grid, block, *normal_weights(53, 17, 3),
                                                   options);
                 }});
  all.push_back(
      {"mlp", [](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& options) {
         return assemble_mlp_kernel(grid, block,
                                    {.kind = MlpKernelKind::ntk,
                                     .activation = ActivationKind::relu,
                                     .depth = 3,
                                     .weight_variance = 2,
                                     .bias_variance = 0.1},
                                    *normal_weights(18, 50, 3), options);
       }});
  return all;
}

std::vector<Way> ways(int ranks) {
  std::vector<Way> all;
  for (int p = 1; p <= ranks; ++p)
    for (const GridShape shape : shapes(p))
      for (const std::int64_t block : {1, 4})
        for (const Movement movement : {Movement::in_place, Movement::made_once})
          for (const std::int64_t chunk : {24})
            all.push_back({p, shape, block, chunk, movement});
  return all;
}

TEST(Resume, OnEveryLayoutTheMatrixIsTheSame) {
  const Communicator world = Communicator::world();
  const int two = std::min(2, world.size());
  for (const Case& c : cases())
    for (const Movement movement : {Movement::in_place, Movement::made_once}) {
      const Way first{two, {1, two}, 4, 7, movement};
      const Made whole = run_with(world, first, c.assemble, nullptr);
      for (const std::int64_t stop_at : {1, 3, 7}) {
        MemoryKeeper stopping(stop_at);
        ASSERT_TRUE(run_with(world, first, c.assemble, &stopping).stopped) << c.name;
        EXPECT_EQ(stopping.kept.mark.done, 7 * stop_at);
        if (stop_at != 3 && world.size() > 2) continue;
        for (const Way& way : ways(world.size())) {
          MemoryKeeper resumed(0, stopping.kept);
          const Made got = run_with(world, way, c.assemble, &resumed);
          const std::string where =
              fmt::format("{}: stopped at {}, {} ranks, {}x{}, block {}, {}, chunk {}", c.name,
                          stop_at, way.ranks, way.shape.nprow, way.shape.npcol, way.block,
                          name(way.movement), way.chunk);
          EXPECT_LT(relative_difference(got.values, whole.values), tolerance) << where;
          EXPECT_NEAR(got.error, whole.error, 0.7 * whole.error) << where;
          if (world.root()) {
            ASSERT_FALSE(resumed.seen.empty()) << where;
            EXPECT_GT(resumed.seen.front(), 7 * stop_at) << where;
          }
          if (way.ranks == first.ranks && way.shape == first.shape && way.block == first.block) {
            EXPECT_EQ(got.values, whole.values) << where;
            EXPECT_EQ(got.error, whole.error) << where;
          }
        }
      }
    }
}

TEST(Resume, StoppedTwiceItIsStillTheSame) {
  const Communicator world = Communicator::world();
  const Way way{world.size(), {world.size(), 1}, 4, 7, Movement::automatic};
  for (const Case& c : cases()) {
    const Made whole = run_with(world, way, c.assemble, nullptr);
    MemoryKeeper first(2);
    ASSERT_TRUE(run_with(world, way, c.assemble, &first).stopped);
    MemoryKeeper second(3, first.kept);
    ASSERT_TRUE(run_with(world, way, c.assemble, &second).stopped);
    EXPECT_EQ(second.kept.mark.done, 35);
    MemoryKeeper third(0, second.kept);
    const Made got = run_with(world, way, c.assemble, &third);
    EXPECT_EQ(got.values, whole.values) << c.name;
    EXPECT_EQ(got.error, whole.error) << c.name;
  }
}

TEST(Resume, AfterTheLastChunkNothingIsSummedAgain) {
  const Communicator world = Communicator::world();
  const Way way{world.size(), {1, world.size()}, 4, 100, Movement::automatic};
  for (const Case& c : cases()) {
    const Made whole = run_with(world, way, c.assemble, nullptr);
    MemoryKeeper first(1);
    ASSERT_TRUE(run_with(world, way, c.assemble, &first).stopped);
    EXPECT_EQ(first.kept.mark.done, first.kept.mark.total);
    MemoryKeeper second(0, first.kept);
    const Made got = run_with(world, way, c.assemble, &second);
    EXPECT_TRUE(second.seen.empty());
    EXPECT_EQ(got.values, whole.values) << c.name;
    EXPECT_EQ(got.error, whole.error) << c.name;
  }
}

TEST(Resume, AWrongCountOfInnerIndicesIsSeen) {
  const Communicator world = Communicator::world();
  const Way way{world.size(), {1, world.size()}, 4, 7, Movement::automatic};
  for (const Case& c : cases())
    for (const std::int64_t off : {-7, -1, 1, 7}) {
      MemoryKeeper first(3);
      ASSERT_TRUE(run_with(world, way, c.assemble, &first).stopped);
      const Made whole = run_with(world, way, c.assemble, nullptr);
      MemoryKeeper second(0, first.kept);
      second.kept.mark.done += off;
      const Made got = run_with(world, way, c.assemble, &second);
      EXPECT_GT(relative_difference(got.values, whole.values), 1e-8) << c.name << " " << off;
    }
}

TEST(Resume, WhatBelongsToAnotherSizeIsNotTakenUp) {
  const Communicator world = Communicator::world();
  const Way way{world.size(), {1, world.size()}, 4, 7, Movement::automatic};
  const Case c = cases().front();
  MemoryKeeper first(3);
  ASSERT_TRUE(run_with(world, way, c.assemble, &first).stopped);
  first.kept.mark.total += 1;
  MemoryKeeper second(0, first.kept);
  EXPECT_EQ(run_with(world, way, c.assemble, &second).values,
            run_with(world, way, c.assemble, nullptr).values);
  if (world.root()) {
    EXPECT_EQ(second.seen.front(), 7);
  }
}

}  // namespace
}  // namespace fathom
