#include "store/matrix_file.hpp"

#include "test_folder.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace fathom {
namespace {

const std::string arrays = FATHOM_TEST_ARRAYS;

double value(std::int64_t i, std::int64_t j) {
  return static_cast<double>((1009 * i + 31 * j) % 997) / 8.0 - 50.0;
}

struct Sound {
  std::string file, dataset;
  std::int64_t rows, cols;
  char bytes;
};

std::vector<Sound> sound_arrays() {
  std::ifstream in(arrays + "/sound.txt");
  std::vector<Sound> all;
  for (Sound s; in >> s.file >> s.dataset >> s.rows >> s.cols >> s.bytes;) {
    if (s.dataset == "-") s.dataset.clear();
    all.push_back(s);
  }
  return all;
}

std::vector<GridShape> shapes_of(int ranks) {
  std::vector<GridShape> shapes;
  for (int nprow = 1; nprow <= ranks; ++nprow)
    shapes.push_back({nprow, ranks / nprow});
  return shapes;
}

std::int64_t wrong_values(const DistMatrix& a) {
  std::int64_t wrong = 0;
  for (std::int64_t j = 0; j < a.local_cols(); ++j)
    for (std::int64_t i = 0; i < a.local_rows(); ++i)
      wrong += a.local()(i, j) !=
               value(a.global_row(LocalIndex(i)).value(), a.global_col(LocalIndex(j)).value());
  return wrong;
}

TEST(MatrixFile, EveryTypeOrderAndLayoutReadsTheSame) {
  const Communicator world = Communicator::world();
  const std::vector<Sound> all = sound_arrays();
  ASSERT_EQ(all.size(), 49u);
  for (const Sound& s : all) {
    const MatrixFile file = MatrixFile::open(world, arrays + "/" + s.file, s.dataset);
    EXPECT_EQ(file.rows(), s.rows);
    EXPECT_EQ(file.cols(), s.cols);
    EXPECT_EQ(file.input_epsilon(), s.bytes == '4' ? 0x1p-24 : 0x1p-53) << file.what();
    const std::vector<GridShape> shapes = shapes_of(world.size());
    for (const GridShape shape : shapes) {
      const ProcessGrid grid(world, shape);
      // Panels of a few rows, and of all at once.
      for (const std::int64_t panel : {std::int64_t{4000}, std::int64_t{1} << 26}) {
        const bool one_panel = 16 * s.rows * s.cols <= 4000;
        if (one_panel && (panel > 4000 || shape != shapes.back())) continue;
        const DistMatrix a = file.read(grid, 4, 3, 0, panel);
        EXPECT_EQ(wrong_values(a), 0) << file.what() << " on " << shape.nprow << " x "
                                      << shape.npcol << ", panels of " << panel;
      }
    }
  }
}

TEST(MatrixFile, ReadsTheFirstRowsOnly) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, {1, world.size()});
  for (const char* name : {"f8_C_101x37.npy", "f8_F_101x37.npy"}) {
    const DistMatrix a =
        MatrixFile::open(world, arrays + "/" + name, "").read(grid, 16, 16, 50, 4000);
    EXPECT_EQ(a.rows(), 50);
    EXPECT_EQ(wrong_values(a), 0) << name;
  }
}

TEST(MatrixFile, ChosenRowsComeByColumns) {
  const Communicator world = Communicator::world();
  const std::vector<std::int64_t> items{0, 1, 2, 17, 40, 41, 99, 100};
  for (const auto& [name, dataset] :
       {std::pair{"bf8_C_101x37.npy", ""}, {"f4_F_101x37.npy", ""}, {"sound.h5", "packed"}}) {
    const MatrixFile file = MatrixFile::open(world, arrays + "/" + name, dataset);
    std::vector<double> memory(40 * items.size(), -1.0);
    const MatrixView<double> out{memory.data(), 37, std::ssize(items), 40};
    world.agree([&] { file.read_rows(items, out); });
    for (std::int64_t q = 0; q < out.cols; ++q)
      for (std::int64_t k = 0; k < 37; ++k)
        EXPECT_EQ(out(k, q), value(items[static_cast<std::size_t>(q)], k)) << name;
    EXPECT_EQ(memory[37], -1.0);
  }
}

TEST(MatrixFile, TargetsAndLabelsComeWhole) {
  const Communicator world = Communicator::world();
  const auto labels =
      MatrixFile::open(world, arrays + "/sound.h5", "labels").read_replicated(world);
  const auto bytes = MatrixFile::open(world, arrays + "/labels_u1.npy", "").read_replicated(world);
  ASSERT_EQ(labels.size(), 101u);
  for (std::size_t i = 0; i < labels.size(); ++i)
    EXPECT_EQ(labels[i], static_cast<double>(i));
  EXPECT_EQ(bytes, labels);
  const auto targets =
      MatrixFile::open(world, arrays + "/targets_F.npy", "").read_replicated(world, 60);
  ASSERT_EQ(targets.size(), 180u);
  for (std::int64_t i = 0; i < 60; ++i)
    for (std::int64_t j = 0; j < 3; ++j)
      EXPECT_EQ(targets[static_cast<std::size_t>(3 * i + j)], value(i, j));
}

TEST(MatrixFile, DamagedFilesAreRefusedOnEveryRank) {
  const Communicator world = Communicator::world();
  std::ifstream in(arrays + "/damaged.txt");
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    std::istringstream fields(line);
    std::string file, dataset, message;
    std::getline(fields, file, '\t');
    std::getline(fields, dataset, '\t');
    std::getline(fields, message);
    if (dataset == "-") dataset.clear();
    SCOPED_TRACE(line);
    expect_error(world, ExitCode::input, message,
                 [&] { MatrixFile::open(world, arrays + "/" + file, dataset); });
  }
  EXPECT_EQ(count, 27);
}

TEST(MatrixFile, GramMustBeSquare) {
  const Communicator world = Communicator::world();
  MatrixFile::open(world, arrays + "/f8_C_13x13.npy", "").require_square();
  const MatrixFile file = MatrixFile::open(world, arrays + "/f8_C_7x5.npy", "");
  expect_error(world, ExitCode::input, "shape (7, 5); a Gram matrix must be square",
               [&] { file.require_square(); });
}

TEST(MatrixFile, AFileThatShrinksBetweenHeaderAndReadIsRefused) {
  const Communicator world = Communicator::world();
  const TestFolder folder(world);
  const std::string path = folder.path() / "a.npy";
  if (world.root()) std::filesystem::copy_file(arrays + "/f8_C_101x37.npy", path);
  world.barrier();
  const MatrixFile file = MatrixFile::open(world, path, "");
  world.barrier();
  if (world.root()) std::filesystem::resize_file(path, 1000);
  world.barrier();
  const ProcessGrid grid(world, {1, world.size()});
  expect_error(world, ExitCode::input, "length changed", [&] { file.read(grid, 8, 8); });
  expect_error(world, ExitCode::input, "length changed", [&] { file.read_replicated(world); });
}

TEST(MatrixFile, UnreadableFileIsRefused) {
  const Communicator world = Communicator::world();
  const TestFolder folder(world);
  const std::string path = folder.path() / "a.npy";
  if (world.root()) {
    std::filesystem::copy_file(arrays + "/f8_C_7x5.npy", path);
    std::filesystem::permissions(path, std::filesystem::perms::none);
  }
  world.barrier();
  if (world.max(::access(path.c_str(), R_OK) == 0 ? 1.0 : 0.0) > 0)
    GTEST_SKIP() << "this user may read every file";
  expect_error(world, ExitCode::input, "Permission denied",
               [&] { MatrixFile::open(world, path, ""); });
}

/// Run once for each fault point by ctest, with FATHOM_FAULT and the exit code that must follow.
TEST(MatrixFile, PlantedFaultEndsTheReadOnEveryRank) {
  const char* expected = std::getenv("FATHOM_EXPECT");
  if (!std::getenv("FATHOM_FAULT") || !expected) GTEST_SKIP() << "no fault planted";
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, {1, world.size()});
  expect_error(world, static_cast<ExitCode>(std::atoi(expected)), "", [&] {
    MatrixFile::open(world, arrays + "/sound.h5", "packed").read(grid, 8, 8);
    FAIL() << "the planted fault did not strike";
  });
}

}  // namespace
}  // namespace fathom
