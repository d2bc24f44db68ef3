#pragma once

// Remembers what was said.

#include "comm/progress.hpp"

#include <string>
#include <vector>

namespace fathom::testing_cascade {

class SilentProgress : public Progress {
 public:
  void note(const std::string& line) override { notes.push_back(line); }
  void warn(const std::string& line) override { warnings.push_back(line); }
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}
  std::size_t lines() const { return notes.size(); }
  std::vector<std::string> notes, warnings;
};

}  // namespace fathom::testing_cascade
