#pragma once

// Variations of a deck that remain a deck more often than a change of bytes does.

#include <string>
#include <string_view>

namespace fathom::test {

/// One to four edits of whole lines: a key of the key table with a value at, about or far from the
/// border of what it allows, in its section, under [sweep] or as an override; a line dropped,
/// doubled or moved. The same for the same seed. Local.
std::string varied_deck(std::string_view text, unsigned seed);

/// libFuzzer's dictionary: every key, section and word of the key table, and TOML's own signs.
std::string dictionary();

}  // namespace fathom::test
