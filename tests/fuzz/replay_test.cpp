// The corpus that fuzzing found, and the decks it began with, hold what the fuzzer holds.

#include "fuzz/deck_mutator.hpp"
#include "fuzz/deck_properties.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <gtest/gtest.h>

namespace fathom::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(FATHOM_ROOT) / folder))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Replay : public testing::TestWithParam<const char*> {};

TEST_P(Replay, every_file_holds) {
  const auto paths = files_in(GetParam());
  ASSERT_GE(paths.size(), 5u);
  for (const fs::path& path : paths)
    EXPECT_EQ(broken_property(bytes_of(path)), "") << path;
}

INSTANTIATE_TEST_SUITE_P(Deck, Replay,
                         testing::Values("tests/fuzz/corpus", "tests/deck/good", "tests/deck/bad",
                                         "inputs"));

/// What the mutator makes remains a deck often enough to be worth its while.
TEST(Mutator, varied_decks_hold_and_some_are_accepted) {
  const auto paths = files_in("tests/deck/good");
  int same = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const std::string text = bytes_of(paths[seed % paths.size()]);
    const std::string varied = varied_deck(text, seed);
    same += varied == text;
    ASSERT_EQ(broken_property(varied), "") << varied;
    ASSERT_EQ(varied, varied_deck(text, seed));
  }
  EXPECT_LT(same, 200);
}

TEST(Mutator, the_dictionary_names_every_kind_of_entry) {
  const std::string entries = dictionary();
  for (const char* entry :
       {"\"kernel.features\"\n", "\"\\x0a[kernel]\\x0a\"\n", "\"\\\"elpa2\\\"\"\n"})
    EXPECT_NE(entries.find(entry), std::string::npos) << entry;
}

}  // namespace
}  // namespace fathom::test
