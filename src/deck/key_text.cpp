// How the key table speaks: ranges, defaults and conditions in words.

#include "deck/key_table.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

bool is_number(Type type) {
  return type == Type::integer || type == Type::real || type == Type::integer_pair ||
         type == Type::duration;
}

bool is_real(Type type) {
  return type == Type::real || type == Type::real_tensor;
}

std::string number(const Key& key, double value) {
  if (is_real(key.type)) return fmt::format("{:.15g}", value);
  if (key.type == Type::duration) return to_plain(Duration{value});
  return fmt::format("{}", static_cast<std::int64_t>(value));
}

std::string range_in_words(const Key& key) {
  const auto& [min, max, open_min, open_max] = key.range;
  if (min && max && !open_min && !open_max)
    return fmt::format(" from {} to {}", number(key, *min), number(key, *max));
  std::string out;
  if (min) out += fmt::format("{}{}", open_min ? " above " : " of at least ", number(key, *min));
  if (max)
    out += fmt::format("{}{}{}", min ? " and" : "", open_max ? " below " : " up to ",
                       number(key, *max));
  return out;
}

std::string one_of(const std::vector<std::string_view>& words, bool quoted = true) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += quoted ? fmt::format("\"{}\"", words[i]) : std::string(words[i]);
  }
  return out;
}

}  // namespace

std::string expected(const Key& key) {
  std::string out;
  switch (key.type) {
    case Type::integer:
      out = "an integer";
      break;
    case Type::real:
      out = "a number";
      break;
    case Type::boolean:
      return "true or false";
    case Type::text:
      return "a string";
    case Type::path:
      return "a path (a string that is not empty)";
    case Type::word:
      return one_of(key.words);
    case Type::duration:
      out = "a duration such as \"90s\", \"30m\", \"1h30m\" or \"2d\"";
      break;
    case Type::integer_pair:
      out = "a list of two integers";
      break;
    case Type::integer_list:
      out = expected_part(key, 1);
      break;
    case Type::real_tensor:
      out = expected_part(key, 3);
      break;
  }
  const bool one_value =
      key.type == Type::integer && key.range.min && key.range.min == key.range.max;
  if (one_value) return number(key, *key.range.min);
  if (is_number(key.type)) out += range_in_words(key);
  if (!key.words.empty()) out += " or " + one_of(key.words);
  return out;
}

std::string expected_part(const Key& key, int depth) {
  const std::string number = is_real(key.type) ? "number" : "integer";
  if (depth == 0) return (is_real(key.type) ? "a " : "an ") + number + range_in_words(key);
  std::string out = "a list of ";
  for (int level = 1; level < depth; ++level)
    out += "lists of ";
  return out + number + "s" + range_in_words(key);
}

std::string say(const Condition& condition) {
  std::string out;
  for (const auto& [key, values] : condition) {
    const auto index = find_key(key);
    const bool quoted = !index || all_keys()[*index].type != Type::boolean;
    if (!out.empty()) out += " and ";
    out += fmt::format("{} = {}", key, one_of(values, quoted));
  }
  return out;
}

std::string belonging(const Key& key) {
  std::string out;
  for (const auto& condition : key.belongs) {
    if (!out.empty()) out += ", or ";
    out += say(condition);
  }
  return out;
}

std::string default_of(const Key& key) {
  if (!key.default_text.empty()) return std::string(key.default_text);
  if (key.fallback) return to_toml(*key.fallback);
  return key.required ? "required" : "unset";
}

}  // namespace fathom::deck
