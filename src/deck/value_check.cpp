#include "deck/value_check.hpp"

#include "deck/duration.hpp"
#include "deck/list_check.hpp"
#include "deck/nearest.hpp"

#include <cmath>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

using Kind = RawValue::Kind;

void wrong_value(const Key& key, const RawValue& raw, std::vector<std::string> hints,
                 Faults& faults) {
  faults.add({raw.place,
              fmt::format("{} must be {}, not {}", key.path, expected(key), describe(raw)),
              std::move(hints)});
}

/// What to write instead, where the value shows it.
std::vector<std::string> way_out(const Key& key, const RawValue& raw, bool in_sweep) {
  const bool number = key.type == Type::integer || key.type == Type::real;
  if (raw.kind == Kind::text && (number || key.type == Type::boolean)) {
    const auto inner = read_override_value(raw.text);
    if (inner && inner->kind != Kind::text && inner->kind != Kind::date &&
        inner->kind != Kind::table)
      return {fmt::format("write {} without quotes", printable(raw.text))};
  }
  if (raw.kind == Kind::real && key.type == Type::integer && std::isfinite(raw.real) &&
      raw.real == std::round(raw.real) && std::abs(raw.real) < 1e15)
    return {fmt::format("write {}", static_cast<std::int64_t>(raw.real))};
  if (raw.kind == Kind::integer && key.type == Type::duration && raw.integer > 0)
    return {fmt::format("write \"{0}s\" for seconds, \"{0}m\" for minutes", raw.integer)};
  if (raw.kind == Kind::integer && key.type == Type::integer_list)
    return {fmt::format("write [{}]", raw.integer)};
  if (!in_sweep && raw.kind == Kind::array && key.sweepable)
    return {fmt::format("to run several values, write {} = [...] under [sweep]", key.path)};
  return {};
}

std::vector<std::string> word_hint(const Key& key, const RawValue& raw, bool in_sweep) {
  if (raw.kind != Kind::text) return way_out(key, raw, in_sweep);
  const std::vector<std::string> words(key.words.begin(), key.words.end());
  const auto near = nearest(raw.text, words);
  if (near.empty()) return way_out(key, raw, in_sweep);
  return {fmt::format("did you mean \"{}\"?", near)};
}

bool known_word(const Key& key, const RawValue& raw) {
  if (raw.kind != Kind::text) return false;
  for (const auto word : key.words)
    if (word == raw.text) return true;
  return false;
}

std::optional<DeckValue> check_text(const Key& key, const RawValue& raw, Faults& faults) {
  // What --set gives to a text needs no quotes, whatever it looks like.
  const bool spelt = !raw.spelling.empty() && raw.kind != Kind::text;
  if (raw.kind != Kind::text && !spelt) {
    wrong_value(key, raw, {}, faults);
    return std::nullopt;
  }
  const std::string& text = spelt ? raw.spelling : raw.text;
  const bool empty = text.find_first_not_of(" \t\r\n") == text.npos;
  if (text.find('\0') != text.npos || (empty && key.path != "title")) {
    wrong_value(key, raw, {}, faults);
    return std::nullopt;
  }
  return text;
}

std::optional<DeckValue> check_duration(const Key& key, const RawValue& raw, bool in_sweep,
                                        Faults& faults) {
  std::vector<std::string> hints = word_hint(key, raw, in_sweep);
  if (raw.kind == Kind::text) {
    std::string why;
    const auto duration = read_duration(raw.text, why);
    if (duration && in_range(key.range, duration->seconds)) return *duration;
    if (!why.empty() && hints.empty()) hints.push_back(why);
  }
  wrong_value(key, raw, std::move(hints), faults);
  return std::nullopt;
}

}  // namespace

bool in_range(const Range& range, double value) {
  if (!std::isfinite(value)) return false;
  if (range.min && (range.open_min ? value <= *range.min : value < *range.min)) return false;
  if (range.max && (range.open_max ? value >= *range.max : value > *range.max)) return false;
  return true;
}

std::string describe(const RawValue& raw) {
  switch (raw.kind) {
    case Kind::integer:
      return fmt::format("{}", raw.integer);
    case Kind::real:
      return to_plain(raw.real);
    case Kind::boolean:
      return raw.boolean ? "true" : "false";
    case Kind::text:
      return raw.text.empty() ? "an empty string" : fmt::format("\"{}\"", printable(raw.text));
    case Kind::table:
      return "a table";
    case Kind::date:
      return "a date or time";
    case Kind::array:
      break;
  }
  if (raw.items.empty()) return "an empty list";
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(raw.items.size(), 4); ++i) {
    const auto& item = raw.items[i];
    out += (i > 0 ? ", " : "") + (item.kind == Kind::array ? "[...]" : describe(item));
  }
  return fmt::format("the list [{}{}]", out, raw.items.size() > 4 ? ", ..." : "");
}

std::optional<DeckValue> check_value(const Key& key, const RawValue& raw, Faults& faults,
                                     bool in_sweep) {
  if (key.type != Type::text && key.type != Type::path && known_word(key, raw)) return raw.text;
  switch (key.type) {
    case Type::integer:
      if (raw.kind == Kind::integer && in_range(key.range, static_cast<double>(raw.integer)))
        return raw.integer;
      break;
    case Type::real:
      if (raw.kind == Kind::real && in_range(key.range, raw.real)) return raw.real;
      if (raw.kind == Kind::integer && in_range(key.range, static_cast<double>(raw.integer)))
        return static_cast<double>(raw.integer);
      break;
    case Type::boolean:
      if (raw.kind == Kind::boolean) return raw.boolean;
      break;
    case Type::text:
    case Type::path:
      return check_text(key, raw, faults);
    case Type::duration:
      return check_duration(key, raw, in_sweep, faults);
    case Type::integer_pair:
    case Type::integer_list:
    case Type::real_tensor:
      if (raw.kind == Kind::array) return check_list(key, raw, faults);
      break;
    case Type::word:
      break;
  }
  wrong_value(key, raw,
              key.words.empty() ? way_out(key, raw, in_sweep) : word_hint(key, raw, in_sweep),
              faults);
  return std::nullopt;
}

}  // namespace fathom::deck
