// The deck under libFuzzer: any bytes, and decks varied key by key.
//
// Half of the mutations are libFuzzer's own on bytes, with the dictionary of the key table; the
// others put a key with a value at or about the border of what it allows, drop, double or swap
// lines.

#include "fuzz/deck_mutator.hpp"
#include "fuzz/deck_properties.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A quarter of all inputs is read twice; which ones, only their bytes decide.
  unsigned sum = 0;
  for (std::size_t i = 0; i < size; ++i)
    sum = 31 * sum + data[i];
  const std::string broken =
      fathom::test::broken_property({reinterpret_cast<const char*>(data), size}, sum % 4 != 0);
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
