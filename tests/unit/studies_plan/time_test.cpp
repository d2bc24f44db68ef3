// Phases of a point: what is counted once, and what follows the spectrum.

#include "planned_decks.hpp"

#include <numeric>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::test;

namespace {

std::vector<PlannedPhase> phases_of(const ProblemShape& shape) {
  return planned_phases(shape, point_memory(shape, 1), 1, MachineModel{});
}

const PlannedPhase& phase(const std::vector<PlannedPhase>& phases, const std::string& name) {
  for (const PlannedPhase& p : phases)
    if (p.name == name) return p;
  throw std::out_of_range(name);
}

const std::string density_deck = R"(schema = 1
[study]
kind = "density"
probes = 4
steps = 10
[data]
source = "sphere"
n = 1000
dim = 20
[kernel]
type = "random_features"
activation = "relu"
features = 500
side = "gram"
)";

const std::string cascade_deck = R"(schema = 1
[study]
kind = "spectrum"
[data]
source = "power_law"
alpha = 2.0
dim = 4000
[kernel]
type = "random_features"
activation = "linear"
features = 2000
[solver]
tail = "cascade"
)";

}  // namespace

TEST(PlanTime, AKeptMatrixIsAssembledOnce) {
  const auto phases = phases_of(shape_of(density_deck, {"study.matrix=gram"}));
  EXPECT_EQ(phase(phases, "assembly: products").flops, 1000.0 * 1000 * 500);
  EXPECT_EQ(phase(phases, "lanczos").flops, 4 * 10 * 2.0 * 1000 * 1000);
}

TEST(PlanTime, ProductsWithAFactorMakeItsRows) {
  const ProblemShape shape = shape_of(density_deck, {"study.matrix=factor"});
  const auto phases = phases_of(shape);
  EXPECT_EQ(phases.size(), 1u);
  EXPECT_EQ(phase(phases, "lanczos").flops, 4 * 10 * 4.0 * 500 * 1000 + shape.factor->flops);
}

TEST(PlanTime, ASteepSpectrumTakesTwoLevels) {
  const auto seconds = [](double decay, TailMethod tail) {
    ProblemShape shape = shape_of(cascade_deck);
    EXPECT_EQ(shape.factor->decay, 2);
    shape.factor->decay = decay;
    shape.tail = tail;
    return phase(phases_of(shape), "deep tail: solve").seconds;
  };
  const double level = MachineModel{}.solve_seconds(Backend::elpa1, true, 2000, 1);
  const double flat = seconds(2, TailMethod::cascade);  // 2000^-1 of the largest singular value
  EXPECT_GT(flat, level);
  EXPECT_DOUBLE_EQ(seconds(4, TailMethod::cascade) - flat, level);
  EXPECT_EQ(seconds(0, TailMethod::cascade), flat);
  // Only entered where modes lie below the floor of the Gram matrix.
  EXPECT_DOUBLE_EQ(seconds(0, TailMethod::automatic) - flat, level);
}

TEST(PlanTime, SmallRowsAreNotRotated) {
  const auto flops = [](std::int64_t rows) {
    ProblemShape shape = shape_of(cascade_deck);
    shape.factor->rows = rows;
    return phase(phases_of(shape), "deep tail: reduce").flops;
  };
  const double cube = 2000.0 * 2000 * 2000;
  EXPECT_DOUBLE_EQ(flops(2000), 12 * cube);
  EXPECT_DOUBLE_EQ(flops(6000) - flops(4000), 2.5 * cube);
}
