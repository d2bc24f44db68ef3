// Whole plans: fitting, refusal, the fewest nodes, the script.

#include "planned_decks.hpp"
#include "run/job_script.hpp"
#include "run/plan_command.hpp"
#include "run/plan_text.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::test;
using testing::HasSubstr;

namespace {

const std::string free_deck = R"(schema = 1
[study]
kind = "spectrum"
[data]
source = "sphere"
n = 1000
dim = 50
[kernel]
type = "ntk"
activation = "relu"
[solver]
tail = "gram"
)";

std::filesystem::path written(const std::string& text) {
  const auto file = std::filesystem::temp_directory_path() / "fathom-plan-test.toml";
  std::ofstream(file) << text;
  return file;
}

struct Outcome {
  int code = 0;
  std::string out, message;
};

Outcome outcome_of(const PlanArguments& arguments) {
  std::ostringstream out;
  try {
    plan_deck(arguments, out);
    return {0, out.str(), ""};
  } catch (const Error& error) {
    return {static_cast<int>(error.code()), out.str(), error.what()};
  }
}

}  // namespace

TEST(RunPlan, MoreRanksOnOneNodeAddNoMemory) {
  const auto points = points_of(free_deck, {"data.n=100000"});
  const Machine node = test::machine_of(1, 64, 64);
  for (const Candidate& line : candidates(points, node, MachineModel{}))
    EXPECT_FALSE(line.fits) << line.ranks;
  EXPECT_FALSE(best_ranks(candidates(points, node, MachineModel{})));
}

TEST(RunPlan, TheFewestNodesHoldItAndOneLessDoesNot) {
  const auto points = points_of(free_deck, {"data.n=100000"});
  const Machine node = test::machine_of(1, 16, 16);
  const auto needed = nodes_needed(points, node);
  ASSERT_TRUE(needed);
  EXPECT_GT(needed->nodes, 1);
  // The matrix alone is 74.5 GiB; ScaLAPACK, the leanest, takes a fifth more.
  EXPECT_GE(needed->nodes * 16.0, 74.5 * 1.2);
  Machine many = node;
  many.nodes = needed->nodes;
  const RunPlan plan = plan_run(points, needed->ranks, many, MachineModel{});
  EXPECT_EQ(refusal(points, plan, many), "");
  many.nodes = needed->nodes - 1;
  for (const int each : {1, 2, 4, 8, 16})
    EXPECT_NE(refusal(points, plan_run(points, each * many.nodes, many, MachineModel{}), many), "")
        << each;
}

TEST(RunPlan, TheBestIsTheSoonestThatFits) {
  const std::vector<Candidate> table{
      {1, 1, 1, 100, true}, {2, 1, 2, 55, true}, {4, 1, 4, 54, true}, {8, 1, 8, 10, false}};
  EXPECT_EQ(best_ranks(table), 2);
  EXPECT_EQ(best_ranks({{1, 1, 1, 100, false}}), std::nullopt);
}

TEST(RunPlan, TimeOfASweepIsTheSumOfItsPoints) {
  const Machine node = test::machine_of(1, 2, 8);
  const RunPlan one = plan_run(points_of(free_deck), 2, node, MachineModel{});
  const RunPlan three =
      plan_run(points_of(free_deck + "[sweep]\nrun.seed = [1, 2, 3]\n"), 2, node, MachineModel{});
  EXPECT_EQ(three.points.size(), 3u);
  EXPECT_NEAR(three.seconds(), 3 * one.seconds(), 1e-9 * three.seconds());
  EXPECT_EQ(three.peak(), one.peak());
}

TEST(PlanCommand, RefusesWithTheNumberOfNodes) {
  const auto file = written(free_deck);
  const Outcome refused = outcome_of({.deck_path = file.string(),
                                      .overrides = {"data.n=100000"},
                                      .ranks = 2,
                                      .nodes = 1,
                                      .cores = 2,
                                      .memory = std::uint64_t{24} << 30});
  EXPECT_EQ(refused.code, 71);
  EXPECT_THAT(refused.message, HasSubstr("nodes of 24.00 GiB would hold it"));
  EXPECT_THAT(refused.out, HasSubstr("does not fit"));
  EXPECT_EQ(outcome_of({.deck_path = file.string(), .ranks = 2}).code, 0);
  std::filesystem::remove(file);
}

TEST(PlanCommand, ScriptsQuoteWhatTheUserGave) {
  const Machine nodes = test::machine_of(2, 4, 8);
  const auto points = points_of(free_deck);
  const RunPlan plan = plan_run(points, 8, nodes, MachineModel{});
  const std::string script = job_script({.deck = "my deck's.toml",
                                         .overrides = {"data.n=2000"},
                                         .name = "my deck",
                                         .memory = nodes.memory},
                                        plan, nodes);
  EXPECT_THAT(script, HasSubstr(" 'my deck'\\''s.toml' --set "));
  EXPECT_THAT(script, HasSubstr(" --set data.n=2000\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --job-name=my-deck\n#SBATCH --nodes=2\n#SBATCH "
                                "--ntasks=8\n#SBATCH --ntasks-per-node=4\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --mem=8192M\n#SBATCH --time=00:10:00\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --signal=B:USR1@120\n"));
}

TEST(PlanText, ItemsOfTheTableSumUp) {
  const Machine node = test::machine_of(1, 2, 8);
  const auto points = points_of(free_deck);
  const RunPlan plan = plan_run(points, 2, node, MachineModel{});
  double most = 0;
  for (const MemoryStage& stage : plan.points[0].stages)
    if (stage.when.empty()) most = std::max(most, stage.total());
  EXPECT_EQ(plan.peak(), most + first_use_bytes);
  const auto lines = plan_lines(points, plan, node, MachineModel{});
  EXPECT_THAT(lines[0], HasSubstr("plan for 2 ranks: order 1000"));
  EXPECT_THAT(lines[1], HasSubstr("grid 1 x 2, block 32, elpa2"));
}
