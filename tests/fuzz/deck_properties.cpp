#include "fuzz/deck_properties.hpp"

#include "deck/deck.hpp"
#include "deck/key_table.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <vector>

namespace fathom::test {
namespace {

/// 100 faults, each with an excerpt of one line and a few hints that list the keys of a section.
constexpr std::size_t longest_refusal = 512 * 1024;
/// Points of a sweep that are compared value by value.
constexpr std::size_t compared_points = 8;

struct Outcome {
  std::optional<Deck> deck;
  std::string refusal;
  std::string escaped;  // what was thrown and is no deck error
};

Outcome read(std::string text, const std::vector<std::string>& overrides) {
  Outcome outcome;
  try {
    outcome.deck = parse_deck({"deck.toml", std::move(text)}, overrides);
  } catch (const Error& error) {
    outcome.refusal = error.what();
    if (error.code() != ExitCode::deck)
      outcome.escaped =
          fmt::format("an error of code {}: {}", static_cast<int>(error.code()), outcome.refusal);
    else if (outcome.refusal.empty())
      outcome.escaped = "a refusal without a word";
  } catch (const std::exception& other) {
    outcome.escaped = fmt::format("not an Error: {}", other.what());
  }
  return outcome;
}

std::vector<std::string> overrides_of(std::string_view text) {
  constexpr std::string_view mark = "# set: ";
  std::vector<std::string> overrides;
  while (text.starts_with(mark)) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    overrides.emplace_back(text.substr(mark.size(), end - mark.size()));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return overrides;
}

std::string unprintable(const std::string& refusal) {
  if (refusal.size() > longest_refusal) return fmt::format("a refusal of {} bytes", refusal.size());
  for (const char c : refusal)
    if (const auto byte = static_cast<unsigned char>(c); (byte < 0x20 && c != '\n') || byte == 0x7f)
      return fmt::format("byte {} in a refusal", byte);
  return {};
}

/// The first key with another value; empty where there is none.
std::string other_value(const Deck& a, const Deck& b) {
  for (const deck::Key& key : deck::all_keys()) {
    if (a.has(key.path) != b.has(key.path)) return fmt::format("{} has or lacks a value", key.path);
    // A path that starts at the deck's folder is printed as an absolute one.
    if (!a.has(key.path) || key.input_file) continue;
    if (a.value(key.path) != b.value(key.path))
      return fmt::format("{} was {} and is {}", key.path, to_toml(a.value(key.path)),
                         to_toml(b.value(key.path)));
  }
  return {};
}

std::string not_the_same_again(const Deck& deck) {
  const std::string resolved = deck.resolved_toml();
  const Outcome again = read(resolved, {});
  if (!again.deck)
    return fmt::format("the resolved deck is refused: {}{}\n{}", again.escaped, again.refusal,
                       resolved);
  if (const std::string text = again.deck->resolved_toml(); text != resolved)
    return fmt::format("resolved twice, another text:\n{}\nthen\n{}", resolved, text);
  if (const std::string key = other_value(deck, *again.deck); !key.empty())
    return fmt::format("resolved twice, {}", key);
  const auto points = deck.sweep(), points_again = again.deck->sweep();
  if (points.size() != points_again.size())
    return fmt::format("{} points became {}", points.size(), points_again.size());
  for (std::size_t i = 0; i < std::min(points.size(), compared_points); ++i)
    if (const std::string key = other_value(points[i].deck, points_again[i].deck); !key.empty())
      return fmt::format("point {} resolved twice, {}", i + 1, key);
  return {};
}

}  // namespace

std::string broken_property(std::string_view bytes, bool quickly) {
  const std::string text(bytes);
  const std::vector<std::string> overrides = overrides_of(bytes);
  const Outcome first = read(text, overrides);
  if (!first.escaped.empty()) return first.escaped;
  const Outcome second = quickly ? first : read(text, overrides);
  if (first.refusal != second.refusal)
    return fmt::format("refused differently:\n{}\nthen\n{}", first.refusal, second.refusal);
  if (first.deck.has_value() != second.deck.has_value()) return "accepted once of two times";
  if (!first.deck) return unprintable(first.refusal);
  if (first.deck->resolved_toml() != second.deck->resolved_toml()) return "resolved differently";
  return not_the_same_again(*first.deck);
}

}  // namespace fathom::test
