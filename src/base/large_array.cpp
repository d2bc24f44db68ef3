#include "base/large_array.hpp"

#include <cstdlib>

#include <sys/mman.h>

namespace fathom {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t huge_page = std::size_t{2} << 20;

}  // namespace

void* allocate_large(std::size_t bytes) {
  const std::size_t alignment = bytes < 2 * huge_page ? cache_line : huge_page;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
  // A refusal costs nothing.
  if (alignment == huge_page) madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void free_large(void* memory) noexcept {
  std::free(memory);
}

}  // namespace fathom
