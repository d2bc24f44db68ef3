#include "fuzz/deck_mutator.hpp"

#include "deck/key_table.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <vector>

#include <fmt/format.h>

namespace fathom::test {
namespace {

using deck::Key;

class Mutator {
 public:
  Mutator(std::string_view text, unsigned seed) : random_(seed) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      lines_.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  std::string run() {
    for (std::size_t edits = 1 + below(4); edits > 0; --edits)
      edit();
    return fmt::format("{}\n", fmt::join(lines_, "\n"));
  }

 private:
  std::size_t below(std::size_t count) { return random_() % std::max<std::size_t>(count, 1); }

  void insert(std::size_t at, std::string line) {
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(at), std::move(line));
  }

  void edit() {
    const std::size_t at = below(lines_.size());
    switch (lines_.empty() ? 0 : below(8)) {
      case 5:
        lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 6:
        insert(below(lines_.size()), std::string(lines_[at]));
        break;
      case 7:
        std::swap(lines_[at], lines_[below(lines_.size())]);
        break;
      case 4:
        lines_[at] = lines_[at].substr(0, lines_[at].find('=')) + "= " + any_value();
        break;
      default:
        put_key();
    }
  }

  const Key& any_key() {
    const auto keys = deck::all_keys();
    return keys[below(keys.size())];
  }

  void put_key() {
    const Key& key = any_key();
    const std::string value = below(10) > 0 ? value_of(key) : any_value();
    switch (below(8)) {
      case 0: {
        std::string list = value;
        for (std::size_t more = below(4); more > 0; --more)
          list += ", " + value_of(key);
        under("sweep", std::string(key.path), "[" + list + "]");
        break;
      }
      case 1:
        insert(0, fmt::format("# set: {}={}", key.path, value));
        break;
      default:
        under(deck::section_of(key.path), std::string(deck::leaf_of(key.path)), value);
    }
  }

  /// Sets the key in its section: instead of what it has there, or on a new line.
  void under(std::string_view section, const std::string& name, const std::string& value) {
    const std::string line = fmt::format("{} = {}", name, value);
    std::size_t at = 0;
    if (!section.empty()) {
      const auto header = std::ranges::find(lines_, fmt::format("[{}]", section));
      if (header == lines_.end()) {
        lines_.push_back(fmt::format("[{}]", section));
        lines_.push_back(line);
        return;
      }
      at = static_cast<std::size_t>(header - lines_.begin()) + 1;
    }
    for (std::size_t i = at; i < lines_.size() && !lines_[i].starts_with('['); ++i)
      if (lines_[i].starts_with(name + " =")) {
        lines_[i] = line;
        return;
      }
    insert(at, line);
  }

  std::string number(const Key& key) {
    std::vector<double> borders = {0, 1, 2, 3, 100, -1, 1e300};
    if (key.range.min) borders.insert(borders.end(), {*key.range.min, *key.range.min + 1});
    if (key.range.max) borders.insert(borders.end(), {*key.range.max, *key.range.max - 1});
    const double border = borders[below(borders.size())];
    const bool whole = key.type != deck::Type::real && key.type != deck::Type::real_tensor;
    if (whole && border > -1e18 && border < 1e18)
      return fmt::format("{}", static_cast<std::int64_t>(border));
    return to_toml(DeckValue(border + (below(4) == 0 ? 0.5 : 0)));
  }

  std::string list(const Key& key, std::size_t length, int depth) {
    std::string out;
    for (std::size_t i = 0; i < length; ++i)
      out += (i > 0 ? ", " : "") + (depth > 1 ? list(key, length, depth - 1) : number(key));
    return "[" + out + "]";
  }

  std::string value_of(const Key& key) {
    if (!key.words.empty() && below(4) > 0)
      return to_toml(DeckValue(std::string(key.words[below(key.words.size())])));
    if (key.fallback && below(4) == 0) return to_toml(*key.fallback);
    switch (key.type) {
      case deck::Type::integer:
      case deck::Type::real:
        return number(key);
      case deck::Type::boolean:
        return below(2) ? "true" : "false";
      case deck::Type::integer_pair:
        return list(key, 2, 1);
      case deck::Type::integer_list:
        return list(key, 1 + below(3), 1);
      case deck::Type::real_tensor:
        return below(2) ? "[[[0.5, 0.25], [0.125, 0.125]], [[0.5, 0.0], [0.25, 0.25]]]"
                        : list(key, 1 + below(3), 3);
      default:
        return below(2) ? "\"file.npy\"" : "\"file.h5\"";
    }
  }

  /// A value of any type, whatever the key wants.
  std::string any_value() {
    static constexpr const char* values[] = {"1",
                                             "-1",
                                             "0.5",
                                             "nan",
                                             "inf",
                                             "-0.0",
                                             "true",
                                             "\"\"",
                                             "\"auto\"",
                                             "\"all\"",
                                             "[]",
                                             "[1, 2]",
                                             "[[]]",
                                             "{}",
                                             "{a = 1}",
                                             "9999999999999999999",
                                             "9223372036854775807",
                                             "0x1f",
                                             "1e400",
                                             "07:32:00",
                                             "2024-01-01T00:00:00Z",
                                             "\"\\u0000\"",
                                             "'''a'''",
                                             "1_000",
                                             "\"30m\"",
                                             "\"64GiB\"",
                                             "\"1h30m\"",
                                             "\"slurm\""};
    return below(3) ? values[below(std::size(values))] : value_of(any_key());
  }

  std::mt19937 random_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string varied_deck(std::string_view text, unsigned seed) {
  return Mutator(text, seed).run();
}

std::string dictionary() {
  std::set<std::string> entries = {
      "\"# set: \"",    "\"'''\"",    "\"\\\"\\\"\\\"\"", "\"[[\"",
      "\"]]\"",         "\"\\\\u\"",  "\" = \"",          "\"\\xef\\xbb\\xbf\"",
      "\"\\x0d\\x0a\"", "\"1e-300\"", "\"nan\"",          "\"-inf\"",
      "\"true\""};
  for (const Key& key : deck::all_keys()) {
    entries.insert(fmt::format("\"{}\"", key.path));
    entries.insert(fmt::format("\"\\x0a{} = \"", deck::leaf_of(key.path)));
    for (const std::string_view word : key.words)
      entries.insert(fmt::format("\"\\\"{}\\\"\"", word));
  }
  for (const deck::Section& section : deck::all_sections())
    entries.insert(fmt::format("\"\\x0a[{}]\\x0a\"", section.name));
  std::string text;
  for (const std::string& entry : entries)
    text += entry + "\n";
  return text;
}

}  // namespace fathom::test
