#pragma once

// What holds for a deck of any bytes whatever: asked by the fuzzer, and of the corpus that it
// found.

#include <string>
#include <string_view>

namespace fathom::test {

/// Reads the bytes as a deck, first lines such as "# set: kernel.degree=3" as overrides, and says
/// what does not hold; empty where all of this does:
///   - the deck is resolved, or refused with Error(deck); nothing else is thrown;
///   - a refusal is printable, not endless, and the same the second time;
///   - a resolved deck prints a deck that resolves to the same values, points and text.
/// quickly: without the second time. Local.
std::string broken_property(std::string_view bytes, bool quickly = false);

}  // namespace fathom::test
