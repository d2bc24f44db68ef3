#include "gram/gram_side.hpp"

namespace fathom {

const char* name(GramSide side) {
  switch (side) {
    case GramSide::automatic:
      return "auto";
    case GramSide::gram:
      return "gram";
    case GramSide::covariance:
      return "covariance";
  }
  return "?";
}

std::optional<GramSide> parse_gram_side(std::string_view text) {
  for (const GramSide side : {GramSide::automatic, GramSide::gram, GramSide::covariance})
    if (text == name(side)) return side;
  return std::nullopt;
}

GramSide choose_side(GramSide wish, std::int64_t n, std::int64_t d) {
  if (wish != GramSide::automatic) return wish;
  return d < n ? GramSide::covariance : GramSide::gram;
}

}  // namespace fathom
