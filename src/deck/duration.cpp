#include "deck/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

struct Unit {
  char letter;
  std::int64_t milliseconds;
};
constexpr std::array units{Unit{'d', 86'400'000}, Unit{'h', 3'600'000}, Unit{'m', 60'000},
                           Unit{'s', 1'000}};
constexpr double longest = 10'000 * 86'400.0;  ///< seconds
constexpr const char* too_long = "the longest duration is 10000d";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Length of "12" or "1.5" at the start of the text; 0 where there is none.
std::size_t number_length(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end]))
    ++end;
  if (end == 0 || end + 1 >= text.size() || text[end] != '.' || !is_digit(text[end + 1]))
    return end;
  do
    ++end;
  while (end < text.size() && is_digit(text[end]));
  return end;
}

}  // namespace

std::optional<Duration> read_duration(std::string_view text, std::string& why) {
  const auto refuse = [&](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  double seconds = 0;
  std::size_t next = 0;  // the largest unit that may still come
  if (text.empty()) return refuse("a duration is a number and a unit: d, h, m or s");
  while (!text.empty()) {
    const std::size_t length = number_length(text);
    if (length == 0) return refuse("a duration is a number and a unit: d, h, m or s");
    double number = 0;
    if (std::from_chars(text.data(), text.data() + length, number).ec != std::errc())
      return refuse(too_long);
    text.remove_prefix(length);
    if (text.empty()) return refuse("the last number has no unit: d, h, m or s");
    std::size_t unit = 0;
    while (unit < units.size() && units[unit].letter != text.front())
      ++unit;
    if (unit == units.size()) return refuse("the units are d, h, m and s");
    if (unit < next)
      return refuse("units stand once each, from the largest to the smallest: \"1d12h\"");
    next = unit + 1;
    text.remove_prefix(1);
    seconds += number * static_cast<double>(units[unit].milliseconds) / 1000;
  }
  if (!(seconds <= longest)) return refuse(too_long);
  return Duration{std::round(seconds * 1000) / 1000};
}

std::string duration_text(Duration duration) {
  auto rest = static_cast<std::int64_t>(std::llround(duration.seconds * 1000));
  std::string text;
  for (const auto& [letter, milliseconds] : units) {
    const std::int64_t whole = rest / milliseconds;
    if (letter != 's') {
      if (whole > 0) text += fmt::format("{}{}", whole, letter);
      rest -= whole * milliseconds;
    } else if (rest > 0 || text.empty()) {
      text += fmt::format("{}s", static_cast<double>(rest) / 1000);
    }
  }
  return text;
}

}  // namespace fathom::deck
