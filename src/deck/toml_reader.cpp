#include "deck/toml_reader.hpp"

#include "deck/faults.hpp"
#include "deck/nesting.hpp"
#include "deck/value.hpp"

#include <algorithm>
#include <exception>

#include <toml++/toml.h>

namespace fathom::deck {

namespace {

Place place_of(const toml::source_region& region) {
  Place place;
  place.line = static_cast<int>(region.begin.line);
  place.column = static_cast<int>(region.begin.column);
  if (region.end.line == region.begin.line && region.end.column > region.begin.column)
    place.length = static_cast<int>(region.end.column - region.begin.column);
  return place;
}

RawValue raw_value(const toml::node& node) {
  using Kind = RawValue::Kind;
  RawValue raw;
  raw.place = place_of(node.source());
  if (const auto* integer = node.as_integer()) {
    raw.kind = Kind::integer;
    raw.integer = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    raw.kind = Kind::real;
    raw.real = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    raw.kind = Kind::boolean;
    raw.boolean = boolean->get();
  } else if (const auto* text = node.as_string()) {
    raw.kind = Kind::text;
    raw.text = text->get();
  } else if (const auto* array = node.as_array()) {
    raw.kind = Kind::array;
    for (const auto& item : *array)
      raw.items.push_back(raw_value(item));
  } else {
    raw.kind = node.is_table() ? Kind::table : Kind::date;
  }
  return raw;
}

void flatten(const toml::table& table, std::vector<std::string>& path, Reading& reading) {
  for (const auto& [key, node] : table) {
    path.emplace_back(key.str());
    Assignment assignment{path, raw_value(node), place_of(key.source())};
    if (const auto* inner = node.as_table()) {
      reading.headers.push_back(assignment);
      flatten(*inner, path, reading);
    } else {
      reading.assignments.push_back(assignment);
    }
    path.pop_back();
  }
}

/// Parses, and turns whatever goes wrong into a fault: nothing leaves this room but Error.
std::optional<SyntaxFault> parse(std::string_view text, toml::table& table) {
  if (const auto place = too_deep(text, max_nesting))
    return SyntaxFault{"this nests deeper than any deck does", *place};
  try {
    table = toml::parse(text);
    return std::nullopt;
  } catch (const toml::parse_error& error) {
    // The parser quotes what it met, control characters as they are.
    constexpr std::size_t longest = 400;
    return SyntaxFault{printable(error.description(), longest), place_of(error.source())};
  } catch (const std::exception& error) {
    return SyntaxFault{error.what(), Place{1, 1, 1, {}}};
  }
}

}  // namespace

Reading read_toml(std::string_view text) {
  Reading reading;
  toml::table table;
  reading.fault = parse(text, table);
  if (reading.fault) return reading;
  std::vector<std::string> path;
  flatten(table, path, reading);
  const auto by_place = [](const Assignment& a, const Assignment& b) { return a.place < b.place; };
  std::stable_sort(reading.assignments.begin(), reading.assignments.end(), by_place);
  std::stable_sort(reading.headers.begin(), reading.headers.end(), by_place);
  return reading;
}

std::optional<RawValue> read_override_value(std::string_view text) {
  const auto try_text = [&](const std::string& value) -> std::optional<RawValue> {
    toml::table table;
    if (parse("value = " + value + "\n", table)) return std::nullopt;
    if (table.size() != 1 || !table.contains("value")) return std::nullopt;
    RawValue raw = raw_value(*table.get("value"));
    raw.spelling = std::string(text);
    return raw;
  };
  if (text.find_first_not_of(" \t") == text.npos) return std::nullopt;
  if (auto raw = try_text(std::string(text))) return raw;
  // A quote or bracket that does not close is a slip, not a bare word.
  const char first = text[text.find_first_not_of(" \t")];
  if (first == '\'' || first == '"' || first == '[' || first == '{') return std::nullopt;
  return try_text(toml_string(text));
}

std::vector<std::string> read_key_path(std::string_view text) {
  toml::table table;
  if (text.find_first_of("=\n\r#") != text.npos) return {};
  if (parse(std::string(text) + " = 0\n", table)) return {};
  std::vector<std::string> path;
  for (const toml::table* at = &table; at && at->size() == 1;) {
    path.emplace_back(at->begin()->first.str());
    at = at->begin()->second.as_table();
  }
  return path;
}

std::string override_key(std::string_view text) {
  std::string key;
  for (const std::string& part : read_key_path(text.substr(0, text.find('='))))
    key += (key.empty() ? "" : ".") + part;
  return key;
}

}  // namespace fathom::deck
