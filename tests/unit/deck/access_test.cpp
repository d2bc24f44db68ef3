// Values of a resolved deck, their defaults, and what asking wrongly does.

#include "deck/decks.hpp"

#include <gtest/gtest.h>

namespace fathom::test {
namespace {

TEST(DeckAccess, gives_what_the_deck_says) {
  const Deck deck = parse_deck({"runs/law.toml", law_deck});

  EXPECT_EQ(deck.text("kernel.activation"), "monomial");
  EXPECT_EQ(deck.integer("kernel.degree"), 2);
  EXPECT_EQ(deck.real("data.alpha"), 1.5);
  EXPECT_FALSE(deck.is_default("data.alpha"));
  EXPECT_EQ(deck.source().path, "runs/law.toml");
}

TEST(DeckAccess, fills_in_defaults) {
  const Deck deck = parse_deck({"runs/law.toml", law_deck});

  EXPECT_EQ(deck.text("title"), "law");
  EXPECT_EQ(deck.text("run.output"), "output/law");
  EXPECT_EQ(deck.integer("run.seed"), 1);
  EXPECT_EQ(deck.integer("data.dim"), 4 * 64);
  EXPECT_EQ(deck.text("kernel.expectation"), "population");
  EXPECT_TRUE(deck.is_default("data.dim"));
  EXPECT_TRUE(deck.is_word("solver.block"));
  EXPECT_FALSE(deck.flag("solver.eigenvectors"));
}

TEST(DeckAccess, has_no_keys_that_do_not_belong_or_are_unset) {
  const Deck deck = parse_deck({"law.toml", law_deck});

  EXPECT_FALSE(deck.has("data.n"));
  EXPECT_FALSE(deck.has("kernel.depth"));
  EXPECT_FALSE(deck.has("study.fit_range"));
  EXPECT_FALSE(deck.is_default("study.fit_range"));
  EXPECT_TRUE(deck.has("kernel.degree"));
}

TEST(DeckAccess, takes_integers_where_numbers_are_asked_for) {
  const Deck deck = parse_deck({"law.toml", law_deck + "[verify]\nwarn = 5\n"});

  EXPECT_EQ(deck.real("verify.warn"), 5.0);
  EXPECT_NE(deck.resolved_toml().find("warn = 5.0\n"), std::string::npos);
}

TEST(DeckAccess, targets_ask_for_eigenvectors) {
  const Deck deck = parse_deck({"d.toml", R"(schema = 1
study.kind = "spectrum"
data = {source = "npy", file = "x.npy", targets = "y.npy"}
kernel = {type = "nngp", activation = "erf"}
)"});

  EXPECT_TRUE(deck.flag("solver.eigenvectors"));
  EXPECT_FALSE(deck.has("data.n"));
  EXPECT_EQ(deck.real("kernel.weight_variance"), 1.0);
  EXPECT_EQ(deck.text("data.file"), "x.npy");
}

TEST(DeckAccess, echo_makes_input_files_absolute) {
  const Deck deck = parse_deck({"/study/inputs/d.toml", R"(schema = 1
study.kind = "spectrum"
kernel = {type = "gram_file", file = "../gram.h5", dataset = "k"}
data.targets = "y.npy"
)"});

  EXPECT_NE(deck.resolved_toml().find("file = \"/study/gram.h5\""), std::string::npos);
  EXPECT_NE(deck.resolved_toml().find("targets = \"/study/inputs/y.npy\""), std::string::npos);
}

TEST(DeckAccessDeath, stops_at_a_bug_of_the_caller) {
  const Deck deck = parse_deck({"law.toml", law_deck});

  EXPECT_DEATH(deck.has("kernel.degre"), "no deck key is called kernel.degre");
  EXPECT_DEATH(deck.integer("kernel.depth"), "kernel.depth has no value");
  EXPECT_DEATH(deck.real("kernel.degree"), "asked for as another type");
}

TEST(DeckFile, that_cannot_be_read_is_an_input_error) {
  const auto code_of = [](const std::filesystem::path& path) {
    try {
      load_deck(path);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::ok;
  };

  EXPECT_EQ(code_of(root / "tests" / "deck" / "no-such.toml"), ExitCode::input);
  EXPECT_EQ(code_of(root / "tests" / "deck"), ExitCode::input);
  EXPECT_EQ(code_of(std::string(5000, 'x')), ExitCode::input);
  EXPECT_EQ(code_of("/dev/zero"), ExitCode::deck);
  EXPECT_EQ(code_of("/dev/null"), ExitCode::deck);
  EXPECT_EQ(code_of(root / "tests" / "deck" / "good" / "law-minimal.toml"), ExitCode::ok);
}

}  // namespace
}  // namespace fathom::test
