// Damage, drawn by a seed, to checkpoints and finished runs: none of it may be accepted.

#include "bindings/hdf5.hpp"
#include "sample_run.hpp"
#include "store/checkpoint.hpp"
#include "store/run_file.hpp"
#include "store/verify_run.hpp"
#include "test_folder.hpp"

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

using Files = std::map<fs::path, std::string>;

Files read_all(const std::vector<fs::path>& paths) {
  Files files;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    files[path] = {std::istreambuf_iterator<char>(in), {}};
  }
  return files;
}

void write_all(const Files& files) {
  for (const auto& [path, bytes] : files)
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Flips, overwrites, cuts, appends, clears a block, or swaps two files; says which.
std::string damage(Files& files, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(std::uniform_int_distribution<std::size_t>(0, n - 1)(random));
  };
  const Files before = files;
  auto chosen = std::next(files.begin(), static_cast<std::ptrdiff_t>(below(files.size())));
  std::string& bytes = chosen->second;
  std::string what;
  while (files == before) {
    const std::size_t place = below(bytes.size());
    switch (below(files.size() > 1 ? 6 : 5)) {
      case 0:
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << below(8)));
        what = fmt::format("a flipped bit in byte {}", place);
        break;
      case 1:
        bytes[place] = static_cast<char>(below(256));
        what = fmt::format("another byte {}", place);
        break;
      case 2:
        bytes.resize(place);
        what = fmt::format("cut to {} bytes", place);
        break;
      case 3:
        bytes.append(1 + below(100), static_cast<char>(below(256)));
        what = "bytes behind the end";
        break;
      case 4:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(place),
                    std::min<std::size_t>(512, bytes.size() - place), '\0');
        what = fmt::format("512 zeros from byte {}", place);
        break;
      default: {
        auto other = std::next(files.begin(), static_cast<std::ptrdiff_t>(below(files.size())));
        std::swap(bytes, other->second);
        what = "swapped with " + other->first.filename().string();
      }
    }
  }
  return chosen->first.filename().string() + ": " + what;
}

/// FATHOM_DAMAGES, else 250 on one rank, and a few where ranks have to agree each time.
int damages(const Communicator& comm) {
  const char* text = std::getenv("FATHOM_DAMAGES");
  return text ? std::atoi(text) : comm.size() == 1 ? 250 : 30;
}

class DamageTest : public testing::Test {
 protected:
  const Communicator world = Communicator::world();
  const TestFolder folder{world};
};

TEST_F(DamageTest, NoDamagedCheckpointIsAccepted) {
  const RunFolder run = RunFolder::open(world, folder.path() / "output", false, "deck", "resolved");
  const fs::path place = run.checkpoint_folder();
  DistMatrix matrix = sample_matrix(world, 12, 12);
  {
    const Checkpoint kept = Checkpoint::begin(run, place, "text");
    if (world.root())
      for (const char* key : {"point-0001.done", "point-0002.done"})
        kept.keep(key, {{{"x", std::vector<double>{1, 2}},
                         {"name", std::vector<std::string>{key, "text"}}}});
    kept.keep_matrix("first", matrix, SymmetricFill::full, {}, 8 * 12 * 5);
    matrix.fill(2.0);
    kept.keep_matrix("second", matrix, SymmetricFill::full, {}, 8 * 12 * 5);
    kept.keep_matrix("third", matrix, SymmetricFill::lower, {}, 8 * 12 * 5);
  }
  world.barrier();
  const auto use = [&] {
    Checkpoint found = Checkpoint::reopen(run, place, "text");
    for (const char* key : {"point-0001.done", "point-0002.done"})
      world.agree([&] { found.find(key); });
    for (const char* key : {"first", "second", "third"})
      found.find_matrix(key, matrix);
  };
  Files whole;
  if (world.root()) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(place))
      if (is_checkpoint_file(entry.path().filename().string())) paths.push_back(entry.path());
    ASSERT_EQ(paths.size(), 9U);
    whole = read_all(paths);
  }
  EXPECT_NO_THROW(use());
  std::mt19937_64 random(1);
  int accepted = 0;
  for (int i = 0; i < damages(world); ++i) {
    Files files = whole;
    std::string what;
    if (world.root()) {
      what = damage(files, random);
      write_all(files);
    }
    world.barrier();
    try {
      use();
      ++accepted;
      ADD_FAILURE() << what;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input) << what << "\n" << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(place.string()));
    }
    world.barrier();
    if (world.root()) write_all(whole);
    world.barrier();
  }
  EXPECT_EQ(accepted, 0);
  EXPECT_NO_THROW(use());
  RecordProperty("damages", damages(world));
}

TEST_F(DamageTest, NoDamagedRunIsAccepted) {
  const fs::path output = folder.path() / "output";
  {
    const RunFolder run = RunFolder::open(world, output, false, sample_deck, "resolved");
    RunFile file(run);
    write_sample(file, world);
    file.finish();
  }
  if (!world.root()) return;
  const Files whole = read_all({output / "run.h5"});
  const VerifyReport report = verify_run(output);
  EXPECT_THAT(report.damage, testing::IsEmpty());
  EXPECT_GT(report.datasets, 15);
  std::mt19937_64 random(2);
  for (int i = 0; i < damages(world); ++i) {
    Files files = whole;
    const std::string what = damage(files, random);
    write_all(files);
    EXPECT_FALSE(verify_run(output).damage.empty()) << what;
  }
  write_all(whole);
  EXPECT_THAT(verify_run(output).damage, testing::IsEmpty());
}

TEST_F(DamageTest, VerificationNamesWhatIsDamaged) {
  const fs::path output = folder.path() / "output";
  expect_error(world, ExitCode::input, "does not exist", [&] { verify_run(output); });
  {
    const RunFolder run = RunFolder::open(world, output, false, sample_deck, "resolved");
    expect_error(world, ExitCode::input, "did not finish", [&] { verify_run(output); });
    RunFile file(run);
    write_sample(file, world);
    file.finish();
  }
  if (!world.root()) return;
  std::int64_t first = 0, second = 0;
  {
    const hdf5::Object read = hdf5::open_file(output / "run.h5");
    first = hdf5::file_offset(hdf5::open_dataset(read, "/sweep/0001/spectrum/eigenvalue"));
    second = hdf5::file_offset(hdf5::open_dataset(read, "/eigenvectors/eigenvector"));
  }
  const Files whole = read_all({output / "run.h5"});
  Files files = whole;
  for (const std::int64_t place : {first + 3, second + 100, second + 200, std::int64_t{60}}) {
    char& byte = files.begin()->second[static_cast<std::size_t>(place)];
    byte = static_cast<char>(byte ^ 1);
  }
  write_all(files);
  EXPECT_THAT(verify_run(output).damage,
              testing::UnorderedElementsAre(
                  testing::HasSubstr("/sweep/0001/spectrum/eigenvalue is damaged"),
                  testing::HasSubstr("/eigenvectors/eigenvector is damaged"),
                  testing::HasSubstr("structure, texts or attributes")));
  write_all(whole);
  std::ofstream(output / "deck.toml") << "another deck";
  EXPECT_THAT(
      verify_run(output).damage,
      testing::ElementsAre(testing::HasSubstr("is not the deck that run.h5 was made from")));
  EXPECT_THAT(verify_run(output / "run.h5").damage, testing::IsEmpty());
  // Changed by a user after it was written: HDF5 cuts the seal off.
  {
    const hdf5::Object changed = hdf5::open_file(output / "run.h5", true);
    hdf5::write_attribute(hdf5::open_group(changed, "/"), "note", "mine");
  }
  EXPECT_THAT(verify_run(output / "run.h5").damage,
              testing::ElementsAre(testing::HasSubstr("has no seal")));
}

}  // namespace
}  // namespace fathom
