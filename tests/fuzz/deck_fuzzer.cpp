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
#include <ctime>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

/// Processor time that one deck of at most 4 KiB may take under the sanitizers, all readings
/// together; the largest sweep that is allowed takes some five. Time on the wall says nothing on a
/// busy machine.
constexpr double most_seconds = 20;

[[noreturn]] void found(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A quarter of all inputs is read twice; which ones, only their bytes decide.
  unsigned sum = 0;
  for (std::size_t i = 0; i < size; ++i)
    sum = 31 * sum + data[i];
  const std::clock_t begun = std::clock();
  const std::string broken =
      fathom::test::broken_property({reinterpret_cast<const char*>(data), size}, sum % 4 != 0);
  const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  if (!broken.empty()) found(broken);
  if (seconds > most_seconds) found("a deck took " + std::to_string(seconds) + " s");
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
