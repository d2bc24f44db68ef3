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
  const PlannedMemory memory = point_memory(shape_of(law_deck, {"solver.tail=\"gram\""}), 4);
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
  const PlannedMemory memory =
      point_memory(shape_of(law_deck, {"solver.tail=\"gram\"", "kernel.assembly=\"in_place\""}), 4);
  const MemoryStage& stage = *memory.find(Stage::assembly);
  const double chunk = 8.0 * 40 * (52 + 52), mirror = 8.0 * 100 * (52 / 2.0 + 52 / 2.0);
  EXPECT_GT(mirror, chunk);
  EXPECT_EQ(stage.of("signals' chunk"), 0);
  EXPECT_EQ(stage.of("mirroring panels"), mirror);
  EXPECT_EQ(stage.total(), local_bytes + mirror);
  // 80 coordinates: now the chunk is the larger.
  const PlannedMemory wide = point_memory(
      shape_of(law_deck, {"solver.tail=\"gram\"", "kernel.assembly=\"in_place\"", "data.dim=80"}),
      4);
  EXPECT_EQ(wide.find(Stage::assembly)->of("signals' chunk"), 2 * chunk);
}

TEST(PlanMemory, VectorsAreCountedWithTheMatrixKeptForTheResiduals) {
  const ProblemShape shape =
      shape_of(law_deck, {"solver.tail=\"gram\"", "solver.eigenvectors=true",
                          "solver.backend=\"scalapack\"", "run.store_eigenvectors=true"});
  const PlannedMemory memory = point_memory(shape, 4);
  const MemoryStage& solve = *memory.find(Stage::solve);
  EXPECT_EQ(solve.of("eigenvectors"), local_bytes);
  EXPECT_EQ(solve.of("matrix for the residuals"), local_bytes);
  EXPECT_GE(solve.of("solver workspace"), 2.25 * local_bytes);
  EXPECT_EQ(memory.find(Stage::write)->of("writing panel"), 2 * 8.0 * 100 * 100);
}

TEST(PlanMemory, AutoMayGoOnByTheFactor) {
  const PlannedMemory memory = point_memory(shape_of(law_deck), 4);
  const MemoryStage* deep = memory.find(Stage::deep);
  ASSERT_NE(deep, nullptr);
  EXPECT_FALSE(deep->when.empty());
  EXPECT_NE(&memory.fullest(), deep);
  const PlannedMemory named = point_memory(shape_of(law_deck, {"solver.tail=\"cascade\""}), 4);
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
  const ProblemShape shape = shape_of(network_deck + R"([study]
kind = "spectral_reach"
samples = 30
[training]
optimiser = "adam"
learning_rate = 0.01
steps = 10
)");
  ASSERT_TRUE(shape.network);
  EXPECT_EQ(shape.n, 30);
  ASSERT_TRUE(shape.network->training);
  EXPECT_EQ(shape.network->kernel.parameters, 10 * 8 + 8 * 1);
  EXPECT_EQ(shape.network->training->moments, 2);
  EXPECT_EQ(shape.network->training->batch, 30);
  // Inputs and outputs of both layers, held twice.
  EXPECT_EQ(shape.network->kernel.pass_doubles(), 2 * ((10 + 8) + (8 + 1)));
  const PlannedMemory memory = point_memory(shape, 1);
  // Parameters and two moments as they began and as they are, the gradient, a snapshot's copy, the
  // inputs of a batch.
  for (const Stage stage : {Stage::training, Stage::assembly, Stage::solve, Stage::gradients})
    EXPECT_EQ(memory.find(stage)->of("training state"), 8.0 * (88 * (2 * 3 + 2) + 30 * 10))
        << name(stage);
}

TEST(PlanMemory, ANetworkThatIsNotTrainedHasItsKernelAlone) {
  const ProblemShape shape = shape_of(network_deck + R"([study]
kind = "spectrum"
[solver]
tail = "cascade"
)");
  EXPECT_EQ(shape.n, 30);
  ASSERT_TRUE(shape.network);
  EXPECT_FALSE(shape.network->training);
  ASSERT_TRUE(shape.factor);
  EXPECT_EQ(shape.factor->rows, 88);
  const PlannedMemory memory = point_memory(shape, 1);
  const MemoryStage* deep = memory.find(Stage::deep);
  ASSERT_NE(deep, nullptr);
  EXPECT_EQ(deep->of("parameters"), 8.0 * 88);
  EXPECT_EQ(memory.find(Stage::training), nullptr);
  // The signals of 30 samples: inputs and outputs of both layers.
  EXPECT_EQ(shape.factor->keeps(30), 8.0 * 30 * ((10 + 8) + (8 + 1)));
}

TEST(PlanMemory, ProductsWithoutAMatrixTakeTheCheapestWay) {
  ProblemShape shape;
  shape.n = 1000;
  shape.density = DensityShape{.probes = 2, .steps = 10, .matrix = "auto"};
  shape.factor = FactorShape{.rows = 50, .cols = 1000, .flops = 0};
  const auto ways = product_ways(shape, 2);
  ASSERT_EQ(ways.size(), 3u);
  EXPECT_EQ(ways[0].flops, 20 * 4.0 * 50 * 1000);
  EXPECT_EQ(ways.back().name, "gram");
  EXPECT_EQ(ways.back().bytes, 1.3 * 8e6 / 2);
  EXPECT_EQ(lanczos_bytes(1000, 2, 10, 2), 8.0 * 1000 * 2 * (5 + 6));
  // The kernel's own products instead of the factor's, where it has them.
  shape.products = ProductShape{1e3, [](int ranks, std::int64_t columns) {
                                  return 100.0 * static_cast<double>(columns) / ranks;
                                }};
  const ProductWay own = product_ways(shape, 2).front();
  EXPECT_EQ(own.name, "matrix_free");
  EXPECT_EQ(own.flops, 20 * 1e3);
  EXPECT_EQ(own.bytes, 100);
}
