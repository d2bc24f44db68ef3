#include "spectral/reach.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A snapshot whose loss decrease reaches mode k of λ_k = 1/k.
DepthSnapshot at(double compute, std::int64_t mode, std::int64_t floor = 1000) {
  const double relative = 1.0 / static_cast<double>(mode);
  return {compute, {{mode, mode}, relative, relative, relative}, 1.0 / static_cast<double>(floor)};
}

TEST(Reach, SnapshotDepthIsWhereTheStatedShareLiesBeyond) {
  const std::vector<double> value{8.0, 4.0, 2.0, nan}, decrease{5.0, 4.0, 1.0, 50.0};
  const DepthSnapshot snapshot = depth_snapshot(3.0, value, {}, decrease);
  EXPECT_EQ(snapshot.depth.mode(), 2) << "90 % lie down to mode 2";
  EXPECT_DOUBLE_EQ(snapshot.depth.relative_eigenvalue, 0.5);
  EXPECT_DOUBLE_EQ(snapshot.floor, 0.25);
  EXPECT_EQ(depth_snapshot(3.0, value, {}, decrease, 0.09).depth.mode(), 3);
  EXPECT_EQ(depth_snapshot(3.0, value, {}, decrease, 0.5).depth.mode(), 1);
}

TEST(Reach, AnUntrustedModeCountedAsTrustedMovesIt) {
  std::vector<double> value{8.0, 4.0, 2.0, nan};
  const std::vector<double> decrease{5.0, 4.0, 1.0, 50.0};
  value[3] = 1e-18;  // the fault
  EXPECT_EQ(depth_snapshot(3.0, value, {}, decrease).depth.mode(), 4);
}

TEST(Reach, IsASustainedLevelAndNotTheDeepestMoment) {
  // Five snapshots a decade apart stand for ½, 1, 1, 1, ½ decades of 4.
  const std::vector<DepthSnapshot> run{at(1, 2), at(10, 5), at(100, 9), at(1e3, 7), at(1e4, 800)};
  const ComputeWindow all{1.0, 1e4};
  const Reach reach = sustained_reach(run, all);
  EXPECT_EQ(reach.mode, 7) << "800, 9 and 7 are 2.5 of 4 decades, 800 and 9 are 1.5";
  EXPECT_DOUBLE_EQ(reach.relative_eigenvalue, 1.0 / 7.0);
  EXPECT_EQ(reach.snapshots, 5);
  EXPECT_NEAR(reach.covered, 1.0, 1e-12);
  EXPECT_EQ(sustained_reach(run, all, {0.125}).mode, 800);
  EXPECT_EQ(sustained_reach(run, all, {0.126}).mode, 9);
  EXPECT_EQ(sustained_reach(run, all, {0.375}).mode, 9);
  EXPECT_EQ(sustained_reach(run, all, {0.625}).mode, 7);
  EXPECT_EQ(sustained_reach(run, all, {1.0}).mode, 2);
}

TEST(Reach, InPlainComputeTheLastSnapshotIsHalfOfTheRun) {
  const std::vector<DepthSnapshot> run{at(0, 2), at(10, 5), at(100, 9), at(1e3, 7)};
  const Reach plain = sustained_reach(run, {0.0, 1e3}, {0.4, TrainingMeasure::compute});
  EXPECT_EQ(plain.mode, 9) << "0.495 of the run";
  const Reach longer = sustained_reach(run, {0.0, 1e3}, {0.9, TrainingMeasure::compute});
  EXPECT_EQ(longer.mode, 7);
  EXPECT_EQ(longer.snapshots, 4);
}

TEST(Reach, SnapshotsAreCutAtTheWindow) {
  // The window ends in the middle of what the second snapshot stands for, before the third.
  const std::vector<DepthSnapshot> run{at(1, 2), at(100, 5), at(1e4, 900)};
  const Reach reach = sustained_reach(run, {1.0, 100.0}, {0.5});
  EXPECT_EQ(reach.snapshots, 2);
  EXPECT_EQ(reach.mode, 5);
  EXPECT_EQ(sustained_reach(run, {1.0, 100.0}, {0.51}).mode, 2);
  EXPECT_NEAR(sustained_reach(run, {1.0, 1e8}).covered, 0.5, 1e-12);
}

TEST(Reach, SaysHowMuchOfTheWindowStoodAtTheFloor) {
  const std::vector<DepthSnapshot> run{at(1, 2), at(10, 50, 50), at(100, 50, 50)};
  EXPECT_NEAR(sustained_reach(run, {1.0, 100.0}).at_floor, 0.75, 1e-12);
}

TEST(Reach, MomentsWithoutTrustedDecreaseAreNotDeep) {
  const DepthSnapshot nothing{100.0, {}, 0.1};
  const std::vector<DepthSnapshot> run{at(1, 3), at(10, 3), nothing, {1e3, {}, 0.1}};
  EXPECT_EQ(sustained_reach(run, {1.0, 1e3}).mode, 3);
  const Reach none = sustained_reach(run, {1.0, 1e3}, {0.75});
  EXPECT_EQ(none.mode, 0);
  EXPECT_FALSE(none.found());
}

TEST(Reach, EqualComputeCutsEveryRunAtTheSmallestBudget) {
  // The small model is trained a hundred times as long as the large one is, and gets deep late.
  const std::vector<std::vector<DepthSnapshot>> runs{
      {at(0, 1), at(1, 2), at(10, 4), at(100, 4), at(1e3, 4), at(1e4, 60), at(1e5, 60)},
      {at(0, 1), at(10, 8), at(100, 16), at(1e3, 16)}};
  const EqualComputeReach equal = reach_at_equal_compute(runs);
  EXPECT_DOUBLE_EQ(equal.window.first, 10.0);
  EXPECT_DOUBLE_EQ(equal.window.last, 1e3);
  ASSERT_EQ(equal.reach.size(), 2u);
  EXPECT_EQ(equal.reach[0].mode, 4);
  EXPECT_EQ(equal.reach[1].mode, 16);
  // Each over its own training: the comparison that misleads.
  EXPECT_GT(sustained_reach(runs[0], {1.0, 1e5}, {0.3}).mode,
            sustained_reach(runs[1], {10.0, 1e3}, {0.3}).mode);
}

TEST(Reach, RunsThatShareNoTrainingHaveNone) {
  const std::vector<std::vector<DepthSnapshot>> runs{{at(1, 2), at(10, 4)}, {at(20, 8), at(30, 9)}};
  const EqualComputeReach equal = reach_at_equal_compute(runs);
  EXPECT_FALSE(equal.reach[0].found());
  EXPECT_FALSE(equal.reach[1].found());
  EXPECT_EQ(common_window(std::vector<std::vector<DepthSnapshot>>{{}}).last, 0.0);
}

TEST(Reach, ValueAtABudgetBetweenSnapshots) {
  const std::vector<double> compute{1.0, 100.0, 1e4}, loss{3.0, 2.0, 1.0};
  EXPECT_DOUBLE_EQ(value_at_compute(compute, loss, 100.0), 2.0);
  EXPECT_DOUBLE_EQ(value_at_compute(compute, loss, 10.0), 2.5);
  EXPECT_DOUBLE_EQ(value_at_compute(compute, loss, 1e4), 1.0);
  EXPECT_TRUE(std::isnan(value_at_compute(compute, loss, 0.5)));
  EXPECT_TRUE(std::isnan(value_at_compute(compute, loss, 2e4)));
}

TEST(ReachDeath, SnapshotsOutOfOrderAreRefused) {
  const std::vector<DepthSnapshot> run{at(10, 2), at(1, 5)};
  EXPECT_DEATH(sustained_reach(run, {1.0, 10.0}), "snapshot 1 at compute 1");
  const std::vector<DepthSnapshot> good{at(1, 2), at(10, 5)};
  EXPECT_DEATH(sustained_reach(good, {0.0, 10.0}), "window begins at compute 0");
}

}  // namespace
}  // namespace fathom
