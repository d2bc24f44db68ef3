#pragma once

// Memory for large arrays of numbers: on huge pages, which cost fewer page faults at first touch
// and fewer TLB misses in strided work, and undefined until it is written. No MPI. Local.

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace fathom {

/// Aligned to 64 bytes; from 4 MiB on to 2 MiB, with huge pages asked for. Throws bad_alloc.
void* allocate_large(std::size_t bytes);
void free_large(void* memory) noexcept;

/// Elements are default-initialised: numbers begin undefined.
template <class T>
struct LargeAllocator {
  using value_type = T;

  LargeAllocator() = default;
  template <class U>
  LargeAllocator(const LargeAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(allocate_large(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t) noexcept { free_large(memory); }
  template <class U>
  void construct(U* at) noexcept {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Arguments>
  void construct(U* at, Arguments&&... arguments) {
    std::construct_at(at, std::forward<Arguments>(arguments)...);
  }
  template <class U>
  bool operator==(const LargeAllocator<U>&) const noexcept {
    return true;
  }
};

template <class T>
using LargeArray = std::vector<T, LargeAllocator<T>>;

}  // namespace fathom
