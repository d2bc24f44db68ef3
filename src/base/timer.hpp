#pragma once

#include <chrono>

namespace fathom {

/// Wall-clock seconds since construction or the last restart. Local.
class Timer {
 public:
  double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }
  void restart() { start_ = clock::now(); }

 private:
  using clock = std::chrono::steady_clock;
  clock::time_point start_ = clock::now();
};

}  // namespace fathom
