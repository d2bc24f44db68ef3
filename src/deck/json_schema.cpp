// JSON Schema (draft 2020-12) of a deck, made from the key table.

#include "deck/deck.hpp"
#include "deck/duration.hpp"
#include "deck/key_table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fathom {

namespace {

using deck::Key;
using deck::Type;
using Json = nlohmann::ordered_json;

Json as_json(const DeckValue& value) {
  const auto tree = [](const auto& v) {
    // Lists of numbers are written alike in TOML and JSON.
    if constexpr (std::is_same_v<std::decay_t<decltype(v)>, RealTensor>)
      return Json::parse(to_toml(v));
    else if constexpr (std::is_same_v<std::decay_t<decltype(v)>, Duration>)
      return Json(deck::duration_text(v));
    else
      return Json(v);
  };
  return std::visit(tree, value);
}

Json number(const Key& key, const char* type) {
  Json out{{"type", type}};
  const auto bound = [&](const char* name, double value) {
    if (key.type == Type::real || key.type == Type::real_tensor)
      out[name] = value;
    else
      out[name] = static_cast<std::int64_t>(value);
  };
  const auto& range = key.range;
  if (range.min) bound(range.open_min ? "exclusiveMinimum" : "minimum", *range.min);
  if (range.max) bound(range.open_max ? "exclusiveMaximum" : "maximum", *range.max);
  return out;
}

Json list_of(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}, {"minItems", 1}};
}

Json value_schema(const Key& key) {
  Json out;
  switch (key.type) {
    case Type::integer:
      out = number(key, "integer");
      break;
    case Type::real:
      out = number(key, "number");
      break;
    case Type::boolean:
      return {{"type", "boolean"}};
    case Type::text:
      return {{"type", "string"}};
    case Type::path:
      return {{"type", "string"}, {"minLength", 1}};
    case Type::word:
      return {{"enum", key.words}};
    case Type::duration:
      out = {{"type", "string"}, {"pattern", deck::duration_pattern}};
      break;
    case Type::integer_pair:
      out = {
          {"type", "array"}, {"items", number(key, "integer")}, {"minItems", 2}, {"maxItems", 2}};
      break;
    case Type::integer_list:
      out = list_of(number(key, "integer"));
      out["uniqueItems"] = true;
      break;
    case Type::real_tensor:
      out = list_of(list_of(list_of(number(key, "number"))));
      break;
  }
  if (key.words.empty()) return out;
  return {{"anyOf", Json::array({out, Json{{"enum", key.words}}})}};
}

Json key_schema(const Key& key) {
  Json out = value_schema(key);
  std::string text(key.doc);
  if (!key.unit.empty()) text += fmt::format(" Unit: {}.", key.unit);
  text += fmt::format(" Default: {}.", deck::default_of(key));
  if (!key.belongs.empty()) text += fmt::format(" Belongs where {}.", deck::belonging(key));
  out["description"] = text;
  if (key.fallback) out["default"] = as_json(*key.fallback);
  return out;
}

Json closed_object(std::string_view description) {
  return {{"type", "object"},
          {"description", description},
          {"properties", Json::object()},
          {"additionalProperties", false}};
}

/// Keys can be swept as kernel.degree = [...] or "kernel.degree" = [...].
Json sweep_schema(std::string_view description) {
  Json out = closed_object(description);
  auto& properties = out["properties"];
  for (const auto& key : deck::all_keys()) {
    if (!key.sweepable) continue;
    const std::string section(deck::section_of(key.path));
    const Json list{{"type", "array"},
                    {"items", value_schema(key)},
                    {"minItems", 1},
                    {"uniqueItems", true},
                    {"description", key.doc}};
    if (!properties.contains(section))
      properties[section] = closed_object("Swept keys of [" + section + "].");
    properties[section]["properties"][std::string(deck::leaf_of(key.path))] = list;
    properties[std::string(key.path)] = list;
  }
  return out;
}

}  // namespace

std::string json_schema() {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "fathom deck"},
              {"type", "object"},
              {"properties", Json::object()},
              {"required", Json::array()},
              {"additionalProperties", false}};
  auto& properties = schema["properties"];
  for (const auto& section : deck::all_sections()) {
    const std::string name(section.name);
    if (name == "sweep") properties[name] = sweep_schema(section.doc);
    if (!name.empty() && name != "sweep") properties[name] = closed_object(section.doc);
  }
  for (const auto& key : deck::all_keys()) {
    const std::string section(deck::section_of(key.path));
    const std::string leaf(deck::leaf_of(key.path));
    Json& owner = section.empty() ? schema : properties[section];
    owner["properties"][leaf] = key_schema(key);
    const bool always = key.required && key.belongs.empty();
    // A section that is swept may leave its own key out.
    if (always && !key.sweepable) owner["required"].push_back(leaf);
    if (always && !key.sweepable && !section.empty()) schema["required"].push_back(section);
  }
  return schema.dump(2) + "\n";
}

}  // namespace fathom
