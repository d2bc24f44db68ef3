// Large arrays: aligned, and whole after they grew.

#include "base/large_array.hpp"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace fathom {
namespace {

std::uintptr_t address(const LargeArray<double>& array) {
  return reinterpret_cast<std::uintptr_t>(array.data());
}

TEST(LargeArray, stands_at_a_cache_line_and_from_4_MiB_on_at_a_huge_page) {
  const LargeArray<double> small(3), large(std::size_t{1} << 19);
  EXPECT_EQ(address(small) % 64, 0U);
  EXPECT_EQ(address(large) % (std::uintptr_t{2} << 20), 0U);
}

TEST(LargeArray, keeps_its_entries_when_it_grows) {
  LargeArray<double> array(2, 1.5);
  array.resize(std::size_t{1} << 20);
  array.back() = 2.5;
  EXPECT_EQ(array[0], 1.5);
  EXPECT_EQ(array[1], 1.5);
  EXPECT_EQ(array.back(), 2.5);
}

TEST(LargeArray, reports_sizes_beyond_memory) {
  LargeAllocator<double> allocator;
  EXPECT_THROW(static_cast<void>(allocator.allocate(std::numeric_limits<std::size_t>::max() / 4)),
               std::bad_alloc);
}

}  // namespace
}  // namespace fathom
