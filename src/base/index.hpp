#pragma once

// Strong 64-bit index types: a global row cannot be handed where a local one is meant.

#include <compare>
#include <cstdint>

namespace fathom {

template <class Tag>
class Index {
 public:
  constexpr Index() = default;
  constexpr explicit Index(std::int64_t value) : value_(value) {}
  constexpr std::int64_t value() const { return value_; }
  constexpr auto operator<=>(const Index&) const = default;
  constexpr Index& operator++() {
    ++value_;
    return *this;
  }
  friend constexpr Index operator+(Index i, std::int64_t d) { return Index(i.value_ + d); }
  friend constexpr Index operator-(Index i, std::int64_t d) { return Index(i.value_ - d); }
  friend constexpr std::int64_t operator-(Index a, Index b) { return a.value_ - b.value_; }

 private:
  std::int64_t value_ = 0;
};

using GlobalIndex = Index<struct GlobalTag>;  ///< 0-based row or column of the whole matrix
using LocalIndex = Index<struct LocalTag>;    ///< 0-based row or column of one rank's array
using BlockIndex = Index<struct BlockTag>;    ///< 0-based block of the whole matrix

}  // namespace fathom
