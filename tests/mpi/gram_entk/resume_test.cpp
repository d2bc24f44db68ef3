// Assemblies of the tangent kernel that were stopped between two blocks and are gone on with, on
// other ranks, grids, blocks, strips and movements.

#include "explicit_gradients.hpp"
#include "memory_keeper.hpp"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double tolerance = 1e-13;

/// The assembly, and what its last run did.
struct Watched {
  EmpiricalNtk ntk;
  double flops = 0;
  Assembler assemble = [this](const ProcessGrid& grid, std::int64_t block,
                              const AssemblyOptions& options) {
    Assembly made = assemble_empirical_ntk(grid, block, ntk, options);
    flops = made.report.product_flops;
    return made;
  };
};

std::string text(const Way& way) {
  return fmt::format("{} ranks, {}x{}, block {}, {}, chunk {}", way.ranks, way.shape.nprow,
                     way.shape.npcol, way.block, name(way.movement), way.chunk);
}

/// All of them on few ranks; on more those that leave none idle.
std::vector<Way> ways(int ranks) {
  std::vector<Way> all;
  for (int p = ranks > 2 ? ranks : 1; p <= ranks; ++p)
    for (const GridShape shape : shapes(p))
      for (const std::int64_t block : {2, 3})
        for (const Movement movement : {Movement::in_place, Movement::made_once})
          for (const std::int64_t chunk : {0, 5}) {
            if (ranks > 2 && (shape.nprow * shape.npcol < ranks || chunk == 0)) continue;
            if (chunk > 0 || block == 3) all.push_back({p, shape, block, chunk, movement});
          }
  return all;
}

/// Rows outside, columns outside; one panel for both sides, copied ones, travelling ones.
std::vector<Way> first_ways(int ranks) {
  std::vector<Way> all{{1, {1, 1}, 3, 5, Movement::in_place},
                       {1, {1, 1}, 3, 0, Movement::in_place}};
  for (const GridShape shape : {GridShape{1, ranks}, GridShape{ranks, 1}})
    for (const Movement movement : {Movement::in_place, Movement::made_once})
      if (ranks > 1) all.push_back({ranks, shape, 3, 5, movement});
  if (ranks == 4) all.push_back({4, {2, 2}, 2, 4, Movement::made_once});
  return all;
}

TEST(EntkResume, IsTheSameKernelOnEveryLayout) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("three", {.input = 4, .hidden = {9}, .classes = 3}, 13);
  for (const NtkKind kind : {NtkKind::all_outputs, NtkKind::trace_kernel}) {
    if (world.size() > 2 && kind != NtkKind::all_outputs) continue;
    Watched watched{c.ntk(kind)};
    for (const Way& first : first_ways(world.size())) {
      MemoryKeeper counting(0);
      const Made whole = run_with(world, first, watched.assemble, &counting);
      std::vector<std::int64_t> blocks{std::ssize(counting.seen)};
      world.broadcast(std::span(blocks));
      for (const std::int64_t stop_at :
           std::set<std::int64_t>{1, (blocks[0] + 1) / 2, blocks[0] - 1, blocks[0]}) {
        if (stop_at < 1 || (world.size() > 2 && stop_at != (blocks[0] + 1) / 2)) continue;
        MemoryKeeper stopping(stop_at);
        ASSERT_TRUE(run_with(world, first, watched.assemble, &stopping).stopped) << text(first);
        for (const Way& way : ways(world.size())) {
          MemoryKeeper resumed(0, stopping.kept);
          const Made got = run_with(world, way, watched.assemble, &resumed);
          const std::string where = fmt::format("{}: {} after {} of {} blocks in {}", name(kind),
                                                text(way), stop_at, blocks[0], text(first));
          EXPECT_LT(relative_difference(got.values, whole.values), tolerance) << where;
          EXPECT_NEAR(got.error, whole.error, 1e-13 * whole.error) << where;
          if (way == first) {
            EXPECT_EQ(got.values, whole.values) << where;
            EXPECT_EQ(got.error, whole.error) << where;
            if (world.root()) {
              EXPECT_EQ(std::ssize(resumed.seen), blocks[0] - stop_at) << where;
            }
          }
        }
      }
    }
  }
}

/// Every element is made once, but for a block's rows and columns a process at the seams.
TEST(EntkResume, WhatWasMadeIsNotMadeAgain) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("long", {.input = 4, .hidden = {9}, .classes = 1}, 90);
  Watched watched{c.ntk(NtkKind::all_outputs)};
  const std::vector<Way> among{{1, {1, 1}, 2, 9, Movement::in_place},
                               {world.size(), {1, world.size()}, 2, 9, Movement::in_place},
                               {world.size(), {world.size(), 1}, 2, 9, Movement::made_once}};
  for (const Way& first : among)
    for (const Way& second : among) {
      run_with(world, second, watched.assemble, nullptr);
      const double all = watched.flops;
      MemoryKeeper counting(0);
      run_with(world, first, watched.assemble, &counting);
      std::vector<std::int64_t> blocks{std::ssize(counting.seen) / 2};
      world.broadcast(std::span(blocks));
      MemoryKeeper stopping(blocks[0]);
      ASSERT_TRUE(run_with(world, first, watched.assemble, &stopping).stopped);
      const double kept = static_cast<double>(stopping.kept.mark.done) /
                          static_cast<double>(stopping.kept.mark.total);
      EXPECT_GT(kept, 0.3) << text(first);
      EXPECT_LT(kept, 0.85) << text(first);
      MemoryKeeper resumed(0, stopping.kept);
      ASSERT_FALSE(run_with(world, second, watched.assemble, &resumed).stopped);
      if (world.root()) {
        // Products are counted with what is above the diagonal in them.
        EXPECT_LT(watched.flops, (1 - kept + 0.25) * all) << text(first) << "; " << text(second);
        EXPECT_GT(watched.flops, (1 - kept - 0.25) * all) << text(first) << "; " << text(second);
        EXPECT_GE(resumed.seen.front(), stopping.kept.mark.done);
        EXPECT_EQ(resumed.seen.back(), stopping.kept.mark.total);
      }
    }
}

TEST(EntkResume, StoppedAgainAndAgainInOtherLayoutsItIsStillTheSame) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("three", {.input = 4, .hidden = {9}, .classes = 3}, 13);
  Watched watched{c.ntk(NtkKind::all_outputs)};
  const int ranks = world.size();
  const std::vector<Way> all{{ranks, {1, ranks}, 3, 5, Movement::made_once},
                             {ranks, {ranks, 1}, 2, 4, Movement::in_place},
                             {1, {1, 1}, 3, 7, Movement::in_place},
                             {ranks, {ranks, 1}, 3, 5, Movement::made_once}};
  const Made whole = run_with(world, all[0], watched.assemble, nullptr);
  KeptInMemory kept;
  for (const Way& way : all) {
    for (const std::int64_t blocks : {2, 1}) {  // the second in the layout of the first
      MemoryKeeper stopping(blocks, kept);
      ASSERT_TRUE(run_with(world, way, watched.assemble, &stopping).stopped) << text(way);
      EXPECT_GE(stopping.kept.mark.done, kept.mark.done);
      kept = stopping.kept;
    }
  }
  MemoryKeeper last(0, kept);
  const Made got = run_with(world, all[0], watched.assemble, &last);
  EXPECT_LT(relative_difference(got.values, whole.values), tolerance);
}

/// Planted: a value that was kept wrong is in the result, so what was kept is really used.
TEST(EntkResume, AKeptValueIsNotLookedAtAgain) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("three", {.input = 4, .hidden = {9}, .classes = 3}, 13);
  Watched watched{c.ntk(NtkKind::all_outputs)};
  const Way way{world.size(), {1, world.size()}, 3, 5, Movement::made_once};
  const Made whole = run_with(world, way, watched.assemble, nullptr);
  MemoryKeeper stopping(4);
  ASSERT_TRUE(run_with(world, way, watched.assemble, &stopping).stopped);
  stopping.kept.lower[0] += 1;
  MemoryKeeper resumed(0, stopping.kept);
  const Made got = run_with(world, way, watched.assemble, &resumed);
  EXPECT_EQ(got.values[0], whole.values[0] + 1);
  EXPECT_EQ(std::vector(got.values.begin() + 1, got.values.end()),
            std::vector(whole.values.begin() + 1, whole.values.end()));
}

TEST(EntkResume, AMarkThatIsNoneOfItsOwnIsNotTakenUp) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("three", {.input = 4, .hidden = {9}, .classes = 3}, 13);
  Watched watched{c.ntk(NtkKind::all_outputs)};
  const Way way{world.size(), {1, world.size()}, 3, 5, Movement::made_once};
  const Made whole = run_with(world, way, watched.assemble, nullptr);
  MemoryKeeper stopping(4);
  ASSERT_TRUE(run_with(world, way, watched.assemble, &stopping).stopped);
  const auto without = [](AssemblyMark& mark) { mark.plan.pop_back(); };
  const auto beyond = [](AssemblyMark& mark) { mark.plan.back() += 40; };
  const auto empty = [](AssemblyMark& mark) { mark.plan[2] = 0; };
  const auto nothing = [](AssemblyMark& mark) { mark.plan.clear(); };
  const auto other = [](AssemblyMark& mark) { mark.total += 1; };
  for (const std::function<void(AssemblyMark&)>& spoil :
       std::vector<std::function<void(AssemblyMark&)>>{without, beyond, empty, nothing, other}) {
    MemoryKeeper resumed(0, stopping.kept);
    spoil(resumed.kept.mark);
    EXPECT_EQ(run_with(world, way, watched.assemble, &resumed).values, whole.values);
  }
}

}  // namespace
}  // namespace fathom
