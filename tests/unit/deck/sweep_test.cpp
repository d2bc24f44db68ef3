// Points of a sweep.

#include "deck/decks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

/// law_deck without the line that starts with `start`.
std::string without(const std::string& start) {
  const auto at = law_deck.find("\n" + start) + 1;
  return law_deck.substr(0, at) + law_deck.substr(law_deck.find('\n', at) + 1);
}

TEST(Sweep, is_the_product_with_the_last_key_fastest) {
  const Deck deck = parse_deck(
      {"s.toml", without("degree") + "[sweep]\nkernel.degree = [1, 2]\n\"run.seed\" = [7, 8]\n"});

  const auto points = deck.sweep();

  ASSERT_EQ(points.size(), 4u);
  EXPECT_THAT(points[1].set, ElementsAre(Pair("kernel.degree", "1"), Pair("run.seed", "8")));
  EXPECT_THAT(points[2].set, ElementsAre(Pair("kernel.degree", "2"), Pair("run.seed", "7")));
  EXPECT_EQ(points[2].deck.integer("kernel.degree"), 2);
  EXPECT_EQ(points[2].deck.integer("run.seed"), 7);
  EXPECT_TRUE(points[2].deck.sweep().empty());
  EXPECT_EQ(deck.integer("kernel.degree"), 1) << "the deck answers as its first point";
}

TEST(Sweep, without_one_is_empty) {
  EXPECT_TRUE(parse_deck({"s.toml", law_deck}).sweep().empty());
}

TEST(Sweep, derives_defaults_at_every_point) {
  const Deck deck =
      parse_deck({"s.toml", without("features") + "[sweep]\nkernel.features = [64, 128]\n"});

  EXPECT_EQ(deck.sweep()[1].deck.integer("data.dim"), 512);
  EXPECT_THAT(deck.resolved_toml(), Not(HasSubstr("dim = ")));
}

TEST(Sweep, leaves_a_key_out_where_it_does_not_belong) {
  const Deck deck =
      parse_deck({"s.toml", without("activation") +
                                "[sweep]\nkernel.activation = [\"monomial\", \"relu\"]\n"});

  EXPECT_EQ(deck.sweep()[0].deck.integer("kernel.degree"), 2);
  EXPECT_FALSE(deck.sweep()[1].deck.has("kernel.degree"));
  EXPECT_THAT(deck.resolved_toml(), HasSubstr("degree = 2\n"));
}

TEST(Sweep, of_words_and_pairs_prints_without_quotes) {
  const Deck deck =
      parse_deck({"s.toml", law_deck + "[sweep]\nsolver.grid = [[1, 2], \"auto\"]\n"});

  EXPECT_EQ(deck.sweep()[0].set[0].second, "[1, 2]");
  EXPECT_EQ(deck.sweep()[1].set[0].second, "auto");
  EXPECT_TRUE(deck.sweep()[1].deck.is_word("solver.grid"));
}

TEST(Sweep, reports_a_fault_of_some_points_once) {
  const std::string message =
      faults_of(without("features") + "[solver]\neigenvalues = 50\n" +
                "[sweep]\nrun.seed = [1, 2]\nkernel.features = [16, 32, 64]\n");

  EXPECT_THAT(message, HasSubstr("at 4 of 6 sweep points, first run.seed = 1"));
  EXPECT_THAT(message, HasSubstr("1 fault in"));
}

TEST(Sweep, may_have_as_many_points_as_four_digits_number) {
  std::string list;
  for (int i = 1; i <= 9999; ++i)
    list += std::to_string(i) + ",";

  EXPECT_EQ(faults_of(law_deck + "[sweep]\nrun.seed = [" + list + "]\n"), "");
  EXPECT_THAT(faults_of(law_deck + "[sweep]\nrun.seed = [" + list + "0]\n"),
              HasSubstr("more than 9999 points"));
}

}  // namespace
}  // namespace fathom::test
