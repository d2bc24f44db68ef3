#pragma once

#include "comm/progress.hpp"

#include <string>
#include <vector>

namespace fathom::test {

/// Keeps warnings, and says nothing.
class Silent : public Progress {
 public:
  void note(const std::string&) override {}
  void warn(const std::string& line) override { warnings.push_back(line); }
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}
  std::vector<std::string> warnings;
};

}  // namespace fathom::test
