#pragma once

#include <string>

namespace fathom {

/// A word as a shell takes it: in single quotes where it has other characters than a plain name.
/// Pure.
std::string shell_quoted(const std::string& word);

}  // namespace fathom
