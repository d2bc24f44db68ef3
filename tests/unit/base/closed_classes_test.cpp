// Chains small enough to draw.

#include "base/closed_classes.hpp"

#include <gtest/gtest.h>

namespace fathom {
namespace {

using Chain = std::vector<double>;
using Classes = std::vector<std::vector<std::int64_t>>;

TEST(ClosedClasses, OfChainsByHand) {
  EXPECT_EQ(closed_classes(1, Chain{1.0}), (Classes{{0}}));
  // A cycle of three.
  EXPECT_EQ(closed_classes(3, Chain{0.0, 1, 0, 0, 0, 1, 1, 0, 0}), (Classes{{0, 1, 2}}));
  // State 0 is left for ever.
  EXPECT_EQ(closed_classes(3, Chain{0.5, 0.5, 0, 0, 0, 1, 0, 1, 0}), (Classes{{1, 2}}));
  // It can be left for either of two.
  EXPECT_EQ(closed_classes(3, Chain{0, 0.5, 0.5, 0, 1, 0, 0, 0, 1}), (Classes{{1}, {2}}));
}

TEST(ClosedClasses, AStepOfAnyProbabilityJoins) {
  EXPECT_EQ(closed_classes(2, Chain{1.0, 1e-300, 1e-300, 1.0}), (Classes{{0, 1}}));
  EXPECT_EQ(closed_classes(2, Chain{1.0, 0.0, 1e-300, 1.0}), (Classes{{0}}));
}

}  // namespace
}  // namespace fathom
