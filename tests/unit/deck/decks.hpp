#pragma once

// The decks under tests/deck, and small ways to make faults speak.

#include "deck/deck.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace fathom::test {

inline const std::filesystem::path root = FATHOM_ROOT;

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool updating_golden() {
  return std::getenv("FATHOM_UPDATE_GOLDEN") != nullptr;
}

/// All decks of a folder below tests/deck, by name.
inline std::vector<std::filesystem::path> decks_in(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(root / "tests" / "deck" / folder))
    if (entry.path().extension() == ".toml") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// First lines such as "# set: kernel.degree=3" carry overrides.
inline std::vector<std::string> overrides_of(const std::string& text) {
  std::vector<std::string> overrides;
  std::istringstream lines(text);
  const std::string mark = "# set: ";
  for (std::string line; std::getline(lines, line) && line.starts_with(mark);)
    overrides.push_back(line.substr(mark.size()));
  return overrides;
}

/// Everything that is wrong with a deck; empty for a good one. Anything but a deck error escapes.
inline std::string faults_of(const std::string& text,
                             const std::vector<std::string>& overrides = {},
                             const std::string& name = "deck.toml") {
  try {
    parse_deck({name, text}, overrides);
    return {};
  } catch (const Error& error) {
    if (error.code() != ExitCode::deck) throw;
    return error.what();
  }
}

/// A small valid deck that tests vary.
inline const std::string law_deck = R"(schema = 1
[study]
kind = "random_features"
[data]
source = "power_law"
alpha = 1.5
[kernel]
type = "random_features"
features = 64
activation = "monomial"
degree = 2
)";

}  // namespace fathom::test
