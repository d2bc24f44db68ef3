// What the user reads about keys: `fathom explain`, and docs/deck.md.

#include "deck/deck.hpp"
#include "deck/faults.hpp"
#include "deck/key_table.hpp"
#include "deck/nearest.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom {

namespace {

using deck::Key;

std::string narrowing(const Key& key) {
  std::string out;
  for (const auto& [where, words] : key.narrowed) {
    Key narrow = key;
    narrow.words = words;
    out += fmt::format("{}only {} where {}", out.empty() ? "" : "; ", deck::expected(narrow),
                       deck::say(where));
  }
  return out;
}

/// Breaks a sentence into lines of at most 78 columns that start with `indent`.
std::string wrapped(std::string_view text, std::string_view indent) {
  std::string out, line;
  const auto flush = [&] {
    if (!line.empty()) out += fmt::format("{}{}\n", indent, line);
    line.clear();
  };
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > 78) flush();
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  flush();
  return out;
}

std::string explain_key(const Key& key) {
  std::string out = fmt::format("{}\n", key.path) + wrapped(key.doc, "  ");
  const auto row = [&](std::string_view name, const std::string& text) {
    if (text.empty()) return;
    const std::string block = wrapped(text, std::string(13, ' '));
    out += fmt::format("  {:<11}{}", name, block.substr(13));
  };
  row("value", deck::expected(key));
  row("", narrowing(key));
  row("unit", std::string(key.unit));
  row("default", deck::default_of(key));
  row("belongs", key.belongs.empty() ? "in every deck" : "where " + deck::belonging(key));
  row("sweep", key.sweepable ? "yes" : "no");
  return out;
}

std::string explain_section(const deck::Section& section) {
  std::string out = section.name.empty()
                        ? wrapped(section.doc, "")
                        : fmt::format("[{}]\n", section.name) + wrapped(section.doc, "");
  for (const auto& key : deck::all_keys())
    if (deck::section_of(key.path) == section.name) out += fmt::format("\n{}", explain_key(key));
  return out;
}

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string reference_of_key(const Key& key) {
  std::string out = fmt::format("### `{}`\n\n{}\n\n| | |\n|---|---|\n", key.path, key.doc);
  const auto row = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) out += fmt::format("| {} | {} |\n", name, cell(text));
  };
  row("value", deck::expected(key));
  row("restricted", narrowing(key));
  row("unit", std::string(key.unit));
  row("default", deck::default_of(key));
  row("belongs", key.belongs.empty() ? "in every deck" : "where " + deck::belonging(key));
  row("sweep", key.sweepable ? "yes" : "no");
  return out + "\n";
}

}  // namespace

std::string explain(std::string_view name) {
  if (const auto key = deck::find_key(name)) return explain_key(deck::all_keys()[*key]);
  std::string all;
  for (const auto& section : deck::all_sections()) {
    const auto text = explain_section(section);
    if (!name.empty() && section.name == name) return text;
    all += fmt::format("{}{}", all.empty() ? "" : "\n", text);
  }
  if (name.empty()) return all;
  std::vector<std::string> sections;
  std::string listed;
  for (const auto& section : deck::all_sections()) {
    sections.emplace_back(section.name);
    if (!section.name.empty()) listed += (listed.empty() ? "" : ", ") + std::string(section.name);
  }
  auto near = deck::nearest(name, sections);
  if (near.empty()) near = deck::nearest_key(name);
  throw Error(ExitCode::usage, "no key or section of a deck is called {}{}\nsections: {}",
              deck::printable(name),
              near.empty() ? std::string{} : fmt::format("; did you mean {}?", near), listed);
}

std::string key_reference() {
  std::string out =
      "# The deck\n\n"
      "Every key of an input deck, generated from the key table in `src/deck/key_table.cpp`; a "
      "test holds this file to it.\n"
      "The same text: `fathom explain KEY`. For editors: `fathom schema`.\n\n";
  out +=
      "A deck is a TOML file. A key that is unknown, does not belong to the chosen study, data "
      "source and kernel, or has an impossible value is a fault; all faults are reported at once, "
      "before anything is computed, with exit code 65. `--set KEY=VALUE` replaces a value; words "
      "need no quotes there.\n\n";
  for (const auto& section : deck::all_sections()) {
    out += section.name.empty() ? "## Above all sections\n\n"
                                : fmt::format("## [{}]\n\n{}\n\n", section.name, section.doc);
    for (const auto& key : deck::all_keys())
      if (deck::section_of(key.path) == section.name) out += reference_of_key(key);
  }
  while (out.ends_with("\n\n"))
    out.pop_back();
  return out;
}

}  // namespace fathom
