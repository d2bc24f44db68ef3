// The memory of a point by hand.

#include "planned_decks.hpp"

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::test;

namespace {

/// 100 rows in blocks of 16 over two: blocks 0, 2, 4, 6 (16 + 16 + 16 + 4) and 1, 3, 5 (48).
constexpr double local_bytes = 8.0 * 52 * 52;

}  // namespace

TEST(PlanMemory, TheMatrixOfATwoByTwoGrid) {
  const PointMemory memory = point_memory(shape_of(law_deck, {"solver.tail=\"gram\""}), 4);
  EXPECT_EQ(memory.solver.grid, (GridShape{2, 2}));
  EXPECT_EQ(memory.solver.block, 16);
  EXPECT_EQ(memory.matrix, local_bytes);
  for (const Stage stage : {Stage::assembly, Stage::solve, Stage::fallback})
    EXPECT_EQ(memory.find(stage)->of("matrix"), local_bytes) << name(stage);
  EXPECT_EQ(memory.find(Stage::deep), nullptr);
  EXPECT_EQ(memory.find(Stage::write), nullptr);
}

TEST(PlanMemory, SignalsAreMadeInPlaceInOneChunk) {
  // 40 coordinates of 52 rows and 52 columns; chunks of 256 are allowed whatever the matrix.
  // Mirroring: a panel of all 100 columns, 50 of them times 52 rows sent and as many received.
  const PointMemory memory =
      point_memory(shape_of(law_deck, {"solver.tail=\"gram\"", "kernel.assembly=\"in_place\""}), 4);
  const MemoryStage& stage = *memory.find(Stage::assembly);
  const double chunk = 8.0 * 40 * (52 + 52), mirror = 8.0 * 100 * (52 / 2.0 + 52 / 2.0);
  EXPECT_GT(mirror, chunk);
  EXPECT_EQ(stage.of("signals' chunk"), 0);
  EXPECT_EQ(stage.of("mirroring panels"), mirror);
  EXPECT_EQ(stage.total(), local_bytes + mirror);
  // 80 coordinates: now the chunk is the larger.
  const PointMemory wide = point_memory(
      shape_of(law_deck, {"solver.tail=\"gram\"", "kernel.assembly=\"in_place\"", "data.dim=80"}),
      4);
  EXPECT_EQ(wide.find(Stage::assembly)->of("signals' chunk"), 2 * chunk);
}

TEST(PlanMemory, VectorsAreCountedWithTheMatrixKeptForTheResiduals) {
  const ProblemShape shape =
      shape_of(law_deck, {"solver.tail=\"gram\"", "solver.eigenvectors=true",
                          "solver.backend=\"scalapack\"", "run.store_eigenvectors=true"});
  const PointMemory memory = point_memory(shape, 4);
  const MemoryStage& solve = *memory.find(Stage::solve);
  EXPECT_EQ(solve.of("eigenvectors"), local_bytes);
  EXPECT_EQ(solve.of("matrix for the residuals"), local_bytes);
  EXPECT_GE(solve.of("solver workspace"), 2.25 * local_bytes);
  EXPECT_EQ(memory.find(Stage::write)->of("writing panel"), 2 * 8.0 * 100 * 100);
}

TEST(PlanMemory, AutoMayGoOnByTheFactor) {
  const PointMemory memory = point_memory(shape_of(law_deck), 4);
  const MemoryStage* deep = memory.find(Stage::deep);
  ASSERT_NE(deep, nullptr);
  EXPECT_FALSE(deep->when.empty());
  EXPECT_NE(&memory.fullest(), deep);
  const PointMemory named = point_memory(shape_of(law_deck, {"solver.tail=\"cascade\""}), 4);
  EXPECT_TRUE(named.find(Stage::deep)->when.empty());
  EXPECT_EQ(named.find(Stage::solve), nullptr);
}

TEST(PlanMemory, ATotalIsTheSumOfItsItems) {
  MemoryStage stage{Stage::solve, "", {{"matrix", 3}, {"probes", 4}}};
  EXPECT_EQ(stage.total(), 7);
  stage.items[1].bytes = 40;  // what a wrong item does is seen
  EXPECT_NE(stage.total(), 7);
}

TEST(PlanMemory, ANetworkCountsItsTrainingBesideItsKernel) {
  const std::string deck = R"(schema = 1
[study]
kind = "spectral_reach"
samples = 30
[data]
source = "power_law"
alpha = 1.5
dim = 10
n = 30
[kernel]
type = "network"
activation = "relu"
width = 8
depth = 1
biases = false
[training]
optimiser = "adam"
learning_rate = 0.01
steps = 10
)";
  const ProblemShape shape = shape_of(deck);
  ASSERT_TRUE(shape.network);
  EXPECT_EQ(shape.n, 30);
  EXPECT_EQ(shape.network->parameters, 10 * 8 + 8 * 1);
  EXPECT_EQ(shape.network->moments, 2);
  EXPECT_EQ(shape.network->batch, 30);
  // Inputs and outputs of both layers, held twice.
  EXPECT_EQ(shape.network->pass_doubles, 2 * ((10 + 8) + (8 + 1)));
  const PointMemory memory = point_memory(shape, 1);
  // Parameters, two moments, the gradient and a snapshot's copy.
  for (const Stage stage : {Stage::training, Stage::assembly, Stage::solve, Stage::gradients})
    EXPECT_EQ(memory.find(stage)->of("training state"), 8.0 * 88 * 5) << name(stage);
}

TEST(PlanMemory, ProductsWithoutAMatrixTakeTheCheapestWay) {
  const DensityShape density{.probes = 2, .steps = 10, .matrix = "auto"};
  const FactorShape factor{.rows = 50, .cols = 1000, .flops = 0};
  const auto ways = product_ways(1000, factor, density, 2);
  ASSERT_EQ(ways.size(), 3u);
  EXPECT_EQ(ways[0].flops, 20 * 4.0 * 50 * 1000);
  EXPECT_EQ(ways.back().name, "gram");
  EXPECT_EQ(ways.back().bytes, 1.3 * 8e6 / 2);
  EXPECT_EQ(lanczos_bytes(1000, 2, 10, 2), 8.0 * 1000 * 2 * (5 + 6));
}
