#pragma once

// XXH3 over bytes that come in parts. Local.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fathom {

/// 128 bits as two words, low first: as they stand in files.
using Hash128 = std::array<std::uint64_t, 2>;

/// XXH3, 128 bits: the same for the same bytes, whatever the parts.
class Hasher {
 public:
  Hasher();  ///< std::bad_alloc
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add(const void* data, std::size_t bytes);
  Hash128 value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Hash128 hash_bytes(std::string_view bytes);
std::uint64_t hash_bytes_64(const void* data, std::size_t bytes);

}  // namespace fathom
