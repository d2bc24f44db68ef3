#pragma once

// Numbers in the words of descriptions.

#include <cstdint>
#include <string>

namespace fathom {

/// 301066 → "301,066". Pure. @pre number ≥ 0
inline std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t k = 0; k < digits.size(); ++k) {
    if (k > 0 && (digits.size() - k) % 3 == 0) text.push_back(',');
    text.push_back(digits[k]);
  }
  return text;
}

}  // namespace fathom
