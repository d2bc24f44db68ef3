#include "bindings/hdf5.hpp"

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class Hdf5Test : public testing::Test {
 protected:
  Hdf5Test() { fs::remove(path); }
  ~Hdf5Test() override { fs::remove(path); }
  const std::string path =
      (fs::temp_directory_path() / ("fathom-hdf5-" + std::to_string(::getpid()) + ".h5")).string();

  template <class Action>
  std::string failure(Action&& action) const {
    try {
      action();
    } catch (const hdf5::Failure& error) {
      return error.what();
    }
    return "no failure";
  }
  void write_sample() const {
    const hdf5::Object file = hdf5::create_file(path);
    const hdf5::Object group = hdf5::create_group(file, "/g");
    const std::array<double, 6> numbers{1, 2, 3, 4, 5, 6};
    const std::array<std::int64_t, 2> shape{2, 3};
    hdf5::write(hdf5::create_dataset(group, "a", hdf5::Type::float64, shape), hdf5::Type::float64,
                numbers.data());
    hdf5::write_attribute(group, "note", "first");
    hdf5::write_attribute(group, "note", "zweiter Text, é");
    const std::vector<std::string> words{"x", "", "long word"};
    hdf5::write_text(hdf5::create_text_dataset(group, "words", 3), words);
  }
};

TEST_F(Hdf5Test, WhatIsWrittenIsRead) {
  write_sample();
  const hdf5::Object file = hdf5::open_file(path);
  const hdf5::Object a = hdf5::open_dataset(file, "/g/a");
  const hdf5::DatasetInfo info = hdf5::describe(a);
  EXPECT_THAT(info.shape, ElementsAre(2, 3));
  EXPECT_EQ(info.type_name, "float64");
  EXPECT_EQ(info.stored_bytes, 48);
  std::array<double, 2> part{};
  hdf5::read_block(a, hdf5::Type::float64, std::array<std::int64_t, 2>{1, 1},
                   std::array<std::int64_t, 2>{1, 2}, part.data());
  EXPECT_THAT(part, ElementsAre(5, 6));
  EXPECT_EQ(hdf5::read_text_attribute(hdf5::open_group(file, "/g"), "note"), "zweiter Text, é");
  EXPECT_THAT(hdf5::read_text(hdf5::open_dataset(file, "/g/words")),
              ElementsAre("x", "", "long word"));
  EXPECT_THAT(hdf5::list_datasets(file), ElementsAre("/g/a", "/g/words"));
}

TEST_F(Hdf5Test, FailuresCarryTheReason) {
  EXPECT_THAT(failure([&] { hdf5::open_file(path); }), HasSubstr("No such file"));
  write_sample();
  EXPECT_THAT(failure([&] { hdf5::create_file(path); }), HasSubstr("exists"));
  const hdf5::Object file = hdf5::open_file(path);
  EXPECT_THAT(failure([&] { hdf5::open_dataset(file, "/g/none"); }), HasSubstr("doesn't exist"));
  EXPECT_NE(failure([&] { hdf5::open_dataset(file, "/g"); }), "no failure");
  EXPECT_FALSE(hdf5::exists(file, "/none/deep"));
  EXPECT_TRUE(hdf5::exists(file, "/g/a"));
  EXPECT_TRUE(hdf5::exists(file, "g/a"));
}

TEST_F(Hdf5Test, TruncationAndOtherFilesAreSeen) {
  write_sample();
  fs::resize_file(path, fs::file_size(path) - 100);
  EXPECT_TRUE(hdf5::is_hdf5(path));
  EXPECT_THAT(failure([&] { hdf5::open_file(path); }), HasSubstr("truncated"));
  std::ofstream(path) << "plain text";
  EXPECT_FALSE(hdf5::is_hdf5(path));
}

TEST_F(Hdf5Test, VersionIsKnown) {
  EXPECT_THAT(hdf5::version(), HasSubstr("1."));
}

}  // namespace
}  // namespace fathom
