// Rates: the curve through two readings, files of calibrations.

#include "base/error.hpp"
#include "run/calibration.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fathom;

namespace {

/// t = n²·1e-8 + n³·1e-10 on one rank, half of it on two.
SolverTiming timing(int ranks) {
  const auto seconds = [&](double n) { return (1e-8 * n * n + 1e-10 * n * n * n) / ranks; };
  return {.backend = Backend::elpa2,
          .vectors = false,
          .ranks = ranks,
          .small_order = 1000,
          .large_order = 2000,
          .small_seconds = seconds(1000),
          .large_seconds = seconds(2000)};
}

std::filesystem::path fresh_file(const char* name) {
  const auto path = std::filesystem::temp_directory_path() / name;
  std::filesystem::remove(path);
  return path;
}

std::string fault_of(const std::filesystem::path& file) {
  try {
    load_calibration(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(MachineModel, TheCurveGoesThroughBothReadingsAndOn) {
  const SolverTiming t = timing(1);
  EXPECT_NEAR(t.seconds(1000), 0.11, 1e-12);
  EXPECT_NEAR(t.seconds(2000), 0.84, 1e-12);
  EXPECT_NEAR(t.seconds(10000), 101, 1e-9);
}

TEST(MachineModel, NeitherTermOfTheCurveIsNegative) {
  SolverTiming fast = timing(1);
  fast.large_seconds = 2 * fast.small_seconds;  // less than n²
  EXPECT_NEAR(fast.seconds(4000), 4 * fast.large_seconds, 1e-12);
  SolverTiming steep = timing(1);
  steep.large_seconds = 16 * steep.small_seconds;  // more than n³
  EXPECT_NEAR(steep.seconds(4000), 8 * steep.large_seconds, 1e-12);
}

TEST(MachineModel, RanksBetweenAndBeyondTheReadingsFollowTheirPower) {
  MachineModel model;
  model.solvers = {timing(1), timing(2)};
  EXPECT_NEAR(model.solve_seconds(Backend::elpa2, false, 2000, 2), 0.42, 1e-12);
  EXPECT_NEAR(model.solve_seconds(Backend::elpa2, false, 2000, 8), 0.105, 1e-12);
  // A solver that was not timed: by round numbers, falling with the ranks.
  EXPECT_LT(model.solve_seconds(Backend::elpa1, true, 2000, 4),
            model.solve_seconds(Backend::elpa1, true, 2000, 1));
}

TEST(Calibration, AFileComesBackAsItWasSaved) {
  MachineModel model;
  model.ranks = 2;
  model.dgemm_alone = 6e10;
  model.write = 1.25e8;
  model.solvers = {timing(1), timing(2)};
  const auto file = fresh_file("fathom-calibration-test.json");
  save_calibration(model, file);
  const MachineModel back = load_calibration(file);
  EXPECT_TRUE(back.calibrated);
  EXPECT_EQ(back.source, "the calibration " + file.string());
  EXPECT_EQ(back.dgemm_alone, 6e10);
  EXPECT_EQ(back.write, 1.25e8);
  ASSERT_EQ(back.solvers.size(), 2u);
  EXPECT_EQ(back.solvers[1].ranks, 2);
  EXPECT_EQ(back.solvers[1].large_seconds, timing(2).large_seconds);
  std::filesystem::remove(file);
}

TEST(Calibration, WhatIsNoneIsRefused) {
  const auto file = fresh_file("fathom-calibration-bad.json");
  EXPECT_THAT(fault_of(file), testing::HasSubstr("fathom calibrate"));
  std::ofstream(file) << "{\"format\": 1, \"ranks\": 2, \"dgemm";
  EXPECT_THAT(fault_of(file), testing::HasSubstr("is no calibration"));
  MachineModel model;
  model.memory = -1;
  save_calibration(model, file);
  EXPECT_THAT(fault_of(file), testing::HasSubstr("memory = -1 is no rate"));
  model = {};
  model.solvers = {timing(1)};
  model.solvers[0].large_seconds = -3;
  save_calibration(model, file);
  EXPECT_THAT(fault_of(file), testing::HasSubstr("a solver that took"));
  model = {};
  model.baseline = 1e30;
  save_calibration(model, file);
  EXPECT_THAT(fault_of(file), testing::HasSubstr("of the empty program"));
  std::filesystem::remove(file);
}
