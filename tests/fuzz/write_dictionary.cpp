// Prints libFuzzer's dictionary of the deck.

#include "fuzz/deck_mutator.hpp"

#include <cstdio>

int main() {
  return std::fputs(fathom::test::dictionary().c_str(), stdout) < 0;
}
