#pragma once

// The nearest valid name to a misspelt one.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fathom::deck {

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other, letter case
/// counting half: optimal string alignment (Damerau 1964). Returned doubled, so it is whole.
int distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, if near enough to be meant: at most a third of its letters
/// differ. Empty otherwise.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// The key that was meant by a path: a misspelt one, or the right name in another section. Empty
/// where none is near.
std::string nearest_key(std::string_view path);

}  // namespace fathom::deck
