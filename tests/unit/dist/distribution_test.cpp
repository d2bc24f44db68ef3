#include "dist/distribution.hpp"

#include "comm/process_grid.hpp"

#include <cstdint>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

/// Deals the blocks out one by one: the definition.
std::vector<std::vector<std::int64_t>> dealt_out(std::int64_t extent, std::int64_t block,
                                                 int procs) {
  std::vector<std::vector<std::int64_t>> held(static_cast<std::size_t>(procs));
  for (std::int64_t i = 0; i < extent; ++i)
    held[static_cast<std::size_t>(i / block) % held.size()].push_back(i);
  return held;
}

class CyclicAxisOf : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t, int>> {};

TEST_P(CyclicAxisOf, agrees_with_dealing_out_blocks) {
  const auto [extent, block, procs] = GetParam();
  const CyclicAxis axis(extent, block, procs);
  const auto held = dealt_out(extent, block, procs);
  for (int proc = 0; proc < procs; ++proc) {
    const auto& mine = held[static_cast<std::size_t>(proc)];
    ASSERT_EQ(axis.local_extent(proc), std::ssize(mine));
    EXPECT_EQ(axis.global_indices(proc), mine);
    for (std::int64_t l = 0; l < std::ssize(mine); ++l) {
      const GlobalIndex i(mine[static_cast<std::size_t>(l)]);
      EXPECT_EQ(axis.global(LocalIndex(l), proc), i);
      EXPECT_EQ(axis.owner(i), proc);
      EXPECT_EQ(axis.local(i), LocalIndex(l));
    }
    for (std::int64_t i = 0; i <= extent + 1; ++i) {
      const auto first = std::lower_bound(mine.begin(), mine.end(), i) - mine.begin();
      ASSERT_EQ(axis.lower_bound(GlobalIndex(i), proc).value(), first) << i << " on " << proc;
    }
  }
}

TEST_P(CyclicAxisOf, runs_cover_exactly_a_range) {
  const auto [extent, block, procs] = GetParam();
  const CyclicAxis axis(extent, block, procs);
  const auto held = dealt_out(extent, block, procs);
  for (const auto& [first, last] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, extent}, {extent / 3, extent / 2}, {1, extent - 1}, {extent, extent}, {5, 5}}) {
    for (int proc = 0; proc < procs; ++proc) {
      std::vector<std::int64_t> wanted, found;
      for (const std::int64_t i : held[static_cast<std::size_t>(proc)])
        if (i >= first && i < last) wanted.push_back(i);
      for (const auto& run : axis.runs(proc, GlobalIndex(first), GlobalIndex(last)))
        for (std::int64_t k = 0; k < run.count; ++k) {
          found.push_back(run.global + k);
          EXPECT_EQ(axis.local(GlobalIndex(run.global + k)), LocalIndex(run.local + k));
        }
      EXPECT_EQ(found, wanted) << first << " to " << last << " on " << proc;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(layouts, CyclicAxisOf,
                         testing::Combine(testing::Values<std::int64_t>(0, 1, 2, 15, 16, 17, 63, 65,
                                                                        257, 1000),
                                          testing::Values<std::int64_t>(1, 3, 16, 64, 2000),
                                          testing::Values(1, 2, 3, 8, 9)));

TEST(CyclicAxis, idle_process_holds_nothing) {
  const CyclicAxis axis(100, 7, 3);
  EXPECT_EQ(axis.local_extent(-1), 0);
  EXPECT_EQ(axis.lower_bound(GlobalIndex(5), -1), LocalIndex(0));
  EXPECT_THAT(axis.global_indices(-1), testing::IsEmpty());
  EXPECT_THAT(axis.runs(-1), testing::IsEmpty());
}

TEST(CyclicAxis, counts_beyond_32_bits) {
  // 10^12 + 1 elements in blocks of 64 over 7 processes: 15,625,000,000 whole blocks and one
  // element; 15,625,000,000 = 7·2,232,142,857 + 1.
  const CyclicAxis axis(1'000'000'000'001, 64, 7);
  EXPECT_EQ(axis.local_extent(0), 64 * 2'232'142'858);
  EXPECT_EQ(axis.local_extent(1), 64 * 2'232'142'857 + 1);
  EXPECT_EQ(axis.local_extent(2), 64 * 2'232'142'857);
  const GlobalIndex last(1'000'000'000'000);
  EXPECT_EQ(axis.owner(last), 1);
  EXPECT_EQ(axis.local(last), LocalIndex(64 * 2'232'142'857));
  EXPECT_EQ(axis.global(LocalIndex(64 * 2'232'142'857), 1), last);
  EXPECT_EQ(axis.lower_bound(last, 0), LocalIndex(axis.local_extent(0)));
  for (const std::int64_t i : {2147483647L, 2147483648L, 4294967296L, 999999999999L}) {
    const GlobalIndex index(i);
    EXPECT_EQ(axis.global(axis.local(index), axis.owner(index)), index);
  }
}

TEST(Distribution, nine_by_eight_grid) {
  const Distribution d{CyclicAxis(257, 3, 9), CyclicAxis(1000, 16, 8)};
  std::int64_t sum = 0;
  for (int p = 0; p < 9; ++p)
    for (int q = 0; q < 8; ++q)
      sum += d.local_size(p, q);
  EXPECT_EQ(sum, 257 * 1000);
  // Element (100, 500): row block 33 = 3·9 + 6, local block 3; column block 31 = 3·8 + 7.
  EXPECT_EQ(d.rows.owner(GlobalIndex(100)), 6);
  EXPECT_EQ(d.rows.local(GlobalIndex(100)), LocalIndex(10));
  EXPECT_EQ(d.cols.owner(GlobalIndex(500)), 7);
  EXPECT_EQ(d.cols.local(GlobalIndex(500)), LocalIndex(52));
}

TEST(Distribution, local_size_beyond_32_bits) {
  const Distribution d{CyclicAxis(66'000, 64, 1), CyclicAxis(66'000, 64, 2)};
  EXPECT_EQ(d.local_size(0, 0) + d.local_size(0, 1), std::int64_t{66'000} * 66'000);
  EXPECT_GT(d.local_size(0, 0), std::int64_t{1} << 31);
}

TEST(CyclicAxisDeathTest, index_out_of_range_is_a_bug) {
  const CyclicAxis axis(10, 2, 2);
  EXPECT_EXIT(axis.owner(GlobalIndex(10)), testing::ExitedWithCode(70), "index 10 of 10");
  EXPECT_EXIT(axis.local(GlobalIndex(-1)), testing::ExitedWithCode(70), "index -1 of 10");
  EXPECT_EXIT(axis.global(LocalIndex(6), 0), testing::ExitedWithCode(70), "local index 6");
  EXPECT_EXIT(CyclicAxis(10, 0, 2), testing::ExitedWithCode(70), "block 0");
}

TEST(ChooseGrid, near_square_with_few_idle_ranks) {
  const auto shape = [](int ranks) { return choose_grid(ranks, 100'000, 64); };
  EXPECT_EQ(shape(1), (GridShape{1, 1}));
  EXPECT_EQ(shape(2), (GridShape{1, 2}));
  EXPECT_EQ(shape(3), (GridShape{1, 3}));
  EXPECT_EQ(shape(4), (GridShape{2, 2}));
  EXPECT_EQ(shape(5), (GridShape{2, 2}));
  EXPECT_EQ(shape(6), (GridShape{2, 3}));
  EXPECT_EQ(shape(7), (GridShape{2, 3}));
  EXPECT_EQ(shape(8), (GridShape{2, 4}));
  EXPECT_EQ(shape(9), (GridShape{3, 3}));
  EXPECT_EQ(shape(11), (GridShape{3, 3}));
  EXPECT_EQ(shape(12), (GridShape{3, 4}));
  EXPECT_EQ(shape(64), (GridShape{8, 8}));
}

TEST(ChooseGrid, never_more_ranks_than_blocks) {
  EXPECT_EQ(choose_grid(6, 64, 64), (GridShape{1, 1}));
  EXPECT_EQ(choose_grid(6, 65, 64), (GridShape{2, 2}));
  EXPECT_EQ(choose_grid(3, 65, 64), (GridShape{1, 2}));
  EXPECT_EQ(choose_grid(100, 1, 1), (GridShape{1, 1}));
  EXPECT_EQ(choose_grid(100, 0, 16), (GridShape{1, 1}));
}

TEST(ChooseGrid, holds_its_bounds_for_many_rank_counts) {
  for (int ranks = 1; ranks <= 200; ++ranks) {
    const GridShape g = choose_grid(ranks, 10'000, 64);
    EXPECT_LE(g.nprow, g.npcol);
    EXPECT_LE(g.nprow * g.npcol, ranks);
    EXPECT_GE(g.nprow * g.npcol, ranks * 3 / 4) << ranks;
  }
}

}  // namespace
}  // namespace fathom
