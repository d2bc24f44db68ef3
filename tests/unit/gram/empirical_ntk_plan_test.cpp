// Movements and strips of the empirical tangent kernel, counted by hand.

#include "gram/empirical_ntk_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;

Distribution square(std::int64_t n, std::int64_t block, int nprow, int npcol) {
  return {CyclicAxis(n, block, nprow), CyclicAxis(n, block, npcol)};
}

TEST(EntkPlan, counts_the_samples_that_rows_touch) {
  EXPECT_EQ(samples_of_rows(12, 1, 4), 12);
  EXPECT_EQ(samples_of_rows(2, 3, 4), 2);
  // 30 rows of 3 a sample in blocks of 10: never more than 8 blocks' ends beside 10 whole samples.
  EXPECT_EQ(samples_of_rows(30, 3, 10), 18);
}

TEST(EntkPlan, holds_the_side_that_contains_the_other_one_and_copies_it) {
  const SignalSizes sizes{1, 100, 50, 1e6};
  const EntkPlan one = plan_empirical_ntk(sizes, square(3000, 48, 1, 1), Movement::automatic, 0);
  EXPECT_EQ(one.movement, Movement::in_place);
  EXPECT_TRUE(one.rows_outer);
  EXPECT_TRUE(one.copies);
  EXPECT_EQ(one.outer, 3000);
  EXPECT_EQ(one.outer_strips, 1);
  EXPECT_EQ(one.inner_strips, 3);
  EXPECT_DOUBLE_EQ(one.in_place_seconds, 3000 * 1e6 / 4e10);
  EXPECT_FALSE(plan_empirical_ntk(sizes, square(3000, 48, 4, 1), Movement::in_place, 0).rows_outer);
}

TEST(EntkPlan, makes_once_where_signals_are_dear_and_ranks_are_many) {
  const Distribution d = square(3200, 32, 4, 4);
  const SignalSizes cheap{1, 100, 50, 1e3}, dear{1, 100, 50, 1e9};
  const EntkPlan a = plan_empirical_ntk(cheap, d, Movement::automatic, 0);
  EXPECT_EQ(a.movement, Movement::in_place);
  const EntkPlan b = plan_empirical_ntk(dear, d, Movement::automatic, 0);
  EXPECT_EQ(b.movement, Movement::made_once);
  // 800 local rows and as many columns; a quarter of each is made, three quarters arrive.
  EXPECT_NEAR(b.in_place_seconds, 1600 * 1e9 / 4e10, 1e-9);
  EXPECT_NEAR(b.made_once_seconds, 400 * 1e9 / 4e10 + 1600 * 150 * 0.75 * 8 / 2e9, 1e-9);
  EXPECT_FALSE(b.copies);
  const EntkPlan asked = plan_empirical_ntk(dear, d, Movement::in_place, 0);
  EXPECT_EQ(asked.movement, Movement::in_place);
  EXPECT_THAT(asked.reason, HasSubstr("as asked"));
}

TEST(EntkPlan, may_end_after_ten_seconds_of_products) {
  // 4e11 flops a block: 4000 rows of 1e6 a pair against 100 columns.
  const SignalSizes dear{1, 10, 50, 1e6, 1e6}, dearest{1, 10, 50, 1e6, 1e9},
      cheap{1, 10, 50, 1e6, 1e3};
  const Distribution d = square(4000, 50, 1, 1);
  EXPECT_EQ(plan_empirical_ntk(dear, d, Movement::automatic, 0).inner, 100);
  EXPECT_EQ(plan_empirical_ntk(dearest, d, Movement::automatic, 0).inner, 64);
  EXPECT_EQ(plan_empirical_ntk(cheap, d, Movement::automatic, 0).inner, 1000);
  EXPECT_EQ(plan_empirical_ntk(dear, d, Movement::automatic, 0).outer, 4000);
}

TEST(EntkPlan, stays_below_a_share_of_the_matrix) {
  // 2^26 elements a rank, signals of 2^14: 4096 samples fit.
  const SignalSizes sizes{1, 1 << 13, 1 << 13, 1e6};
  const EntkPlan plan =
      plan_empirical_ntk(sizes, square(1 << 14, 64, 2, 2), Movement::automatic, 0);
  EXPECT_LE(plan.workspace_doubles, 1 << 26);
  EXPECT_GT(plan.workspace_doubles, 1 << 25);
  EXPECT_GE(plan.outer * plan.outer_strips, 1 << 13);
  EXPECT_GE(plan.inner * plan.inner_strips, 1 << 13);
  EXPECT_LT((plan.outer - 1) * plan.outer_strips, 1 << 13);
}

TEST(EntkPlan, keeps_to_the_strips_that_are_asked_for) {
  const EntkPlan plan =
      plan_empirical_ntk({3, 10, 10, 1e6}, square(30, 4, 1, 2), Movement::made_once, 7);
  EXPECT_EQ(plan.outer, 6);  // 30 rows in 5 even strips
  EXPECT_EQ(plan.outer_strips, 5);
  EXPECT_EQ(plan.inner, 6);  // 16 columns in 3
  EXPECT_EQ(plan.inner_strips, 3);
}

}  // namespace
}  // namespace fathom
