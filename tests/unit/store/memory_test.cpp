#include "store/memory.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(Memory, PeakFollowsWhatIsTouchedAndStays) {
  const std::int64_t before = peak_resident_bytes();
  constexpr std::int64_t size = std::int64_t{200} << 20;
  {
    std::vector<char> block(static_cast<std::size_t>(size), 1);
    EXPECT_GE(resident_bytes(), size);
    EXPECT_EQ(block.back(), 1);
  }
  const std::int64_t after = peak_resident_bytes();
  EXPECT_GE(after, size);
  EXPECT_GE(after, before);
  EXPECT_LT(resident_bytes(), after - size / 2);
}

TEST(Memory, LimitsArePositive) {
  EXPECT_GT(available_memory_bytes(), 0);
  const auto limit = cgroup_memory_limit_bytes();
  EXPECT_GT(limit.value_or(1), 0);
}

}  // namespace
}  // namespace fathom
