#pragma once
// A header that forgets <vector>: the check that every header compiles alone must refuse it.
inline std::vector<int> forgotten() {
  return {};
}
