// The deck under libFuzzer: any bytes, and decks varied key by key.
//
// Half of the mutations are libFuzzer's own on bytes (with the dictionary of key names that
// LLVMFuzzerInitialize cannot give, see --write-dictionary in scripts/fuzz_deck.sh); the others put
// a key of the key table with a value at or about the border of what it allows, drop, double or
// swap lines.

#include "fuzz/deck_mutator.hpp"
#include "fuzz/deck_properties.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string broken =
      fathom::test::broken_property({reinterpret_cast<const char*>(data), size});
  if (!broken.empty()) {
    std::fprintf(stderr, "%s\n", broken.c_str());
    std::abort();
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, most);
  const std::string varied =
      fathom::test::varied_deck({reinterpret_cast<const char*>(data), size}, seed);
  if (varied.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, varied.data(), varied.size());
  return varied.size();
}
