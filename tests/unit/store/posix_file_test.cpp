#include "store/posix_file.hpp"

#include "store/run_folder.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PosixFileTest : public testing::Test {
 protected:
  PosixFileTest()
      : folder(fs::temp_directory_path() / ("fathom-posix-" + std::to_string(::getpid()))) {
    fs::create_directories(folder);
  }
  ~PosixFileTest() override { fs::remove_all(folder); }
  static std::string text_of(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
  }
  const fs::path folder;
};

TEST_F(PosixFileTest, ReadsExactlyAndTellsTruncation) {
  write_file_atomically(folder / "a", "0123456789");
  const PosixFile file = PosixFile::open(folder / "a", PosixFile::Mode::read);
  char four[4];
  file.read_at(3, 4, four);
  EXPECT_EQ(std::string(four, 4), "3456");
  EXPECT_EQ(file.size(), 10);
  EXPECT_EQ(file.read_start(100), "0123456789");
  try {
    file.read_at(8, 4, four);
    FAIL() << "read past the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    EXPECT_THAT(error.what(), HasSubstr("ends at byte 10, 2 more"));
  }
}

TEST_F(PosixFileTest, WhatTheSystemLacksIsNoFaultOfTheInput) {
  write_file_atomically(folder / "a", "text");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  ExitCode code = ExitCode::ok;
  std::string what;
  try {
    PosixFile::open(folder / "a", PosixFile::Mode::read);
  } catch (const Error& error) {
    code = error.code();
    what = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(code, ExitCode::io);
  EXPECT_THAT(what, HasSubstr("Too many open files"));
}

TEST_F(PosixFileTest, MissingFileIsInputToReadAndIoToWrite) {
  const auto code = [&](const fs::path& path, PosixFile::Mode mode) {
    try {
      PosixFile::open(path, mode);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("No such file"));
      return error.code();
    }
    return ExitCode::ok;
  };
  EXPECT_EQ(code(folder / "none", PosixFile::Mode::read), ExitCode::input);
  EXPECT_EQ(code(folder / "none" / "a", PosixFile::Mode::write_new), ExitCode::io);
}

TEST_F(PosixFileTest, AtomicWriteReplacesAndLeavesNothingElse) {
  write_file_atomically(folder / "a", "old");
  write_file_atomically(folder / "a", "new");
  EXPECT_EQ(text_of(folder / "a"), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(PosixFileTest, FailedAtomicWriteKeepsTheOldFile) {
  // A folder of that name cannot be replaced by a file.
  fs::create_directories(folder / "a" / "inside");
  EXPECT_THROW(write_file_atomically(folder / "a", "new"), Error);
  EXPECT_TRUE(fs::is_directory(folder / "a" / "inside"));
  EXPECT_EQ(entries(), 1u);
}

TEST_F(PosixFileTest, WriteErrorsAreSeen) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const PosixFile full = PosixFile::open("/dev/full", PosixFile::Mode::read_write);
  try {
    full.write_all("text");
    FAIL() << "a full device took bytes";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_THAT(error.what(), HasSubstr("No space left"));
  }
}

TEST_F(PosixFileTest, AnotherFileOfTheSameNameIsNotTheSame) {
  write_file_atomically(folder / "a", "one");
  const FileIdentity first = identity_of(folder / "a");
  EXPECT_TRUE(identity_of(folder / "a") == first);
  const PosixFile still_open = PosixFile::open(folder / "a", PosixFile::Mode::read);
  fs::remove(folder / "a");
  write_file_atomically(folder / "a", "one");
  EXPECT_FALSE(identity_of(folder / "a") == first);
  fs::remove(folder / "a");
  try {
    (void)identity_of(folder / "a");
    FAIL() << "there is no such file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_THAT(error.what(), HasSubstr("is not there any more: No such file"));
  }
}

TEST(UtcNow, IsIso8601) {
  EXPECT_THAT(
      utc_now(),
      testing::MatchesRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z"));
}

}  // namespace
}  // namespace fathom
