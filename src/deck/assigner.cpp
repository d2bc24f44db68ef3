#include "deck/assigner.hpp"

#include "deck/nearest.hpp"
#include "deck/value_check.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

bool is_section(std::string_view name) {
  const auto sections = all_sections();
  return !name.empty() && std::any_of(sections.begin(), sections.end(),
                                      [&](const Section& s) { return s.name == name; });
}

bool is_bare(std::string_view name) {
  constexpr std::string_view bare =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.find_first_not_of(bare) == name.npos;
}

/// The first `count` parts as TOML writes them.
std::string name_of(const std::vector<std::string>& path, std::size_t first = 0,
                    std::size_t count = 1000) {
  std::string out;
  for (std::size_t i = first; i < std::min(path.size(), first + count); ++i) {
    if (i > first) out += '.';
    out += is_bare(path[i]) ? path[i] : toml_string(path[i]);
  }
  return out;
}

/// Under [sweep], "kernel.degree" in quotes and kernel.degree are the same.
std::string swept_name(const std::vector<std::string>& path) {
  std::string out;
  for (std::size_t i = 1; i < path.size(); ++i)
    out += (i > 1 ? "." : "") + path[i];
  return out;
}

std::string canonical(const std::vector<std::string>& path) {
  return path.size() > 1 && path[0] == "sweep" ? "sweep." + swept_name(path) : name_of(path);
}

std::string names_in(std::string_view section) {
  std::string out;
  for (const auto& key : all_keys()) {
    if (section_of(key.path) != section) continue;
    out += (out.empty() ? "" : ", ") + std::string(leaf_of(key.path));
  }
  return out;
}

/// What can be swept of this section, or which sections have such keys.
std::string swept_instead(std::string_view section) {
  std::string keys, sections;
  for (const auto& key : all_keys()) {
    if (!key.sweepable) continue;
    const std::string_view of = section_of(key.path);
    if (of == section) keys += (keys.empty() ? "" : ", ") + std::string(leaf_of(key.path));
    if (sections.find(fmt::format("[{}]", of)) == sections.npos)
      sections += fmt::format("{}[{}]", sections.empty() ? "" : ", ", of);
  }
  return keys.empty() ? fmt::format("a sweep takes keys of {}", sections)
                      : fmt::format("of [{}] a sweep takes {}", section, keys);
}

std::string section_names() {
  std::string out;
  for (const auto& section : all_sections())
    if (!section.name.empty()) out += (out.empty() ? "" : ", ") + std::string(section.name);
  return out;
}

void move_to_override(RawValue& raw, std::size_t index) {
  raw.place = Place{0, 0, 1, index};
  for (auto& item : raw.items)
    move_to_override(item, index);
}

}  // namespace

Assigner::Assigner(Faults& faults) : faults_(faults), given_(all_keys().size()) {}

void Assigner::deck(const Reading& reading) {
  headers_ = reading.headers;
  assignments_ = reading.assignments;
  for (const auto& header : headers_)
    if (header.path.size() == 1) landmarks_.section.emplace(header.path[0], header.place);
}

void Assigner::overrides(std::span<const std::string> texts) {
  for (std::size_t i = 0; i < texts.size(); ++i)
    add_override(i, texts[i]);
}

void Assigner::add_override(std::size_t index, const std::string& text) {
  const Place place{0, 0, 1, index};
  const auto equals = text.find('=');
  const auto path = read_key_path(text.substr(0, equals));
  if (equals == text.npos || path.empty()) {
    faults_.add({place, "this is not KEY=VALUE", {"write --set kernel.degree=3, for example"}});
    return;
  }
  auto value = read_override_value(std::string_view(text).substr(equals + 1));
  if (!value) {
    faults_.add({place,
                 equals + 1 == text.size() ? "there is no value after the ="
                                           : "the value is neither TOML nor plain text",
                 {}});
    spoil(name_of(path), place);
    return;
  }
  if (value->kind == RawValue::Kind::table) {
    faults_.add({place, "a table cannot be set at once: set its keys one by one", {}});
    return;
  }
  move_to_override(*value, index);
  const std::string name = canonical(path);
  std::erase_if(assignments_, [&](const Assignment& a) { return canonical(a.path) == name; });
  assignments_.push_back({path, *value, place});
}

void Assigner::finish() {
  for (const auto& header_here : headers_)
    header(header_here);
  for (const auto& assignment : assignments_)
    assign(assignment);
  for (auto& axis : swept_) {
    auto& given = given_[axis.key];
    if (!given) continue;
    const auto path = all_keys()[axis.key].path;
    std::vector<std::string> hints;
    if (given->place.override_index)
      hints.push_back(fmt::format("to keep one value: --set sweep.{}=[...]", path));
    faults_.add({given->key_place, fmt::format("{} is both set and swept", path), hints});
    given->value.reset();
    axis.values.clear();
  }
  // Faulty lists leave their key unknown.
  for (const auto& axis : swept_)
    if (axis.values.empty()) given_[axis.key] = Given{axis.place, std::nullopt, true, axis.place};
  std::erase_if(swept_, [](const SweptKey& axis) { return axis.values.empty(); });
}

void Assigner::spoil(std::string_view key, Place place) {
  if (const auto index = find_key(key); index && !given_[*index])
    given_[*index] = Given{place, std::nullopt, false, place, true};
}

void Assigner::spoil_section(std::string_view section, Place place) {
  for (const auto& key : all_keys())
    if (section_of(key.path) == section) spoil(key.path, place);
}

void Assigner::unknown_section(const Assignment& assignment) {
  const auto& name = assignment.path[0];
  if (!reported_.insert(name_of(assignment.path, 0, 1)).second) return;
  std::vector<std::string> names, hints;
  for (const auto& section : all_sections())
    names.emplace_back(section.name);
  if (const auto near = nearest(name, names); !near.empty()) {
    hints.push_back(fmt::format("did you mean [{}]?", near));
    spoil_section(near, assignment.place);
  }
  hints.push_back("sections: " + section_names());
  faults_.add({assignment.place,
               fmt::format("unknown section [{}]", printable(name_of(assignment.path, 0, 1))),
               std::move(hints)});
}

void Assigner::unknown_key(const Assignment& assignment, const std::string& name, bool in_sweep) {
  if (!reported_.insert((in_sweep ? "sweep." : "") + name).second) return;
  std::vector<std::string> hints;
  const bool quoted = assignment.path.size() == 1 && find_key(assignment.path[0]);
  const auto near = faults_.full() ? std::string{}
                    : quoted       ? assignment.path[0]
                                   : nearest_key(name);
  if (quoted)
    hints.push_back("quotes make it one name with a dot in it: write " + near);
  else if (!near.empty())
    hints.push_back(fmt::format("did you mean {}?", near));
  if (!near.empty()) spoil(near, assignment.place);
  const auto section = section_of(name);
  if (in_sweep && section.empty())
    hints.push_back("sections with keys that can be swept: run, data, kernel, solver");
  else if (section.empty() || quoted)
    hints.push_back(
        fmt::format("keys above all sections: {}; sections: {}", names_in(""), section_names()));
  else if (is_section(section))
    hints.push_back(fmt::format("keys of [{}]: {}", section, names_in(section)));
  else
    hints.push_back("sections: " + section_names());
  faults_.add({assignment.place,
               fmt::format("unknown key {}{}", printable(name), in_sweep ? " in [sweep]" : ""),
               std::move(hints)});
}

void Assigner::table_for_key(const Assignment& assignment, const std::string& name,
                             std::size_t key) {
  if (!reported_.insert(name).second) return;
  faults_.add({assignment.place,
               fmt::format("{} must be {}, not a table", name, expected(all_keys()[key])),
               {}});
  given_[key] = Given{assignment.place, std::nullopt, false, assignment.place};
}

void Assigner::header(const Assignment& assignment) {
  const auto& path = assignment.path;
  if (path[0] == "sweep" && path.size() > 1) {
    const auto name = swept_name(path);
    if (find_key(name))
      sweep(assignment);
    else if (path.size() == 2 && !is_section(path[1]))
      unknown_key(assignment, name, true);
    return;
  }
  const auto name = name_of(path, 0, 2);
  if (const auto key = find_key(path.size() == 1 ? name_of(path, 0, 1) : name))
    table_for_key(assignment, name, *key);
  else if (!is_section(path[0]))
    unknown_section(assignment);
  else if (path.size() == 2)
    unknown_key(assignment, name, false);
}

bool Assigner::misplaced_section(const Assignment& assignment) {
  const auto& path = assignment.path;
  if (path.size() != 1 || !is_section(path[0])) return false;
  const bool tables = assignment.value.kind == RawValue::Kind::array &&
                      !assignment.value.items.empty() &&
                      assignment.value.items[0].kind == RawValue::Kind::table;
  faults_.add({assignment.place,
               tables ? fmt::format("[{}] can stand only once", path[0])
                      : fmt::format("{} is a section, not a key", path[0]),
               {fmt::format("write [{}] on a line of its own and its keys below", path[0])}});
  spoil_section(path[0], assignment.place);
  return true;
}

void Assigner::assign(const Assignment& assignment) {
  const auto& path = assignment.path;
  if (misplaced_section(assignment)) return;
  if (path[0] == "sweep") {
    sweep(assignment);
    return;
  }
  const auto name = name_of(path);
  if (reported_.contains(name_of(path, 0, 1)) || reported_.contains(name_of(path, 0, 2))) return;
  if (const auto key = find_key(name)) {
    given_[*key] =
        Given{assignment.value.place, check_value(all_keys()[*key], assignment.value, faults_),
              false, assignment.place};
  } else if (const auto above = find_key(name_of(path, 0, 2)); above && path.size() > 2) {
    table_for_key(assignment, name_of(path, 0, 2), *above);
  } else if (path.size() == 1 || is_section(path[0])) {
    unknown_key(assignment, name, false);
  } else {
    unknown_section(assignment);
  }
}

void Assigner::sweep(const Assignment& assignment) {
  const auto name = swept_name(assignment.path);
  for (std::size_t parts = 2; parts < assignment.path.size(); ++parts) {
    const std::vector<std::string> above(assignment.path.begin(),
                                         assignment.path.begin() + static_cast<long>(parts));
    if (reported_.contains("sweep." + swept_name(above))) return;
  }
  const auto key = find_key(name);
  if (!key) {
    unknown_key(assignment, name, true);
    return;
  }
  if (!all_keys()[*key].sweepable) {
    faults_.add({assignment.place,
                 fmt::format("{} cannot be swept", name),
                 {swept_instead(section_of(all_keys()[*key].path))}});
    spoil(name, assignment.place);
    return;
  }
  const bool again = std::any_of(swept_.begin(), swept_.end(),
                                 [&](const SweptKey& axis) { return axis.key == *key; });
  if (again) {
    faults_.add({assignment.place, fmt::format("{} is swept twice", name), {}});
    return;
  }
  sweep_values(*key, assignment);
}

void Assigner::sweep_values(std::size_t key, const Assignment& assignment) {
  const auto& raw = assignment.value;
  const std::string name(all_keys()[key].path);
  SweptKey axis{key, assignment.place, {}};
  if (raw.kind == RawValue::Kind::table) reported_.insert("sweep." + name);
  if (raw.kind != RawValue::Kind::array)
    faults_.add({raw.kind == RawValue::Kind::table ? assignment.place : raw.place,
                 fmt::format("sweep.{} must be a list of values, not {}", name, describe(raw)),
                 {fmt::format("for one value, write {} under [{}] instead", leaf_of(name),
                              section_of(name))}});
  else if (raw.items.empty())
    faults_.add(
        {raw.place, fmt::format("sweep.{} is an empty list: there is nothing to run", name), {}});
  std::set<std::string> seen;
  bool good = true;
  for (const auto& item : raw.items) {
    auto value = check_value(all_keys()[key], item, faults_, true);
    if (value && !seen.insert(to_toml(*value)).second) {
      faults_.add({item.place, fmt::format("sweep.{} has {} twice", name, to_plain(*value)), {}});
      value.reset();
    }
    good = good && value;
    axis.values.push_back(Given{item.place, value, true, assignment.place});
  }
  if (!good) axis.values.clear();
  swept_.push_back(std::move(axis));
}

}  // namespace fathom::deck
