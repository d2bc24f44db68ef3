#include "gram/movement.hpp"

#include "gram/gram_side.hpp"
#include "gram/rounding.hpp"

#include <cmath>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Signals that cost what they are told to and are never made.
class Costed : public SignalSource {
 public:
  Costed(std::int64_t items, std::int64_t inner, SignalCost cost, bool anywhere = true,
         std::int64_t held = 0)
      : items_(items), inner_(inner), cost_(cost), anywhere_(anywhere), held_(held) {}
  std::int64_t held_per_item() const override { return held_; }
  std::int64_t items() const override { return items_; }
  std::int64_t inner() const override { return inner_; }
  SignalCost cost() const override { return cost_; }
  std::string description() const override { return "costed"; }
  bool anywhere() const override { return anywhere_; }
  void make(std::span<const std::int64_t>, std::int64_t, MatrixView<double>) override {}

 private:
  std::int64_t items_, inner_;
  SignalCost cost_;
  bool anywhere_;
  std::int64_t held_;
};

Distribution square(std::int64_t n, int nprow, int npcol) {
  return {CyclicAxis(n, 48, nprow), CyclicAxis(n, 48, npcol)};
}

TEST(Movement, cheap_signals_are_made_in_place) {
  const Costed source(6000, 24000, {0, 1.5e-9});

  const MovementPlan plan = plan_movement(source, square(6000, 1, 2), Movement::automatic, 0);

  EXPECT_EQ(plan.movement, Movement::in_place);
  EXPECT_THAT(plan.reason, HasSubstr("counted"));
}

TEST(Movement, dear_signals_are_made_once) {
  const Costed source(6000, 6000, {12000, 2e-9});

  const MovementPlan plan = plan_movement(source, square(6000, 1, 2), Movement::automatic, 0);

  EXPECT_EQ(plan.movement, Movement::made_once);
  EXPECT_NEAR(plan.in_place_seconds, 6000.0 * 6000 * (12000 / 4e10 + 2e-9), 1e-6);
}

TEST(Movement, the_users_word_holds) {
  const Costed source(500, 700, {1e6, 1});
  const Distribution d = square(500, 2, 2);

  EXPECT_EQ(plan_movement(source, d, Movement::in_place, 0).movement, Movement::in_place);
  EXPECT_EQ(plan_movement(source, d, Movement::made_once, 5).chunk, 5);
  EXPECT_EQ(plan_movement(source, d, Movement::made_once, 5000).chunk, 700);
}

TEST(Movement, signals_held_by_one_rank_must_travel) {
  const Costed source(500, 700, {0, 0}, false);

  const MovementPlan plan = plan_movement(source, square(500, 1, 2), Movement::in_place, 0);

  EXPECT_EQ(plan.movement, Movement::made_once);
  EXPECT_THAT(plan.reason, HasSubstr("not possible"));
}

TEST(Movement, one_rank_makes_in_place) {
  const Costed source(500, 700, {100, 0});

  EXPECT_THAT(plan_movement(source, square(500, 1, 1), Movement::automatic, 0).reason,
              StartsWith("in_place: one rank"));
}

TEST(Movement, workspace_stays_below_its_share_of_the_matrix) {
  for (const auto& [n, nprow, npcol] :
       {std::tuple(6000L, 1, 2), {33000L, 1, 2}, {100000L, 8, 8}, {1000000L, 64, 128}})
    for (const Movement movement : {Movement::in_place, Movement::made_once}) {
      const Costed source(n, 4 * n, {0, 1e-9});
      const MovementPlan plan = plan_movement(source, square(n, nprow, npcol), movement, 0);
      const double share = static_cast<double>(n) * static_cast<double>(n) / (nprow * npcol);
      EXPECT_LT(static_cast<double>(plan.workspace_doubles), 0.26 * share) << n;
      EXPECT_GE(plan.chunk, 256) << n;
      EXPECT_LE(plan.chunk, 1024) << n;
    }
}

TEST(Movement, what_is_held_makes_chunks_shorter_and_stays_below_one_share) {
  const Distribution d = square(6000, 1, 2);
  const double share = 6000.0 * static_cast<double>(d.cols.local_extent(0));

  const MovementPlan held =
      plan_movement(Costed(6000, 6000, {1e4, 0}, true, 6000), d, Movement::automatic, 0);
  const MovementPlan again =
      plan_movement(Costed(6000, 6000, {1e4, 0}, true, 6100), d, Movement::automatic, 0);

  EXPECT_TRUE(held.hold);
  EXPECT_LT(static_cast<double>(held.workspace_doubles), 1.15 * share);
  EXPECT_FALSE(again.hold);
  EXPECT_GT(again.chunk, held.chunk);
}

TEST(Movement, chunks_are_even) {
  const Costed source(6000, 1030, {0, 1e-9});

  const MovementPlan plan = plan_movement(source, square(6000, 1, 1), Movement::automatic, 0);

  EXPECT_EQ(plan.chunk % 8, 0);
  EXPECT_GE(1030 % plan.chunk == 0 ? plan.chunk : 1030 % plan.chunk, plan.chunk / 2);
}

TEST(Movement, shares_of_a_grid_row_are_contiguous_and_complete) {
  for (const std::int64_t rows : {0, 1, 5, 100})
    for (const int npcol : {1, 2, 3, 7}) {
      std::int64_t next = 0;
      for (int c = 0; c < npcol; ++c) {
        const Share share = local_share(rows, npcol, c);
        EXPECT_EQ(share.first, next);
        next += share.count;
      }
      EXPECT_EQ(next, rows);
    }
}

TEST(Movement, names_are_read_back) {
  for (const Movement m : {Movement::automatic, Movement::in_place, Movement::made_once})
    EXPECT_EQ(parse_movement(name(m)), m);
  EXPECT_FALSE(parse_movement("by_mail"));
  for (const GramSide s : {GramSide::automatic, GramSide::gram, GramSide::covariance})
    EXPECT_EQ(parse_gram_side(name(s)), s);
  EXPECT_FALSE(parse_gram_side(""));
}

TEST(GramSide, automatic_is_the_smaller_one) {
  EXPECT_EQ(choose_side(GramSide::automatic, 10, 9), GramSide::covariance);
  EXPECT_EQ(choose_side(GramSide::automatic, 9, 10), GramSide::gram);
  EXPECT_EQ(choose_side(GramSide::automatic, 9, 9), GramSide::gram);
  EXPECT_EQ(choose_side(GramSide::gram, 10, 2), GramSide::gram);
}

TEST(Rounding, even_signals_grow_as_the_square_root_of_a_chunk_over_the_chunks) {
  const std::vector<double> trace = {1, 1, 1, 1};
  const std::vector<std::int64_t> length = {100, 100, 100, 100};

  EXPECT_DOUBLE_EQ(rounding_length(trace, length), std::sqrt(100.0 / 4 + 4));
}

TEST(Rounding, a_first_chunk_that_dominates_counts_alone) {
  const std::vector<double> trace = {1, 0, 0};
  const std::vector<std::int64_t> length = {256, 256, 256};

  EXPECT_DOUBLE_EQ(rounding_length(trace, length), std::sqrt(256.0 + 3));
}

TEST(Rounding, nothing_summed_is_one) {
  EXPECT_EQ(rounding_length({}, {}), 1.0);
}

}  // namespace
}  // namespace fathom
