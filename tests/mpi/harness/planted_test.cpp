// Tests that fail on purpose: what proves that the main program of the MPI tests sees a failure on
// any rank, and that it ends a job in which one rank has left a test that the others wait in.

#include "comm/communicator.hpp"

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(Planted, nothing_fails) {
  EXPECT_EQ(Communicator::world().sum(1.0), double(Communicator::world().size()));
}

TEST(Planted, last_rank_fails) {
  const Communicator world = Communicator::world();
  EXPECT_LT(world.rank(), world.size() - 1) << "planted";
}

TEST(Planted, last_rank_leaves) {
  const Communicator world = Communicator::world();
  ASSERT_LT(world.rank(), world.size() - 1) << "planted";
  world.barrier();
}

}  // namespace
}  // namespace fathom
