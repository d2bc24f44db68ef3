#include "store/hash.hpp"

#include <new>

#include <xxhash.h>

namespace fathom {

struct Hasher::State {
  XXH3_state_t* xxh3 = XXH3_createState();
  State() {
    if (!xxh3 || XXH3_128bits_reset(xxh3) != XXH_OK) throw std::bad_alloc();
  }
  ~State() { XXH3_freeState(xxh3); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;

void Hasher::add(const void* data, std::size_t bytes) {
  if (bytes > 0) XXH3_128bits_update(state_->xxh3, data, bytes);
}

Hash128 Hasher::value() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh3);
  return {hash.low64, hash.high64};
}

Hash128 hash_bytes(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

std::uint64_t hash_bytes_64(const void* data, std::size_t bytes) {
  return XXH3_64bits(data, bytes);
}

}  // namespace fathom
