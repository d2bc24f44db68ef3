// Every bad deck gives exactly its golden message, and every fault at once.

#include "deck/decks.hpp"

#include <gtest/gtest.h>

namespace fathom::test {
namespace {

/// Where two messages first differ; empty where they are equal.
std::string difference(const std::string& golden, const std::string& message) {
  if (golden == message) return {};
  return "--- golden\n" + golden + "\n--- now\n" + message;
}

std::string message_of(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  return faults_of(text, overrides_of(text), path.filename().string()) + "\n";
}

class BadDeck : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(BadDeck, gives_its_golden_message) {
  const auto golden_path = std::filesystem::path(GetParam()).replace_extension(".txt");

  const std::string message = message_of(GetParam());

  if (updating_golden()) std::ofstream(golden_path, std::ios::binary) << message;
  ASSERT_NE(message, "\n") << GetParam() << " has no fault";
  EXPECT_EQ(difference(read_file(golden_path), message), "");
}

std::string test_name(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return "n" + name;
}

INSTANTIATE_TEST_SUITE_P(deck, BadDeck, testing::ValuesIn(decks_in("bad")), test_name);

TEST(GoldenMessages, are_many_and_each_belongs_to_a_deck) {
  EXPECT_GE(decks_in("bad").size(), 70u);
  for (const auto& entry : std::filesystem::directory_iterator(root / "tests/deck/bad"))
    EXPECT_TRUE(
        std::filesystem::exists(std::filesystem::path(entry.path()).replace_extension(".toml")))
        << entry.path() << " belongs to no deck";
}

TEST(GoldenMessages, notice_a_changed_message) {
  const auto path = decks_in("bad").front();
  const std::string golden = read_file(std::filesystem::path(path).replace_extension(".txt"));
  std::string changed = message_of(path);
  ASSERT_EQ(difference(golden, changed), "");

  changed.back() = '!';

  EXPECT_NE(difference(golden, changed), "");
}

class GoodDeck : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoodDeck, resolves_to_itself) {
  const Deck deck = load_deck(GetParam());

  const std::string resolved = deck.resolved_toml();
  const Deck again = parse_deck({"elsewhere/other.toml", resolved});

  EXPECT_EQ(again.resolved_toml(), resolved);
  const auto points = deck.sweep(), points_again = again.sweep();
  ASSERT_EQ(points.size(), points_again.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i].set.size(), points_again[i].set.size());
    EXPECT_EQ(points[i].deck.resolved_toml(), points_again[i].deck.resolved_toml());
  }
}

INSTANTIATE_TEST_SUITE_P(deck, GoodDeck, testing::ValuesIn(decks_in("good")), test_name);

}  // namespace
}  // namespace fathom::test
