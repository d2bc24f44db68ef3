// --set KEY=VALUE.

#include "deck/decks.hpp"

#include <gtest/gtest.h>

namespace fathom::test {
namespace {

Deck with(const std::vector<std::string>& overrides) {
  return parse_deck({"law.toml", law_deck}, overrides);
}

TEST(Overrides, replace_what_the_deck_says) {
  EXPECT_EQ(with({"kernel.degree=3"}).integer("kernel.degree"), 3);
  EXPECT_EQ(with({"kernel.features = 0x40"}).integer("kernel.features"), 64);
  EXPECT_FALSE(with({"data.dim=64"}).is_default("data.dim"));
}

TEST(Overrides, replace_a_fault_of_the_deck) {
  const std::string faulty = law_deck + "[solver]\nblock = 0\n";

  EXPECT_NE(faults_of(faulty), "");
  EXPECT_EQ(faults_of(faulty, {"solver.block=32"}), "");
}

TEST(Overrides, take_bare_words_as_strings) {
  EXPECT_EQ(with({"solver.backend=scalapack"}).text("solver.backend"), "scalapack");
  EXPECT_EQ(with({"title=2024"}).text("title"), "2024");
  EXPECT_EQ(with({"title=d = 64, \"fast\""}).text("title"), "d = 64, \"fast\"");
  EXPECT_EQ(with({"run.output=out/my run"}).text("run.output"), "out/my run");
}

TEST(Overrides, last_one_wins) {
  EXPECT_EQ(with({"kernel.degree=3", "kernel.degree=4"}).integer("kernel.degree"), 4);
  EXPECT_EQ(with({"kernel.degree=30", "kernel.degree=4"}).integer("kernel.degree"), 4);
}

TEST(Overrides, make_sweeps) {
  const auto points = with({"sweep.run.seed=[1, 2, 3]"}).sweep();

  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[2].deck.integer("run.seed"), 3);
}

TEST(Overrides, are_recorded_and_in_the_echo) {
  const Deck deck = with({"kernel.degree=3"});

  EXPECT_EQ(deck.overrides(), std::vector<std::string>{"kernel.degree=3"});
  EXPECT_NE(deck.resolved_toml().find("degree = 3\n"), std::string::npos);
}

TEST(Overrides, cannot_smuggle_in_further_lines) {
  EXPECT_NE(faults_of(law_deck, {"run.seed=1\n[solver]\nblock=3"}), "");
  EXPECT_NE(faults_of(law_deck, {"run.seed\n=1"}), "");
  EXPECT_NE(faults_of(law_deck, {"title=\xff\xfe"}), "");
}

}  // namespace
}  // namespace fathom::test
