#pragma once

// Which of the two matrices of a factor Φ (n × d) is assembled. Pure.

#include <cstdint>
#include <optional>
#include <string_view>

namespace fathom {

enum class GramSide {
  automatic,
  gram,        ///< ΦΦᵀ, n × n
  covariance,  ///< ΦᵀΦ, d × d
};
const char* name(GramSide side);
std::optional<GramSide> parse_gram_side(std::string_view text);  ///< "auto", "gram", "covariance"

/// automatic becomes the smaller side: the covariance where d < n.
GramSide choose_side(GramSide wish, std::int64_t n, std::int64_t d);

}  // namespace fathom
