#include "comm/communicator.hpp"

#include "comm/process_grid.hpp"
#include "comm/session.hpp"

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// What agree throws on this rank.
struct Thrown {
  bool any = false;
  ExitCode code = ExitCode::ok;
  std::string message;
};

Thrown agreed(const Communicator& comm, const std::function<void()>& action) {
  try {
    comm.agree(action);
    return {};
  } catch (const AgreedError& error) {
    return {true, error.code(), error.what()};
  }
}

TEST(Communicator, reduces_over_all_ranks) {
  const Communicator world = Communicator::world();
  const int p = world.size(), r = world.rank();
  std::vector<double> values{double(r), 1.0};
  world.sum(std::span(values));
  EXPECT_THAT(values, ElementsAre(p * (p - 1) / 2.0, double(p)));
  EXPECT_EQ(world.max(double(r)), p - 1.0);
  EXPECT_EQ(world.min(double(r)), 0.0);
  EXPECT_EQ(world.sum((std::int64_t{1} << 40) + r), (std::int64_t{p} << 40) + p * (p - 1) / 2);
  EXPECT_EQ(world.max(std::int64_t{r}), p - 1);
  EXPECT_EQ(world.min(std::int64_t{r}), 0);
}

TEST(Communicator, broadcasts_from_every_root) {
  const Communicator world = Communicator::world();
  for (int root = 0; root < world.size(); ++root) {
    std::string text = world.rank() == root ? "from " + std::to_string(root) : "something longer";
    world.broadcast(text, root);
    EXPECT_EQ(text, "from " + std::to_string(root));
    std::vector<double> values(5, world.rank() == root ? 2.5 : 0.0);
    world.broadcast(std::span(values), root);
    EXPECT_THAT(values, testing::Each(2.5));
  }
  std::string empty = world.root() ? "" : "not empty";
  world.broadcast(empty);
  EXPECT_EQ(empty, "");
}

TEST(Communicator, gathers_texts_of_different_lengths) {
  const Communicator world = Communicator::world();
  const auto texts = world.gather(std::string(static_cast<std::size_t>(world.rank()), 'x'));
  const auto values = world.gather(0.5 * world.rank());
  if (!world.root()) {
    EXPECT_TRUE(texts.empty() && values.empty());
    return;
  }
  ASSERT_EQ(std::ssize(texts), world.size());
  for (std::size_t r = 0; r < texts.size(); ++r) {
    EXPECT_EQ(texts[r].size(), r);
    EXPECT_EQ(values[r], 0.5 * double(r));
  }
}

TEST(Communicator, splits_by_color_and_key) {
  const Communicator world = Communicator::world();
  const int r = world.rank(), p = world.size();
  const Communicator half = world.split(r % 2, -r);
  EXPECT_EQ(half.size(), r % 2 == 0 ? (p + 1) / 2 : p / 2);
  EXPECT_EQ(half.rank(), half.size() - 1 - r / 2);
  const Communicator first = world.split(r == 0 ? 3 : -1, 0);
  EXPECT_EQ(first.is_null(), r != 0);
}

TEST(Communicator, moves_leave_one_owner) {
  Communicator a = Communicator::world();
  const MPI_Comm native = a.native();
  Communicator b = std::move(a);
  EXPECT_EQ(b.native(), native);
  Communicator c;
  EXPECT_TRUE(c.is_null());
  c = std::move(b);
  EXPECT_EQ(c.native(), native);
  EXPECT_EQ(c.size(), Communicator::world().size());
}

TEST(Agree, nothing_thrown_nothing_happens) {
  const Communicator world = Communicator::world();
  EXPECT_FALSE(agreed(world, [] {}).any);
}

TEST(Agree, each_rank_failing_in_turn) {
  const Communicator world = Communicator::world();
  for (int bad = 0; bad < world.size(); ++bad) {
    const Thrown thrown = agreed(world, [&] {
      if (world.rank() == bad) throw Error(ExitCode::io, "disk {} is full", bad);
    });
    ASSERT_TRUE(thrown.any);
    EXPECT_EQ(thrown.code, ExitCode::io);
    EXPECT_THAT(thrown.message, HasSubstr("disk " + std::to_string(bad) + " is full"));
    if (world.size() > 1) {
      EXPECT_THAT(thrown.message, HasSubstr("(rank " + std::to_string(bad) + " of "));
    }
  }
}

TEST(Agree, first_failing_rank_names_the_cause_and_the_count_follows) {
  const Communicator world = Communicator::world();
  if (world.size() < 3) GTEST_SKIP() << "needs 3 ranks";
  const Thrown thrown = agreed(world, [&] {
    if (world.rank() == 1) throw Error(ExitCode::input, "first");
    if (world.rank() == 2) throw Error(ExitCode::solver, "second");
  });
  EXPECT_EQ(thrown.code, ExitCode::input);
  EXPECT_EQ(thrown.message,
            "first (rank 1; 2 of " + std::to_string(world.size()) + " ranks failed)");
}

TEST(Agree, all_ranks_failing_alike_need_no_rank) {
  const Communicator world = Communicator::world();
  EXPECT_EQ(agreed(world, [] { throw Error(ExitCode::deck, "bad deck"); }).message, "bad deck");
}

TEST(Agree, out_of_memory_and_foreign_exceptions_have_codes) {
  const Communicator world = Communicator::world();
  const int last = world.size() - 1;
  EXPECT_EQ(agreed(world,
                   [&] {
                     if (world.rank() == last) throw std::bad_alloc();
                   })
                .code,
            ExitCode::no_fit);
  const Thrown foreign = agreed(world, [&] {
    if (world.rank() == last) throw std::runtime_error("strange");
  });
  EXPECT_EQ(foreign.code, ExitCode::internal);
  EXPECT_THAT(foreign.message, HasSubstr("strange"));
  EXPECT_EQ(agreed(world,
                   [&] {
                     if (world.rank() == last) throw 7;
                   })
                .code,
            ExitCode::internal);
}

TEST(Agree, communicator_is_usable_afterwards) {
  const Communicator world = Communicator::world();
  EXPECT_TRUE(agreed(world, [] { throw Error(ExitCode::io, "x"); }).any);
  EXPECT_EQ(world.sum(1.0), double(world.size()));
}

TEST(CheckMpi, says_what_failed) {
  try {
    check_mpi(MPI_ERR_COUNT, "MPI_Something");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), HasSubstr("MPI_Something failed: MPI_ERR_COUNT"));
  }
}

TEST(CheckMpi, communicators_return_errors_instead_of_aborting) {
  const Communicator world = Communicator::world();
  std::vector<double> values(1);
  EXPECT_THROW(world.broadcast(std::span(values), world.size() + 5), Error);
}

/// Shapes of every kind that fit: flat, tall, near-square, with idle ranks.
std::vector<GridShape> shapes_within(int ranks) {
  std::vector<GridShape> shapes;
  for (int p = 1; p <= ranks; ++p)
    for (int q = 1; p * q <= ranks; ++q)
      shapes.push_back({p, q});
  return shapes;
}

void expect_consistent(const ProcessGrid& grid, const Communicator& comm, GridOrder order) {
  const int active = grid.nprow() * grid.npcol();
  ASSERT_EQ(grid.active(), comm.rank() < active);
  EXPECT_EQ(grid.parent().size(), comm.size());
  if (!grid.active()) {
    EXPECT_EQ(grid.myrow(), -1);
    EXPECT_EQ(grid.mycol(), -1);
    EXPECT_EQ(grid.blacs_context(), -1);
    EXPECT_TRUE(grid.active_comm().is_null() && grid.row_comm().is_null() &&
                grid.column_comm().is_null());
    return;
  }
  const int wanted = order == GridOrder::row_major ? grid.myrow() * grid.npcol() + grid.mycol()
                                                   : grid.myrow() + grid.mycol() * grid.nprow();
  EXPECT_EQ(comm.rank(), wanted);
  EXPECT_EQ(grid.rank_of(grid.myrow(), grid.mycol()), comm.rank());
  EXPECT_EQ(grid.active_comm().size(), active);
  EXPECT_EQ(grid.active_comm().rank(), comm.rank());
  EXPECT_EQ(grid.row_comm().rank(), grid.mycol());
  EXPECT_EQ(grid.row_comm().size(), grid.npcol());
  EXPECT_EQ(grid.column_comm().rank(), grid.myrow());
  EXPECT_EQ(grid.column_comm().size(), grid.nprow());
  EXPECT_EQ(grid.row_comm().max(double(grid.myrow())), grid.myrow());
  EXPECT_EQ(grid.column_comm().min(double(grid.mycol())), grid.mycol());
}

TEST(ProcessGrid, every_shape_in_both_orders) {
  const Communicator world = Communicator::world();
  for (const GridShape shape : shapes_within(world.size()))
    for (const GridOrder order : {GridOrder::row_major, GridOrder::column_major}) {
      const ProcessGrid grid(world, shape, order);
      EXPECT_EQ(grid.shape(), shape);
      expect_consistent(grid, world, order);
    }
}

TEST(ProcessGrid, each_part_of_a_split_communicator_has_its_own) {
  const Communicator world = Communicator::world();
  const Communicator part = world.split(world.rank() % 2, -world.rank());
  for (const GridShape shape : shapes_within(part.size())) {
    const ProcessGrid grid(part, shape, GridOrder::column_major);
    expect_consistent(grid, part, GridOrder::column_major);
  }
}

TEST(ProcessGrid, copies_share_one_context_to_the_last) {
  const Communicator world = Communicator::world();
  ProcessGrid* original = new ProcessGrid(world, {1, world.size()});
  const ProcessGrid copy = *original;
  const int context = original->blacs_context();
  delete original;
  EXPECT_EQ(copy.blacs_context(), context);
  EXPECT_EQ(copy.row_comm().sum(1.0), double(world.size()));
}

TEST(ProcessGrid, hundreds_in_turn_are_freed) {
  // Open MPI runs out of communicators, and BLACS of contexts, where they are not given back.
  const Communicator world = Communicator::world();
  int last = 0;
  for (int k = 0; k < 300; ++k)
    last = ProcessGrid(world, {1, 1}).union_context();
  EXPECT_LT(last, 50);
}

TEST(ProcessGrid, refuses_a_shape_that_does_not_fit) {
  const Communicator world = Communicator::world();
  for (const GridShape shape : {GridShape{0, 1}, GridShape{1, world.size() + 1}, GridShape{-1, -1}})
    try {
      const ProcessGrid grid(world, shape);
      ADD_FAILURE() << "accepted " << shape.nprow << " x " << shape.npcol;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("does not fit"));
    }
}

}  // namespace
}  // namespace fathom
