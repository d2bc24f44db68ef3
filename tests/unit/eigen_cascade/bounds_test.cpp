#include "eigen/cascade_bounds.hpp"
#include "eigen/factor_spectrum.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

using namespace fathom;

TEST(HeadSize, CutsAtTheThresholdOrAtAGapNearIt) {
  EXPECT_EQ(head_size(std::vector{1.0}, 1e-8), 1);
  EXPECT_EQ(head_size(std::vector{1.0, 1.0, 1.0}, 1e-8), 3);
  EXPECT_EQ(head_size(std::vector{1.0, 1e-3, 1e-7, 1e-9, -1e-17}, 1e-8), 3);
  // 1.1e-8 and 0.9e-8 belong together; the gap above them is the better cut.
  EXPECT_EQ(head_size(std::vector{1.0, 1e-3, 1e-7, 1.1e-8, 0.9e-8, 0.8e-8}, 1e-8), 3);
  // A cluster at the threshold is left to the next level as a whole.
  EXPECT_EQ(head_size(std::vector{1.0, 0.9, 1.1e-8, 1e-8, 0.9e-8}, 1e-8), 2);
  // Gaps far above are not looked for.
  std::vector<double> chain{1.0, 1e-5};
  while (chain.back() > 1e-9)
    chain.push_back(chain.back() / 1.2);
  const std::int64_t cut = head_size(chain, 1e-8);
  EXPECT_GT(chain[static_cast<std::size_t>(cut - 1)], 1e-8);
  EXPECT_LT(chain[static_cast<std::size_t>(cut - 1)], 2e-6);
  EXPECT_EQ(head_size(std::vector{1.0, -1e-16, -1e-15}, 1e-8), 1);
}

TEST(LeakError, IsQuadraticFarFromTheCutAndLinearAtIt) {
  EXPECT_DOUBLE_EQ(leak_error(0, 1), 0);
  EXPECT_DOUBLE_EQ(leak_error(1e-6, 1), 2e-12 + 1e-6);
  EXPECT_DOUBLE_EQ(leak_error(1e-6, 0.5), 2e-12 + 1e-12 * 0.25 / 0.5);
  EXPECT_DOUBLE_EQ(leak_error(1e-6, 0), 2e-12);
}

TEST(LeakError, BoundsATwoByTwoMatrix) {
  // BᵀB = Nᵀ diag(1, r) N with N = [[1, x], [0, 1]].
  for (const double r : {1.0, 0.999, 0.5, 1e-4})
    for (const double x : {1e-2, 1e-4}) {
      const double trace = 1 + x * x + r, determinant = r;
      const double root = std::sqrt(trace * trace / 4 - determinant);
      const double large = trace / 2 + root, small = determinant / large;
      EXPECT_LE(std::abs(large - 1), leak_error(x, r) + 1e-15) << r << " " << x;
      EXPECT_LE(std::abs(small - r) / r, leak_error(x, r) + 1e-15) << r << " " << x;
    }
}

TEST(HeadErrors, BoundATwoByTwoGramMatrix) {
  for (const double ratio : {1.0, 1 - 1e-7, 0.9, 1e-3}) {
    const double b = 3e-8, a = 1, d = ratio;  // [[a, b], [b, d]]
    const double root = std::sqrt((a - d) * (a - d) / 4 + b * b), large = (a + d) / 2 + root;
    const double small = (a + d) / 2 - root;
    const auto error = head_errors(std::vector{1.0, std::sqrt(d)}, std::vector{b, b});
    EXPECT_LE(std::abs(std::sqrt(large) - 1), error[0]);
    EXPECT_LE(std::abs(std::sqrt(small) - std::sqrt(d)) / std::sqrt(d), error[1] + 1e-16);
    EXPECT_LT(error[0], 5e-8);
    if (ratio == 0.9) {
      EXPECT_LT(error[0], 1e-13);
    }
  }
  EXPECT_LT(head_errors(std::vector{2.0}, std::vector{0.0})[0], 1e-15);
}

TEST(HeadErrors, AClusterSharesItsNorm) {
  const auto error = head_errors(std::vector{1.0, 0.5, 1.0}, std::vector{3e-9, 1e-9, 4e-9});
  EXPECT_NEAR(error[0], 2.5e-9, 1e-12);
  EXPECT_EQ(error[0], error[2]);
  EXPECT_LT(error[1], 1e-14);
}

TEST(TailMethods, NamesAndChoice) {
  for (const TailMethod method :
       {TailMethod::automatic, TailMethod::gram, TailMethod::cascade, TailMethod::svd})
    EXPECT_EQ(parse_tail_method(name(method)), method);
  EXPECT_THROW(parse_tail_method("qr"), Error);
  EXPECT_EQ(choose_tail_method(4000, 9000, 2, true), TailMethod::cascade);
  EXPECT_EQ(choose_tail_method(50, 9000, 2, true), TailMethod::svd);
}

TEST(ExpectedHead, follows_a_power_law) {
  EXPECT_EQ(expected_head(4000, 0, 0), 100);
  EXPECT_EQ(expected_head(3990, 10, 10), 100);
  // Levels of a power law end at 10, 60, 360: each holds five sixths of all that is done.
  EXPECT_EQ(expected_head(3940, 60, 50), 300);
  EXPECT_EQ(expected_head(3640, 360, 300), 1800);
}
