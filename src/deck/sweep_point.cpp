#include "deck/sweep_point.hpp"

#include "deck/toml_reader.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom {

namespace {

bool sets_output(const std::string& override_text) {
  return deck::override_key(override_text) == "run.output";
}

}  // namespace

std::string set_text(const SweepPoint& point) {
  std::string text;
  for (const auto& [key, value] : point.set)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, value);
  return text;
}

Source point_source(const Deck& deck, std::int64_t number) {
  const std::vector<SweepPoint> points = deck.sweep();
  const auto count = std::max<std::int64_t>(1, static_cast<std::int64_t>(points.size()));
  if (number < 1 || number > count)
    throw Error(ExitCode::usage, "--point {}: {} has {} point{}", number, deck.source().path, count,
                count == 1 ? "" : "s");
  if (points.empty()) return {deck.source().path, deck.resolved_toml()};

  const auto index = static_cast<std::size_t>(number - 1);
  const std::string set = set_text(points[index]);
  std::vector<std::string> overrides = deck.overrides();
  overrides.push_back("title=" + toml_string(deck.text("title") + ": " + set));
  if (std::none_of(overrides.begin(), overrides.end(), sets_output))
    overrides.push_back("run.output=" +
                        toml_string(fmt::format("{}/{:04}", deck.text("run.output"), number)));
  const Deck named = parse_deck(deck.source(), overrides);
  return {deck.source().path, fmt::format("# point {} of {}: {}\n", number, count, set) +
                                  named.sweep()[index].deck.resolved_toml()};
}

}  // namespace fathom
