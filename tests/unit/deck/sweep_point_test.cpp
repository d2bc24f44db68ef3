// A point of a sweep as a deck of its own.

#include "deck/sweep_point.hpp"

#include "deck/decks.hpp"
#include "deck/toml_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string two_seeds = law_deck + "[sweep]\nrun.seed = [7, 8]\nsolver.grid = [\"auto\"]\n";

Deck point(const Deck& deck, std::int64_t number) {
  return parse_deck(point_source(deck, number));
}

TEST(OverrideKey, IsReadAsTomlHasIt) {
  for (const char* text :
       {"run.output=x", "run.output = \"a=b\"", "run.\"output\"=x", "run . output=x"})
    EXPECT_EQ(deck::override_key(text), "run.output") << text;
  EXPECT_EQ(deck::override_key("title=run.output=x"), "title");
  EXPECT_EQ(deck::override_key("run.output_=x"), "run.output_");
  for (const char* text : {"=x", "", "a b=x"})
    EXPECT_EQ(deck::override_key(text), "") << text;
}

TEST(PointSource, is_the_deck_with_the_values_of_that_point) {
  const Deck deck = parse_deck({"some/law.toml", two_seeds});

  for (const std::int64_t number : {1, 2}) {
    const Deck one = point(deck, number);
    EXPECT_TRUE(one.sweep().empty());
    EXPECT_EQ(one.integer("run.seed"), 6 + number);
    EXPECT_EQ(one.integer("kernel.features"), deck.integer("kernel.features"));
  }
}

TEST(PointSource, differs_from_the_point_only_in_title_and_output) {
  const Deck deck = parse_deck({"law.toml", two_seeds}, std::vector<std::string>{"run.output=x"});
  const std::string expected = deck.sweep()[1].deck.resolved_toml();
  const Source source = point_source(deck, 2);

  std::string title = deck.text("title");
  std::string text = expected;
  text.replace(text.find(title), title.size(), title + ": run.seed = 8, solver.grid = auto");
  EXPECT_EQ(source.text, "# point 2 of 2: run.seed = 8, solver.grid = auto\n" + text);
  EXPECT_EQ(parse_deck(source).resolved_toml(), text) << "resolves to itself";
}

TEST(PointSource, has_a_folder_of_its_own) {
  EXPECT_EQ(point(parse_deck({"law.toml", two_seeds}), 2).text("run.output"), "output/law/0002");
  const std::string given = two_seeds + "[run]\noutput = \"here\"\n";
  EXPECT_EQ(point(parse_deck({"law.toml", given}), 1).text("run.output"), "here/0001");
  const Deck deck = parse_deck({"law.toml", given}, std::vector<std::string>{"run.output = \"x\""});
  EXPECT_EQ(point(deck, 2).text("run.output"), "x");
}

TEST(PointSource, leaves_out_what_does_not_belong_to_the_point) {
  std::string text = law_deck;
  const std::string line = "activation = \"monomial\"\n";
  text.erase(text.find(line), line.size());
  const Deck deck =
      parse_deck({"s.toml", text + "[sweep]\nkernel.activation = [\"monomial\", \"relu\"]\n"});

  EXPECT_EQ(point(deck, 1).integer("kernel.degree"), 2);
  EXPECT_FALSE(point(deck, 2).has("kernel.degree"));
}

TEST(PointSource, of_a_deck_without_a_sweep_is_the_deck) {
  const Deck deck = parse_deck({"law.toml", law_deck});

  EXPECT_EQ(point_source(deck, 1).text, deck.resolved_toml());
}

TEST(PointSource, refuses_points_that_are_not_there) {
  const Deck deck = parse_deck({"law.toml", two_seeds});

  for (const std::int64_t number : {-1, 0, 3})
    try {
      point_source(deck, number);
      ADD_FAILURE() << number;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("has 2 points"));
    }
}

}  // namespace
}  // namespace fathom::test
