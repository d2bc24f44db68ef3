// Durations: what is read, what is refused and why, what is printed.

#include "deck/duration.hpp"

#include "deck/decks.hpp"

#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fathom::test {
namespace {

using testing::HasSubstr;

std::optional<double> seconds_of(const std::string& text) {
  std::string why;
  const auto duration = deck::read_duration(text, why);
  EXPECT_EQ(duration.has_value(), why.empty()) << text;
  return duration ? std::optional(duration->seconds) : std::nullopt;
}

std::string why_not(const std::string& text) {
  std::string why;
  EXPECT_FALSE(deck::read_duration(text, why)) << text;
  return why;
}

TEST(Duration, is_a_sum_of_units) {
  EXPECT_EQ(seconds_of("90s"), 90);
  EXPECT_EQ(seconds_of("30m"), 1800);
  EXPECT_EQ(seconds_of("12h"), 43200);
  EXPECT_EQ(seconds_of("1d"), 86400);
  EXPECT_EQ(seconds_of("1h30m"), 5400);
  EXPECT_EQ(seconds_of("2d3h4m5s"), 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
  EXPECT_EQ(seconds_of("1.5h"), 5400);
  EXPECT_EQ(seconds_of("0.25s"), 0.25);
  EXPECT_EQ(seconds_of("0.0004s"), 0);
  EXPECT_EQ(seconds_of("0s"), 0);
  EXPECT_EQ(seconds_of("007m"), 420);
  EXPECT_EQ(seconds_of("10000d"), 864000000);
}

TEST(Duration, is_refused_with_the_reason) {
  for (const char* text : {"", "m", " 30m", "-5m", "+5m", ".5m", "1h 30m", "infs", "nans"})
    EXPECT_THAT(why_not(text), HasSubstr("is a number and a unit")) << text;
  for (const char* text : {"30", "1h30", "1.5"})
    EXPECT_THAT(why_not(text), HasSubstr("has no unit")) << text;
  for (const char* text :
       {"1,5h", "30 m", "30min", "5M", "1e3s", "1.s", "0x10s", "3w", "5\xc2\xb5s"})
    EXPECT_FALSE(why_not(text).empty()) << text;
  for (const char* text : {"30m1h", "1h1h", "5s5d"})
    EXPECT_THAT(why_not(text), HasSubstr("once each")) << text;
  EXPECT_THAT(why_not("10000d1s"), HasSubstr("longest"));
  EXPECT_THAT(why_not(std::string(400, '9') + "s"), HasSubstr("longest"));
}

TEST(Duration, has_one_text_that_reads_back) {
  EXPECT_EQ(deck::duration_text({90}), "1m30s");
  EXPECT_EQ(deck::duration_text({1800}), "30m");
  EXPECT_EQ(deck::duration_text({90061.5}), "1d1h1m1.5s");
  EXPECT_EQ(deck::duration_text({0.001}), "0.001s");
  EXPECT_EQ(deck::duration_text({0}), "0s");
  for (double seconds = 0.001; seconds < 864000000; seconds = std::round(seconds * 3170) / 1000) {
    const std::string text = deck::duration_text({seconds});
    EXPECT_EQ(seconds_of(text), seconds) << text;
  }
}

TEST(Duration, of_the_schema_is_that_of_the_deck) {
  const std::regex pattern(deck::duration_pattern);
  for (const char* text : {"90s", "1h30m", "1.5h", "2d3h4m5s", "0s", "10000d", "007m"})
    EXPECT_TRUE(std::regex_search(text, pattern)) << text;
  for (const char* text : {"", "30", "m", "30m1h", "1h1h", ".5m", "1.s", "30 m", "-5m", "1e3s"})
    EXPECT_FALSE(std::regex_search(text, pattern)) << text;
}

std::string law_deck_with(const std::string& run) {
  return "schema = 1\n[run]\n" + run + law_deck.substr(law_deck.find("[study]"));
}

TEST(DurationKey, has_a_default_and_is_echoed_in_one_form) {
  const Deck plain = parse_deck({"d.toml", law_deck});
  EXPECT_EQ(plain.text("run.wall_limit"), "slurm");
  EXPECT_EQ(plain.seconds("run.checkpoint"), 600);
  EXPECT_FALSE(plain.has("run.checkpoint_folder"));

  const Deck deck =
      parse_deck({"d.toml", law_deck_with("wall_limit = \"90m\"\ncheckpoint = \"off\"\n")});
  EXPECT_EQ(deck.seconds("run.wall_limit"), 5400);
  EXPECT_FALSE(deck.is_word("run.wall_limit"));
  EXPECT_EQ(deck.text("run.checkpoint"), "off");
  EXPECT_THAT(deck.resolved_toml(), HasSubstr("wall_limit = \"1h30m\"\n"));
  EXPECT_EQ(parse_deck({"e.toml", deck.resolved_toml()}).resolved_toml(), deck.resolved_toml());
}

TEST(DurationKey, stands_in_overrides) {
  const std::vector<std::string> overrides{"run.wall_limit=2s", "run.checkpoint=0s"};
  const Deck deck = parse_deck({"d.toml", law_deck}, overrides);
  EXPECT_EQ(deck.seconds("run.wall_limit"), 2);
  EXPECT_EQ(deck.seconds("run.checkpoint"), 0);
}

TEST(DurationKey, has_faults_with_their_place) {
  const auto faults = [](const std::string& run) { return faults_of(law_deck_with(run)); };
  EXPECT_THAT(faults("wall_limit = 30\n"), HasSubstr("deck.toml:3:14: run.wall_limit must be a "
                                                     "duration such as"));
  EXPECT_THAT(faults("wall_limit = 30\n"), HasSubstr("write \"30s\" for seconds"));
  EXPECT_THAT(faults("wall_limit = \"30\"\n"), HasSubstr("has no unit"));
  EXPECT_THAT(faults("wall_limit = \"0s\"\n"), HasSubstr("not \"0s\""));
  EXPECT_THAT(faults("wall_limit = \"slurn\"\n"), HasSubstr("did you mean \"slurm\"?"));
  EXPECT_THAT(faults("checkpoint = \"none\"\n"), HasSubstr("run.checkpoint must be"));
  EXPECT_THAT(faults("checkpoint_folder = \"\"\n"), HasSubstr("a path"));
}

TEST(DurationKey, is_a_pattern_in_the_schema) {
  const auto run = nlohmann::json::parse(json_schema())["properties"]["run"]["properties"];
  EXPECT_EQ(run["wall_limit"]["anyOf"][0]["pattern"], deck::duration_pattern);
  EXPECT_EQ(run["checkpoint"]["default"], "10m");
}

}  // namespace
}  // namespace fathom::test
