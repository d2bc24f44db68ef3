// Whatever the bytes are, a deck is resolved or refused with an Error; nothing else escapes.

#include "deck/decks.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom::test {
namespace {

using testing::HasSubstr;

/// Parses; faults are fine, anything else fails the test by escaping.
void survive(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const std::string message = faults_of(text, overrides);
  for (const char c : message)
    ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << "a control character";
}

std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  for (const char* folder : {"good", "bad"})
    for (const auto& path : decks_in(folder))
      texts.push_back(read_file(path));
  return texts;
}

/// A few edits: flip, insert, delete, repeat, or join with another text.
std::string mutated(std::string text, const std::vector<std::string>& texts, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return random() % std::max<std::size_t>(n, 1); };
  static const std::string alphabet = "[]{}=.\"'#,\n\r\t \\-+_0123456789aeinftxu\xc3\xa4\xff";
  for (std::size_t edits = 1 + below(6); edits > 0; --edits) {
    const std::size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0:
        text.insert(at, 1, alphabet[below(alphabet.size())]);
        break;
      case 1:
        text.erase(at, 1 + below(8));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(40)));
        break;
      default: {
        const auto& other = texts[below(texts.size())];
        text = text.substr(0, at) + other.substr(below(other.size()));
      }
    }
  }
  return text;
}

TEST(HostileDeck, mutations_never_escape) {
  const auto texts = corpus();
  std::mt19937 random(20240101);
  for (int round = 0; round < 20000; ++round) {
    const auto text = mutated(texts[random() % texts.size()], texts, random);
    SCOPED_TRACE(text);
    survive(text);
    if (HasFatalFailure()) return;
  }
}

TEST(HostileDeck, mutated_overrides_never_escape) {
  const std::vector<std::string> seeds = {"kernel.degree=3",    "sweep.run.seed=[1, 2]",
                                          "title=\"x\"",        "data={source=\"npy\"}",
                                          "solver.grid=[2, 2]", "sweep.\"kernel.degree\"=[1]"};
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    const auto override_text = mutated(seeds[random() % seeds.size()], seeds, random);
    SCOPED_TRACE(override_text);
    survive(law_deck, {override_text, seeds[random() % seeds.size()]});
    if (HasFatalFailure()) return;
  }
}

TEST(HostileDeck, deep_nesting_is_refused_before_it_is_parsed) {
  const auto repeat = [](std::string_view part, int times) {
    std::string out;
    for (int i = 0; i < times; ++i)
      out += part;
    return out;
  };
  EXPECT_THAT(faults_of("a = " + repeat("[", 200000)), HasSubstr("nests deeper"));
  EXPECT_THAT(faults_of("a = " + repeat("{a=", 200000)), HasSubstr("nests deeper"));
  EXPECT_THAT(faults_of(repeat("a.", 200000) + "a = 1"), HasSubstr("nests deeper"));
  EXPECT_THAT(faults_of(repeat("\"a\" . ", 100000) + "a = 1"), HasSubstr("nests deeper"));
  EXPECT_THAT(faults_of("[" + repeat("a.", 200000) + "a]"), HasSubstr("nests deeper"));
  EXPECT_THAT(faults_of(law_deck, {repeat("a.", 100000) + "a=1"}), HasSubstr("KEY=VALUE"));
}

TEST(HostileDeck, dots_in_strings_numbers_and_comments_are_no_nesting) {
  const std::string dots(200, '.');
  EXPECT_EQ(faults_of("title = \"" + dots + "\" # " + dots + "\n" + law_deck), "");
  EXPECT_EQ(faults_of("title = '''" + dots + "\n''" + dots + "'''\n" + law_deck), "");
  std::string alphas;
  for (int i = 0; i < 50; ++i)
    alphas.append("2.").append(std::to_string(100 + i)).append(", ");
  const std::string deck = law_deck.substr(0, law_deck.find("alpha")) +
                           law_deck.substr(law_deck.find("[kernel]")) + "[sweep]\ndata.alpha = [" +
                           alphas + "]\n";
  EXPECT_EQ(faults_of(deck), "");
}

TEST(HostileDeck, a_very_large_one_is_refused) {
  EXPECT_THROW(parse_deck({"big.toml", std::string(2 << 20, '#')}), Error);
  std::string keys;
  for (int i = 0; i < 80000; ++i)
    keys.append("k").append(std::to_string(i)).append("=1\n");
  EXPECT_THAT(faults_of(keys), HasSubstr("and 79903 more"));
}

}  // namespace
}  // namespace fathom::test
