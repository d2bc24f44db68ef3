#include "deck/nearest.hpp"

#include "deck/key_table.hpp"

#include <algorithm>

namespace fathom::deck {

namespace {

constexpr std::size_t longest_name = 80;  // anything longer is no misspelt key

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int replacement(char a, char b) {
  if (a == b) return 0;
  const auto dash = [](char c) { return c == '-' ? '_' : lower(c); };
  return dash(a) == dash(b) ? 1 : 2;
}

}  // namespace

int distance(std::string_view a, std::string_view b) {
  std::vector<int> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = static_cast<int>(2 * j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(2 * i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 2, row[j - 1] + 2, last[j - 1] + replacement(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 2);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > longest_name) return {};
  std::string best;
  int best_distance = 0;
  for (const auto& candidate : candidates) {
    const int d = distance(word, candidate);
    if (best.empty() || d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  const auto longer = std::max(word.size(), best.size());
  return 3 * best_distance <= 2 * static_cast<int>(longer) ? best : std::string{};
}

std::string nearest_key(std::string_view path) {
  const auto section = section_of(path);
  const auto leaf = leaf_of(path);
  std::vector<std::string> paths, siblings, leaves;
  for (const auto& key : all_keys()) {
    paths.emplace_back(key.path);
    leaves.emplace_back(leaf_of(key.path));
    if (section_of(key.path) == section) siblings.emplace_back(leaf_of(key.path));
  }
  // The right name in the wrong section is likelier meant than another name in this one.
  for (const auto& key : all_keys())
    if (leaf_of(key.path) == leaf) return std::string(key.path);
  if (const auto sibling = nearest(leaf, siblings); !sibling.empty())
    return section.empty() ? sibling : std::string(section) + "." + sibling;
  const auto other = nearest(leaf, leaves);
  const auto at = std::find(leaves.begin(), leaves.end(), other);
  return at == leaves.end() ? std::string{} : paths[static_cast<std::size_t>(at - leaves.begin())];
}

}  // namespace fathom::deck
