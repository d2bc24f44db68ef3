#include "deck/deck.hpp"

#include "base/assert.hpp"
#include "deck/builder.hpp"
#include "deck/key_table.hpp"

#include <algorithm>
#include <fstream>
#include <new>

#include <fmt/format.h>

namespace fathom {

namespace {

constexpr std::size_t largest_deck = std::size_t{1} << 20;

std::string read_deck_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    throw Error(ExitCode::input, "{}: there is no such deck", deck::printable(path.string(), 4096));
  if (std::filesystem::is_directory(status))
    throw Error(ExitCode::input, "{} is a folder; a deck is a TOML file",
                deck::printable(path.string(), 4096));
  std::ifstream file(path, std::ios::binary);
  std::string text(largest_deck + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (!file && !file.eof()))
    throw Error(ExitCode::input, "{} cannot be read", deck::printable(path.string(), 4096));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

/// Paths of input files start at the folder of the deck. The resolved deck is stored elsewhere, so
/// there they are made absolute.
DeckValue anchored(const deck::Key& key, const DeckValue& value, const std::string& deck_path) {
  const auto* path = std::get_if<std::string>(&value);
  if (!key.input_file || !path) return value;
  if (key.type != deck::Type::path && !path->ends_with(".npy")) return value;
  std::error_code error;
  const auto folder = std::filesystem::absolute(deck_path, error).parent_path();
  return error ? value : DeckValue((folder / *path).lexically_normal().string());
}

template <class T>
const T& value_as(const DeckValue& value, std::string_view key) {
  const T* typed = std::get_if<T>(&value);
  FATHOM_ASSERT(typed, "{} = {} is asked for as another type", key, to_toml(value));
  return *typed;
}

}  // namespace

const Deck::Setting* Deck::find(std::string_view key) const {
  const auto index = deck::find_key(key);
  FATHOM_ASSERT(index, "no deck key is called {}", key);
  return *index < settings_.size() && settings_[*index] ? &*settings_[*index] : nullptr;
}

const DeckValue& Deck::value(std::string_view key) const {
  const auto* setting = find(key);
  FATHOM_ASSERT(setting, "{} has no value in this deck", key);
  return setting->value;
}

std::int64_t Deck::integer(std::string_view key) const {
  return value_as<std::int64_t>(value(key), key);
}
double Deck::real(std::string_view key) const {
  return value_as<double>(value(key), key);
}
bool Deck::flag(std::string_view key) const {
  return value_as<bool>(value(key), key);
}
const std::string& Deck::text(std::string_view key) const {
  return value_as<std::string>(value(key), key);
}
const std::vector<std::int64_t>& Deck::integers(std::string_view key) const {
  return value_as<std::vector<std::int64_t>>(value(key), key);
}

const RealTensor& Deck::tensor(std::string_view key) const {
  return value_as<RealTensor>(value(key), key);
}

double Deck::seconds(std::string_view key) const {
  return value_as<Duration>(value(key), key).seconds;
}

bool Deck::has(std::string_view key) const {
  return find(key) != nullptr;
}

bool Deck::is_word(std::string_view key) const {
  return std::holds_alternative<std::string>(value(key));
}

bool Deck::is_default(std::string_view key) const {
  const auto* setting = find(key);
  return setting && setting->is_default;
}

const Source& Deck::source() const {
  return origin_->source;
}

const std::vector<std::string>& Deck::overrides() const {
  return origin_->overrides;
}

std::vector<SweepPoint> Deck::sweep() const {
  return points_ ? *points_ : std::vector<SweepPoint>{};
}

bool Deck::same_at_all_points(std::size_t key) const {
  if (!points_) return true;
  const auto& first = settings_[key];
  return std::all_of(points_->begin(), points_->end(), [&](const SweepPoint& point) {
    const auto& here = point.deck.settings_[key];
    return here && first && here->value == first->value;
  });
}

std::vector<std::pair<std::string, std::string>> Deck::resolved() const {
  const auto keys = deck::all_keys();
  const auto swept = [&](std::size_t key) {
    return std::any_of(axes_.begin(), axes_.end(), [&](const Axis& a) { return a.key == key; });
  };
  // The value anywhere in the sweep that was not made from other keys, to be given again.
  const auto given = [&](std::size_t key) -> const DeckValue* {
    if (!points_) return settings_[key] ? &settings_[key]->value : nullptr;
    for (const auto& point : *points_)
      if (const auto& here = point.deck.settings_[key]; here && !here->is_default)
        return &here->value;
    return same_at_all_points(key) ? &settings_[key]->value : nullptr;
  };
  std::vector<std::pair<std::string, std::string>> lines;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (const DeckValue* shown = swept(i) ? nullptr : given(i))
      lines.emplace_back(keys[i].path, to_toml(anchored(keys[i], *shown, source().path)));
  for (const auto& axis : axes_) {
    std::string list;
    for (const DeckValue& value : axis.values)
      list += (list.empty() ? "[" : ", ") + to_toml(anchored(keys[axis.key], value, source().path));
    lines.emplace_back("sweep." + std::string(keys[axis.key].path), list + "]");
  }
  return lines;
}

std::string Deck::resolved_toml() const {
  std::string out, section;
  for (const auto& [path, value] : resolved()) {
    // Below [sweep] stand whole paths.
    const std::string_view name = deck::section_of(path);
    if (name != section) {
      section = name;
      out += fmt::format("\n[{}]\n", section);
    }
    out +=
        fmt::format("{} = {}\n", section.empty() ? path : path.substr(section.size() + 1), value);
  }
  return out;
}

Deck parse_deck(Source source, std::span<const std::string> overrides) {
  if (source.text.size() > largest_deck)
    throw Error(ExitCode::deck, "{} is larger than 1 MiB: this is not a deck",
                deck::printable(source.path, 4096));
  return deck::Builder(std::move(source), overrides).build();
}

Deck load_deck(const std::filesystem::path& path, std::span<const std::string> overrides) {
  return parse_deck({path.string(), read_deck_file(path)}, overrides);
}

}  // namespace fathom
