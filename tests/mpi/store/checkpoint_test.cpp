#include "store/checkpoint.hpp"

#include "test_folder.hpp"

#include <bit>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

double entry(std::int64_t i, std::int64_t j) {
  return static_cast<double>(i) * 1.5 - 1.0 / static_cast<double>(j + 3);
}

Record numbers(double first) {
  return {{{"x", std::vector<double>{first, 2, 3}}}};
}

class CheckpointTest : public testing::Test {
 protected:
  RunFolder open(const Communicator& comm, const std::string& name = "output") const {
    return RunFolder::open(comm, folder.path() / name, true, "deck", "resolved");
  }
  void on_root(const std::function<void()>& action) const {
    world.barrier();
    if (world.root()) action();
    world.barrier();
  }
  const Communicator world = Communicator::world();
  const TestFolder folder{world};
};

TEST_F(CheckpointTest, OffKeepsAndFindsNothing) {
  Checkpoint off;
  EXPECT_FALSE(off.on());
  off.keep("a", numbers(1));
  EXPECT_FALSE(off.find("a").has_value());
  EXPECT_TRUE(off.keys("").empty());
  DistMatrix matrix = DistMatrix::make(ProcessGrid(world, {1, 1}), 2, 2, 1, 1);
  off.keep_matrix("m", matrix);
  EXPECT_FALSE(off.find_matrix("m", matrix).has_value());
  off.drop("");
  off.remove();
}

TEST_F(CheckpointTest, EachRankKeepsItsOwnAndAnotherRunFindsIt) {
  const std::string mine = fmt::format("training-{:04d}", world.rank());
  {
    const RunFolder run = open(world);
    const Checkpoint kept = Checkpoint::begin(run, run.checkpoint_folder(), "text");
    kept.keep(mine, numbers(world.rank()));
    kept.keep(mine, numbers(world.rank() + 0.5));
  }
  const RunFolder run = RunFolder::reopen(world, folder.path() / "output");
  Checkpoint found = Checkpoint::reopen(run, run.checkpoint_folder(), "text");
  EXPECT_EQ(found.find(mine), numbers(world.rank() + 0.5));
  EXPECT_EQ(found.find("nothing"), std::nullopt);
  EXPECT_THAT(found.reused(), testing::ElementsAre(mine));
  EXPECT_THAT(found.keys("training-"), testing::SizeIs(world.size()));
  EXPECT_THAT(found.keys("point"), testing::IsEmpty());
  on_root([&] { found.drop("training-0000"); });
  EXPECT_THAT(found.keys(""), testing::SizeIs(world.size() - 1));
}

/// Written by the first `writers` ranks, read by the first `readers`, on other grids and blocks.
void write_and_read(const CheckpointTest&, const Communicator& world, const fs::path& output,
                    int writers, int readers, SymmetricFill fill) {
  constexpr std::int64_t n = 23, chunk = 8 * n * 4;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const bool lower = fill == SymmetricFill::lower;
  const Communicator writing = world.split(world.rank() < writers ? 0 : -1, world.rank());
  if (!writing.is_null()) {
    const RunFolder run = RunFolder::open(writing, output, true, "deck", "resolved");
    const Checkpoint kept = Checkpoint::begin(run, run.checkpoint_folder(), "text");
    // Three ranks: 1 × 2 with an idle one.
    const ProcessGrid grid(writing, writers == 3 ? GridShape{1, 2} : choose_grid(writers, n, 5));
    DistMatrix matrix = DistMatrix::make(grid, n, n, 5, 5);
    matrix.fill_from(
        [&](std::int64_t i, std::int64_t j) { return lower && i < j ? nan : entry(i, j); });
    kept.keep_matrix("gram", matrix, fill, numbers(7), chunk);
  }
  world.barrier();
  const Communicator reading = world.split(world.rank() < readers ? 0 : -1, world.rank());
  if (!reading.is_null()) {
    const RunFolder run = RunFolder::reopen(reading, output);
    Checkpoint found = Checkpoint::reopen(run, run.checkpoint_folder(), "text");
    DistMatrix matrix = DistMatrix::make(ProcessGrid(reading, {readers, 1}), n, n, 3, 4);
    matrix.fill(-1.0);
    EXPECT_EQ(found.find_matrix("gram", matrix), numbers(7));
    DistMatrix expected = DistMatrix::make(ProcessGrid(reading, {readers, 1}), n, n, 3, 4);
    expected.fill_from(
        [&](std::int64_t i, std::int64_t j) { return lower && i < j ? 0.0 : entry(i, j); });
    for (std::int64_t j = 0; j < matrix.local_cols(); ++j)
      for (std::int64_t i = 0; i < matrix.local_rows(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint64_t>(matrix.local()(i, j)),
                  std::bit_cast<std::uint64_t>(expected.local()(i, j)))
            << i << ", " << j;
  }
  world.barrier();
}

TEST_F(CheckpointTest, AMatrixIsReadOnAnyGridBitForBit) {
  for (int writers = 1; writers <= world.size(); ++writers)
    for (int readers = 1; readers <= world.size(); ++readers)
      for (const SymmetricFill fill : {SymmetricFill::full, SymmetricFill::lower}) {
        SCOPED_TRACE(fmt::format("{} ranks write, {} read", writers, readers));
        write_and_read(*this, world, folder.path() / "output", writers, readers, fill);
      }
}

TEST_F(CheckpointTest, ARectangleInOneChunkAndReplacement) {
  const RunFolder run = open(world);
  Checkpoint checkpoint = Checkpoint::begin(run, run.checkpoint_folder(), "text");
  const ProcessGrid grid(world, {world.size(), 1});
  DistMatrix matrix = DistMatrix::make(grid, 7, 3, 2, 2);
  for (const double shift : {0.0, 10.0, 20.0}) {
    matrix.fill_from([&](std::int64_t i, std::int64_t j) { return entry(i, j) + shift; });
    checkpoint.keep_matrix("vectors", matrix);
  }
  matrix.fill(0);
  ASSERT_TRUE(checkpoint.find_matrix("vectors", matrix).has_value());
  for (std::int64_t j = 0; j < matrix.local_cols(); ++j)
    for (std::int64_t i = 0; i < matrix.local_rows(); ++i)
      EXPECT_EQ(matrix.local()(i, j), entry(matrix.global_row(LocalIndex(i)).value(), j) + 20.0);
  on_root([&] {
    EXPECT_EQ(std::distance(fs::directory_iterator(run.checkpoint_folder()), {}), 4)
        << "identity, record, one file of columns, lock";
  });
  DistMatrix other = DistMatrix::make(grid, 3, 7, 2, 2);
  expect_error(world, ExitCode::input, "7 x 3, not of 3 x 7",
               [&] { checkpoint.find_matrix("vectors", other); });
  on_root([&] { checkpoint.drop("vec"); });
  EXPECT_FALSE(checkpoint.find_matrix("vectors", matrix).has_value());
}

TEST_F(CheckpointTest, ForeignAndMissingIdentitiesAreRefused) {
  const auto reopen = [&](const char* identity) {
    const RunFolder run = RunFolder::reopen(world, folder.path() / "output");
    return Checkpoint::reopen(run, run.checkpoint_folder(), identity);
  };
  {
    const RunFolder run = open(world);
    const Checkpoint kept = Checkpoint::begin(run, run.checkpoint_folder(), "text");
    if (world.root()) kept.keep("a", numbers(1));
    world.barrier();
  }
  expect_error(world, ExitCode::input, "belongs to another run", [&] { reopen("other text"); });
  const fs::path identity = folder.path() / "output" / "checkpoint" / "identity.record";
  on_root([&] { fs::remove(identity); });
  expect_error(world, ExitCode::input, "identity.record: is missing", [&] { reopen("text"); });
  on_root([&] { fs::remove_all(identity.parent_path()); });
  EXPECT_TRUE(reopen("text").on()) << "a run that was killed before it kept anything";
}

TEST_F(CheckpointTest, WhatAKilledRunLeftIsRemoved) {
  const RunFolder run = open(world);
  const fs::path place = run.checkpoint_folder();
  { Checkpoint::begin(run, place, "text"); }
  on_root([&] {
    std::ofstream(place / "a.record.tmp") << "half";
    std::ofstream(place / "gram.0.columns") << "no record names it";
    std::ofstream(place / "notes.txt") << "of the user";
  });
  Checkpoint found = Checkpoint::reopen(run, place, "text");
  EXPECT_FALSE(found.find("a").has_value());
  on_root([&] {
    EXPECT_FALSE(fs::exists(place / "a.record.tmp"));
    EXPECT_FALSE(fs::exists(place / "gram.0.columns"));
    EXPECT_TRUE(fs::exists(place / "notes.txt"));
  });
}

TEST_F(CheckpointTest, OneFolderHasOneRun) {
  const RunFolder first = open(world, "first"), second = open(world, "second");
  const fs::path place = folder.path() / "shared";
  {
    const Checkpoint kept = Checkpoint::begin(first, place, "text");
    expect_error(world, ExitCode::exists, "another run is writing",
                 [&] { Checkpoint::begin(second, place, "text", true); });
  }
  expect_error(world, ExitCode::exists, "holds the checkpoint of a run",
               [&] { Checkpoint::begin(second, place, "text"); });
  EXPECT_TRUE(Checkpoint::begin(second, place, "text", true).on());
}

TEST_F(CheckpointTest, AFinishedRunLeavesNothing) {
  const RunFolder run = open(world);
  Checkpoint checkpoint = Checkpoint::begin(run, run.checkpoint_folder(), "text");
  DistMatrix matrix = DistMatrix::make(ProcessGrid(world, {1, 1}), 4, 4, 2, 2);
  matrix.fill(1.0);
  checkpoint.keep_matrix("gram", matrix);
  checkpoint.remove();
  EXPECT_FALSE(checkpoint.on());
  on_root([&] { EXPECT_FALSE(fs::exists(run.checkpoint_folder())); });
}

TEST_F(CheckpointTest, WhatAFinishedRunHasLeftIsRemovedIfItIsItsOwn) {
  const RunFolder run = open(world);
  const fs::path elsewhere = folder.path() / "elsewhere";
  EXPECT_FALSE(Checkpoint::remove_left(run, elsewhere, "text"));
  EXPECT_FALSE(fs::exists(elsewhere));
  { Checkpoint::begin(run, elsewhere, "text"); }
  EXPECT_FALSE(Checkpoint::remove_left(run, elsewhere, "another"));
  EXPECT_TRUE(fs::exists(elsewhere / "identity.record"));
  world.barrier();
  EXPECT_TRUE(Checkpoint::remove_left(run, elsewhere, "text"));
  on_root([&] { EXPECT_FALSE(fs::exists(elsewhere)); });
  // In the run's own folder, also where the removal was killed half-way.
  on_root([&] {
    fs::create_directories(run.checkpoint_folder());
    std::ofstream(run.checkpoint_folder() / "a.record") << "left";
  });
  EXPECT_TRUE(Checkpoint::remove_left(run, run.checkpoint_folder(), "text"));
  on_root([&] { EXPECT_FALSE(fs::exists(run.checkpoint_folder())); });
}

TEST_F(CheckpointTest, WhatCannotBeWrittenLeavesTheOldOne) {
  const RunFolder run = open(world);
  Checkpoint checkpoint = Checkpoint::begin(run, run.checkpoint_folder(), "text");
  const ProcessGrid grid(world, {1, world.size()});
  DistMatrix matrix = DistMatrix::make(grid, 300, 300, 32, 32);
  DistMatrix small = DistMatrix::make(grid, 5, 5, 2, 2);
  small.fill(3.0);
  checkpoint.keep_matrix("gram", small);
  if (world.root()) checkpoint.keep("a", numbers(1));
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit limit { 1 << 18, before.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  matrix.fill(1.0);
  expect_error(world, ExitCode::io, "File too large",
               [&] { checkpoint.keep_matrix("gram", matrix); });
  expect_error(world, ExitCode::io, "File too large", [&] {
    world.agree_on_root([&] {
      checkpoint.keep("a", {{{"x", std::vector<double>(1 << 16, 1.0)}}});
    });
  });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(checkpoint.find("a"), numbers(1));
  small.fill(0.0);
  ASSERT_TRUE(checkpoint.find_matrix("gram", small).has_value());
  if (small.local_cols() > 0) {
    EXPECT_EQ(small.local()(0, 0), 3.0);
  }
  on_root([&] { EXPECT_FALSE(fs::exists(run.checkpoint_folder() / "gram.1.columns")); });
}

TEST_F(CheckpointTest, AFullDiskIsSeenAtEveryFillLevel) {
  const fs::path disk = folder.path() / "disk";
  double mounted = 0;
  if (world.root()) {
    fs::create_directories(disk);
    mounted = ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") == 0 ? 1 : 0;
  }
  if (world.max(mounted) == 0) GTEST_SKIP() << "mounting a small tmpfs is not permitted here";
  {
    const RunFolder run = open(world);
    Checkpoint checkpoint = Checkpoint::begin(run, disk / "checkpoint", "text");
    const ProcessGrid grid(world, {1, world.size()});
    DistMatrix matrix = DistMatrix::make(grid, 200, 200, 32, 32);  // 320 kB
    std::int64_t kept = 0, refused = 0;
    for (int level = 0; level < 20; ++level) {
      on_root([&] {
        std::ofstream(disk / "filling")
            << std::string(static_cast<std::size_t>(level) * 50'000, 'x');
      });
      matrix.fill(level);
      bool whole = true;
      try {
        checkpoint.keep_matrix("gram", matrix);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::io) << error.what();
        EXPECT_THAT(error.what(), testing::HasSubstr("No space left on device"));
        whole = false;
      }
      ++(whole ? kept : refused);
      matrix.fill(-1);
      const auto found = checkpoint.find_matrix("gram", matrix);
      ASSERT_EQ(found.has_value(), kept > 0);
      if (found && whole && matrix.local_cols() > 0) {
        EXPECT_EQ(matrix.local()(0, 0), level);
      }
    }
    EXPECT_GT(kept, 0);
    EXPECT_GT(refused, 0);
  }
  world.barrier();
  if (world.root()) {
    EXPECT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
  }
}

/// Run once for each fault point by ctest, with FATHOM_FAULT and the exit code that must follow.
TEST_F(CheckpointTest, PlantedFaultIsSeenOnEveryRank) {
  const char* expected = std::getenv("FATHOM_EXPECT");
  if (!std::getenv("FATHOM_FAULT") || !expected) GTEST_SKIP() << "no fault planted";
  expect_error(world, static_cast<ExitCode>(std::atoi(expected)), "", [&] {
    const RunFolder run = open(world);
    Checkpoint checkpoint = Checkpoint::begin(run, run.checkpoint_folder(), "text");
    world.agree([&] { checkpoint.keep(fmt::format("rank-{}", world.rank()), numbers(1)); });
    DistMatrix matrix = DistMatrix::make(ProcessGrid(world, {1, world.size()}), 9, 9, 2, 2);
    matrix.fill(1.0);
    checkpoint.keep_matrix("gram", matrix);
    checkpoint.find_matrix("gram", matrix);
    FAIL() << "the planted fault did not strike";
  });
}

}  // namespace
}  // namespace fathom
