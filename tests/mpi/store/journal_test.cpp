#include "bindings/hdf5.hpp"
#include "sample_run.hpp"
#include "store/checkpoint.hpp"
#include "store/run_file.hpp"
#include "store/verify_run.hpp"
#include "test_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

/// A point with one of everything, and its vectors.
void write_point(RunFile& file, const Communicator& comm, Checkpoint& checkpoint) {
  const RunGroup group = file.group("sweep/0001").group("spectrum");
  group.counting_scale("mode", 4);
  group.counting_scale("item", 9);
  group.scale("lambda", std::vector<double>{0.5, 0.25});
  group.variable("eigenvalue", std::vector<double>{4, 3, 2, 1}, {"mode"});
  group.variable("state", std::vector<std::int8_t>{1, 1, 0, 2}, {"mode"});
  group.variable("both", std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}, {"mode", "lambda"});
  group.variable("name", std::vector<std::string>{"a", "é", "", "d"}, {"mode"});
  group.attribute("trace", 10.0);
  group.attribute("n", 9);
  group.attribute("text", "one\ntwo");
  group.attribute("grid", std::vector<std::int64_t>{1, 2});
  group.attribute("times", std::vector<double>{0.5, 2});
  group.attribute_of("eigenvalue", "long_name", std::string("eigenvalues of K"));
  const DistMatrix vectors = sample_matrix(comm, 9, 4);
  checkpoint.keep_matrix("point-0001.vectors", vectors);
  group.columns("eigenvector", vectors, {"mode", "item"}, "point-0001.vectors");
  group.attribute("after", "the matrix");
}

std::vector<std::string> manifest_of(const fs::path& path) {
  const hdf5::Object file = hdf5::open_file(path);
  std::vector<std::string> lines;
  const auto paths = hdf5::read_text(hdf5::open_dataset(file, "/provenance/hashes/path"));
  const auto hashes = hdf5::read_text(hdf5::open_dataset(file, "/provenance/hashes/hash"));
  for (std::size_t i = 0; i < paths.size(); ++i)
    lines.push_back(paths[i] + " " + hashes[i]);
  return lines;
}

TEST(Journal, AReplayedFileHoldsTheSame) {
  const Communicator world = Communicator::world();
  const TestFolder folder(world);
  const fs::path place = folder.path() / "checkpoint";
  {
    const RunFolder run =
        RunFolder::open(world, folder.path() / "first", false, "deck", "resolved");
    Checkpoint checkpoint = Checkpoint::begin(run, place, "text");
    RunFile file(run);
    file.keep_journal();
    file.root().attribute("before", 1);
    file.take_journal();
    write_point(file, world, checkpoint);
    const Record journal = file.take_journal();
    EXPECT_EQ(journal.get<std::int8_t>("journal.calls").empty(), !world.root());
    if (world.root()) checkpoint.keep("point-0001.done", journal);
    EXPECT_TRUE(file.take_journal().get<std::int8_t>("journal.calls").empty());
    file.finish();
  }
  const RunFolder run = RunFolder::open(world, folder.path() / "second", false, "deck", "resolved");
  Checkpoint checkpoint = Checkpoint::reopen(run, place, "text");
  RunFile file(run);
  file.keep_journal();
  file.root().attribute("before", 1);
  file.take_journal();
  file.replay(*checkpoint.find("point-0001.done"), checkpoint);
  EXPECT_TRUE(file.take_journal().get<std::int8_t>("journal.calls").empty());
  file.finish();
  if (!world.root()) return;
  EXPECT_EQ(manifest_of(run.run_file()), manifest_of(folder.path() / "first" / "run.h5"));
  const hdf5::Object read = hdf5::open_file(run.run_file());
  const hdf5::Object group = hdf5::open_group(read, "/sweep/0001/spectrum");
  double trace = 0;
  hdf5::read_attribute(group, "trace", hdf5::Type::float64, 1, &trace);
  EXPECT_EQ(trace, 10.0);
  EXPECT_EQ(hdf5::read_text_attribute(group, "text"), "one\ntwo");
  EXPECT_EQ(hdf5::read_text_attribute(group, "after"), "the matrix");
  EXPECT_TRUE(hdf5::has_attribute(group, "times"));
  EXPECT_EQ(hdf5::read_text_attribute(hdf5::open_dataset(read, "/sweep/0001/spectrum/eigenvalue"),
                                      "long_name"),
            "eigenvalues of K");
  EXPECT_THAT(verify_run(run.path()).damage, testing::IsEmpty());
}

TEST(Journal, AMatrixThatIsGoneAndAForeignRecordAreRefused) {
  const Communicator world = Communicator::world();
  const TestFolder folder(world);
  const RunFolder run = RunFolder::open(world, folder.path() / "output", false, "deck", "resolved");
  Checkpoint checkpoint = Checkpoint::begin(run, run.checkpoint_folder(), "text");
  Record journal;
  {
    RunFile file(run);
    file.keep_journal();
    write_point(file, world, checkpoint);
    journal = file.take_journal();
  }
  world.barrier();
  checkpoint.drop("point-0001.vectors");
  world.barrier();
  RunFile file(run);
  expect_error(world, ExitCode::input, "holds no matrix 'point-0001.vectors'",
               [&] { file.replay(journal, checkpoint); });
  expect_error(world, ExitCode::input, "journal.calls", [&] { file.replay({}, checkpoint); });
}

}  // namespace
}  // namespace fathom
