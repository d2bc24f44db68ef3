// Every key of the table is in explain, in the JSON schema and in the reference.

#include "deck/decks.hpp"
#include "deck/key_table.hpp"
#include "deck/nearest.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fathom::test {
namespace {

using testing::HasSubstr;

TEST(KeyTable, is_consistent) {
  std::set<std::string_view> paths;
  for (const auto& key : deck::all_keys()) {
    SCOPED_TRACE(key.path);
    EXPECT_TRUE(paths.insert(key.path).second);
    EXPECT_FALSE(key.doc.empty());
    EXPECT_FALSE(key.fallback && key.derive);
    EXPECT_EQ(key.type == deck::Type::word, !key.words.empty() && !key.range.min);
    for (const auto& condition : key.belongs)
      for (const auto& requirement : condition)
        EXPECT_TRUE(deck::find_key(requirement.key));
    for (const auto& [where, words] : key.narrowed)
      for (const auto word : words)
        EXPECT_NE(std::find(key.words.begin(), key.words.end(), word), key.words.end());
  }
}

TEST(Explain, knows_every_key_and_section) {
  for (const auto& key : deck::all_keys())
    EXPECT_THAT(explain(key.path), HasSubstr(std::string(key.path)));
  for (const auto& section : deck::all_sections())
    EXPECT_FALSE(explain(section.name).empty());
  EXPECT_THAT(explain(""), HasSubstr("verify.fail"));
}

TEST(Explain, names_the_nearest_for_a_miss) {
  try {
    explain("kernel.degre");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("did you mean kernel.degree?"));
  }
}

TEST(JsonSchema, has_every_key_and_is_closed) {
  const auto schema = nlohmann::json::parse(json_schema());

  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["additionalProperties"], false);
  for (const auto& key : deck::all_keys()) {
    SCOPED_TRACE(key.path);
    const std::string section(deck::section_of(key.path)), leaf(deck::leaf_of(key.path));
    const auto& owner = section.empty() ? schema : schema["properties"][section];
    EXPECT_EQ(owner["additionalProperties"], false);
    EXPECT_TRUE(owner["properties"].contains(leaf));
    const auto& sweep = schema["properties"]["sweep"]["properties"];
    EXPECT_EQ(sweep.contains(std::string(key.path)), key.sweepable);
  }
}

TEST(KeyReference, is_the_committed_file) {
  const auto path = root / "docs" / "deck.md";
  if (updating_golden()) std::ofstream(path, std::ios::binary) << key_reference();

  EXPECT_EQ(read_file(path), key_reference())
      << "docs/deck.md is out of date: run test_deck_reference with FATHOM_UPDATE_GOLDEN=1";
}

TEST(KeyReference, has_every_key) {
  for (const auto& key : deck::all_keys())
    EXPECT_THAT(key_reference(), HasSubstr("### `" + std::string(key.path) + "`"));
}

TEST(Nearest, counts_edits_twice_and_letter_case_once) {
  EXPECT_EQ(deck::distance("kernel", "kernel"), 0);
  EXPECT_EQ(deck::distance("kernal", "kernel"), 2);
  EXPECT_EQ(deck::distance("kenrel", "kernel"), 2);
  EXPECT_EQ(deck::distance("Kernel", "kernel"), 1);
  EXPECT_EQ(deck::distance("", "abc"), 6);
}

TEST(Nearest, stays_silent_where_nothing_is_near) {
  EXPECT_EQ(deck::nearest_key("kernel.zebra"), "");
  EXPECT_EQ(deck::nearest_key("kernel.degre"), "kernel.degree");
  EXPECT_EQ(deck::nearest_key("data.features"), "kernel.features");
}

}  // namespace
}  // namespace fathom::test
