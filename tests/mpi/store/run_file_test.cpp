#include "store/run_file.hpp"

#include "bindings/hdf5.hpp"
#include "sample_run.hpp"
#include "test_folder.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

class RunFileTest : public testing::Test {
 protected:
  RunFolder open(const fs::path& path) const {
    return RunFolder::open(world, path, false, "deck", "resolved");
  }
  /// Neither a result nor a rest of one.
  void expect_no_result(const fs::path& path) const {
    world.barrier();
    if (!world.root()) return;
    for (const auto& entry : fs::directory_iterator(path))
      EXPECT_THAT(entry.path().filename().string(), testing::Not(testing::HasSubstr("run.h5")));
  }
  const Communicator world = Communicator::world();
  const TestFolder folder{world};
  const fs::path output = folder.path() / "output";
};

TEST_F(RunFileTest, NothingLooksCompleteBeforeTheEnd) {
  const RunFolder run = open(output);
  RunFile file(run);
  write_sample(file, world);
  if (world.root()) {
    EXPECT_FALSE(fs::exists(run.run_file()));
  }
  file.finish();
  if (!world.root()) return;
  const hdf5::Object read = hdf5::open_file(run.run_file());
  std::int64_t complete = 0;
  hdf5::read_attribute(hdf5::open_group(read, "/"), "complete", hdf5::Type::int64, 1, &complete);
  EXPECT_EQ(complete, 1);
  std::vector<double> vectors(35);
  hdf5::read(hdf5::open_dataset(read, "/eigenvectors/eigenvector"), hdf5::Type::float64,
             vectors.data());
  for (std::int64_t k = 0; k < 5; ++k)
    for (std::int64_t i = 0; i < 7; ++i)
      EXPECT_EQ(vectors[static_cast<std::size_t>(7 * k + i)], sample_entry(i, k));
  EXPECT_THAT(hdf5::list_datasets(read), testing::Contains("/provenance/hashes/hash"));
}

TEST_F(RunFileTest, AbandonedFileLeavesNothing) {
  const RunFolder run = open(output);
  {
    RunFile file(run);
    write_sample(file, world);
    file.settle();
  }
  expect_no_result(output);
}

TEST_F(RunFileTest, AFolderInTheWayOfTheResultIsAnError) {
  const RunFolder run = open(output);
  {
    RunFile file(run);
    write_sample(file, world);
    if (world.root()) fs::create_directories(run.run_file() / "inside");
    expect_error(world, ExitCode::io, "renamed", [&] { file.finish(); });
  }
  if (world.root()) {
    EXPECT_TRUE(fs::is_directory(run.run_file() / "inside"));
  }
}

TEST_F(RunFileTest, AttributeWrittenTwiceKeepsTheSecond) {
  const RunFolder run = open(output);
  RunFile file(run);
  file.root().attribute("exit_code", 0);
  file.root().attribute("exit_code", 80);
  file.finish();
  if (!world.root()) return;
  std::int64_t code = 0;
  const hdf5::Object read = hdf5::open_file(run.run_file());
  hdf5::read_attribute(hdf5::open_group(read, "/"), "exit_code", hdf5::Type::int64, 1, &code);
  EXPECT_EQ(code, 80);
}

TEST_F(RunFileTest, AFullDiskIsSeenByEveryRank) {
  const fs::path disk = folder.path() / "disk";
  double mounted = 0;
  if (world.root()) {
    fs::create_directories(disk);
    mounted = ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") == 0 ? 1 : 0;
  }
  if (world.max(mounted) == 0) GTEST_SKIP() << "mounting a small tmpfs is not permitted here";
  const std::vector<double> large(std::size_t{1} << 18, 1.0);  // 2 MiB
  {
    const RunFolder run = open(disk / "small-values");
    {
      RunFile file(run);
      file.root().scale("x", large);
      file.root().attribute("after", "what failed");
      expect_error(world, ExitCode::io, "No space left on device", [&] { file.settle(); });
      expect_error(world, ExitCode::io, "No space left on device", [&] { file.finish(); });
    }
    expect_no_result(disk / "small-values");
  }
  {
    const RunFolder run = open(disk / "columns");
    {
      RunFile file(run);
      file.root().counting_scale("mode", 512);
      file.root().counting_scale("item", 512);
      expect_error(world, ExitCode::io, "No space left on device", [&] {
        file.root().columns("eigenvector", sample_matrix(world, 512, 512), {"mode", "item"});
      });
    }
    expect_no_result(disk / "columns");
  }
  world.barrier();
  if (world.root()) {
    EXPECT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
  }
}

TEST_F(RunFileTest, ASizeLimitIsAnErrorNotADeath) {
  const RunFolder run = open(output);
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small { 1 << 20, before.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  {
    RunFile file(run);
    file.root().scale("x", std::vector<double>(std::size_t{1} << 18, 1.0));
    expect_error(world, ExitCode::io, "File too large", [&] { file.settle(); });
  }
  // Once more by ctest with the limit kept: then it still holds while MPI ends.
  if (!std::getenv("FATHOM_KEEP_LIMIT")) {
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  }
  expect_no_result(output);
}

/// Run once for each fault point by ctest, with FATHOM_FAULT and the exit code that must follow.
TEST_F(RunFileTest, PlantedFaultEndsTheRunOnEveryRank) {
  const char* expected = std::getenv("FATHOM_EXPECT");
  if (!std::getenv("FATHOM_FAULT") || !expected) GTEST_SKIP() << "no fault planted";
  expect_error(world, static_cast<ExitCode>(std::atoi(expected)), "", [&] {
    const RunFolder run = open(output);
    RunFile file(run);
    write_sample(file, world);
    file.finish();
    FAIL() << "the planted fault did not strike";
  });
  if (fs::exists(output)) expect_no_result(output);
}

/// Writes the file that h5py, h5netcdf and xarray read in the next test.
TEST_F(RunFileTest, SampleForPython) {
  const char* target = std::getenv("FATHOM_SAMPLE");
  if (!target) GTEST_SKIP() << "no sample asked for";
  const RunFolder run = RunFolder::open(world, target, true, sample_deck, "resolved");
  RunFile file(run);
  write_sample(file, world);
  file.finish();
}

}  // namespace
}  // namespace fathom
