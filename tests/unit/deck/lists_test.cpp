// Values that are lists: transition tensors, positions and classes.

#include "deck/decks.hpp"
#include "deck/key_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fathom::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string sequences(const std::string& study, const std::string& data) {
  return "schema = 1\n[study]\nkind = \"spectral_reach\"\n" + study +
         "[data]\nsource = \"hidden_markov\"\n" + data + R"([kernel]
type = "network"
width = 16
activation = "gelu"
[training]
learning_rate = 0.01
steps = 20
)";
}

std::string custom(const std::string& tensors) {
  return sequences("", "process = \"custom\"\ntransitions = " + tensors + "\n");
}

TEST(Tensors, are_symbol_from_to) {
  const Deck deck = parse_deck({"d.toml", custom("[[[0, 1], [0.1, 0]], [[0, 0], [0.9, 0]]]")});

  const RealTensor& t = deck.tensor("data.transitions");
  EXPECT_THAT(t.extent, ElementsAre(2, 2, 2));
  EXPECT_THAT(t.entry, ElementsAre(0, 1, 0.1, 0, 0, 0, 0.9, 0));
  EXPECT_THAT(deck.resolved_toml(),
              HasSubstr("transitions = [[[0.0, 1.0], [0.1, 0.0]], [[0.0, 0.0], [0.9, 0.0]]]\n"));
}

TEST(Tensors, come_back_from_the_echo_bit_by_bit) {
  const double third = 1.0 / 3, small = 1e-300;
  const Deck deck = parse_deck(
      {"d.toml", custom("[[[0.3333333333333333, 1e-300], [0.0, 1.0]], [[0.6666666666666667, 0], "
                        "[0, 0]]]")});

  const Deck again = parse_deck({"e.toml", deck.resolved_toml()});

  EXPECT_EQ(again.tensor("data.transitions"), deck.tensor("data.transitions"));
  EXPECT_EQ(again.tensor("data.transitions").entry[0], third);
  EXPECT_EQ(again.tensor("data.transitions").entry[1], small);
}

TEST(Tensors, stand_in_overrides) {
  const std::vector<std::string> overrides{"data.process=custom",
                                           "data.transitions=[[[0.5]], [[0.5]]]"};

  const Deck deck = parse_deck({"d.toml", sequences("", "")}, overrides);

  EXPECT_THAT(deck.tensor("data.transitions").extent, ElementsAre(2, 1, 1));
}

TEST(Tensors, have_every_fault_at_its_own_place) {
  const std::string faults = faults_of(custom("[\n[[0.5, 2], [1]],\n[[0.5, 0], [true, 0]]]"));

  EXPECT_THAT(faults, HasSubstr("deck.toml:8:8: data.transitions[0][0][1] must be a number"));
  EXPECT_THAT(faults, HasSubstr("deck.toml:8:12: data.transitions[0][1] has length 1"));
  EXPECT_THAT(faults, HasSubstr("deck.toml:9:13: data.transitions[1][1][0] must be a number"));
  EXPECT_THAT(faults, HasSubstr("3 faults"));
}

TEST(Tensors, must_be_a_process) {
  const auto examined = [](const std::string& tensors) { return faults_of(custom(tensors)); };

  EXPECT_EQ(examined("[[[0.5]], [[0.5]]]"), "");
  EXPECT_EQ(examined("[[[0.5]], [[0.5000000009]]]"), "");
  EXPECT_THAT(examined("[[[0.5]], [[0.50000001]]]"), HasSubstr("sum to 1.00000001"));
  EXPECT_THAT(examined("[[[1]]]"), HasSubstr("one symbol"));
  EXPECT_THAT(examined("[[[1, 0]], [[0, 0]]]"), HasSubstr("is 1 x 2"));
  EXPECT_THAT(examined("[[[1, 0], [0, 1]], [[0, 0], [0, 0]]]"), HasSubstr("states 0 and 1"));
  // A state that is left for ever, and one that comes back every other time, are no fault.
  EXPECT_EQ(examined("[[[0, 1], [0, 1]], [[0, 0], [0, 0]]]"), "");
  EXPECT_EQ(examined("[[[0, 1], [0, 0]], [[0, 0], [1, 0]]]"), "");
}

TEST(IntegerLists, are_words_or_lists) {
  const Deck all = parse_deck({"d.toml", sequences("", "")});
  const Deck some = parse_deck({"d.toml", sequences("positions = [7, 2]\nclasses = [0]\n", "")});

  EXPECT_EQ(all.text("study.positions"), "all");
  EXPECT_TRUE(all.is_default("study.classes"));
  EXPECT_FALSE(some.is_word("study.positions"));
  EXPECT_THAT(some.integers("study.positions"), ElementsAre(7, 2));
  EXPECT_THAT(some.resolved_toml(), HasSubstr("positions = [7, 2]\nclasses = [0]\n"));
}

TEST(IntegerLists, make_sweeps) {
  const Deck deck = parse_deck({"d.toml", sequences("", "")},
                               std::vector<std::string>{"sweep.study.positions=['all', [1, 2]]"});

  const auto points = deck.sweep();

  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].set[0].second, "all");
  EXPECT_EQ(points[1].set[0].second, "[1, 2]");
}

TEST(IntegerLists, of_classes_leave_nothing_to_freeze) {
  const auto frozen = [](const std::string& study) {
    return parse_deck({"d.toml", "schema = 1\n[study]\nkind = \"spectral_reach\"\nsamples = 9\n" +
                                     study + R"([data]
source = "npy"
file = "x.npy"
targets = "y.npy"
n = 9
[kernel]
type = "network"
width = 16
activation = "gelu"
[training]
learning_rate = 0.01
steps = 20
)"})
        .integer("study.frozen");
  };

  EXPECT_EQ(frozen(""), 2);
  EXPECT_EQ(frozen("classes = \"all\"\n"), 2);
  EXPECT_EQ(frozen("classes = [0, 1]\n"), 0);
  EXPECT_EQ(frozen("classes = [0, 1]\nfrozen = 0\n"), 0);
}

TEST(Lists, are_in_the_schema) {
  const auto schema = nlohmann::json::parse(json_schema());
  const auto& tensors = schema["properties"]["data"]["properties"]["transitions"];
  const auto& positions = schema["properties"]["study"]["properties"]["positions"]["anyOf"];

  EXPECT_EQ(tensors["items"]["items"]["items"]["maximum"], 1.0);
  EXPECT_EQ(positions[0]["items"]["minimum"], 1);
  EXPECT_EQ(positions[0]["uniqueItems"], true);
  EXPECT_EQ(positions[1]["enum"], (std::vector<std::string>{"all", "last"}));
}

TEST(Lists, are_said_in_words) {
  const auto said = [](std::string_view key) {
    return deck::expected(deck::all_keys()[*deck::find_key(key)]);
  };

  EXPECT_EQ(said("data.transitions"), "a list of lists of lists of numbers from 0 to 1");
  EXPECT_EQ(said("study.positions"), "a list of integers from 1 to 1024 or \"all\" or \"last\"");
  EXPECT_THAT(explain("data.transitions"), HasSubstr("sweep      no"));
}

}  // namespace
}  // namespace fathom::test
