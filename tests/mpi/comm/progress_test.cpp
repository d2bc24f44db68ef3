#include "comm/progress.hpp"

#include "comm/messages.hpp"
#include "comm/rendezvous.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

class Silent : public Progress {
 public:
  void note(const std::string&) override {}
  void warn(const std::string&) override {}
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}
};

TEST(PhaseClock, ReducesAlsoWhereARankSatAPhaseOut) {
  const Communicator world = Communicator::world();
  Silent silent;
  PhaseClock clock(silent);
  clock.add("first", 1.0 + world.rank(), 8.0);
  if (world.rank() == 0) clock.add("root alone", 2.0);
  if (world.rank() == world.size() - 1 && world.size() > 1) clock.add("unknown to the root", 5.0);
  clock.add("first", 1.0);

  const std::vector<PhaseTime> table = clock.reduce(world);

  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table[0].name, "first");
  EXPECT_DOUBLE_EQ(table[0].min, 2.0);
  EXPECT_DOUBLE_EQ(table[0].max, 1.0 + world.size());
  EXPECT_DOUBLE_EQ(table[0].flops, 8.0);
  EXPECT_DOUBLE_EQ(table[1].mean, 2.0 / world.size());
}

TEST(Rendezvous, ToldApartWhetherAllComeOrSomeStayAway) {
  const Communicator world = Communicator::world();
  Rendezvous here(world), there(world);

  EXPECT_TRUE(here.all_arrive(20.0));
  EXPECT_EQ(here.from_root(world.rank() == 0 ? 74 : 1), 74);

  if (world.size() == 1) return;
  const bool stays_away = world.rank() == world.size() - 1;
  if (!stays_away) {
    EXPECT_FALSE(there.all_arrive(0.3));
  }
  world.barrier();
  EXPECT_TRUE(there.all_arrive(20.0));  // the late one comes, the others go on waiting
}

TEST(Messages, GoRoundARing) {
  const Communicator world = Communicator::world();
  const int next = (world.rank() + 1) % world.size();
  const int previous = (world.rank() + world.size() - 1) % world.size();
  std::vector<double> sent = {1.0 * world.rank(), 7.0}, received(2);

  Messages messages(world, 5);
  messages.receive(received.data(), 2, previous);
  messages.send(sent.data(), 2, next);

  EXPECT_EQ(messages.next_arrival(), 0U);
  messages.wait_for_sends();
  EXPECT_EQ(received, (std::vector<double>{1.0 * previous, 7.0}));
  EXPECT_THROW(messages.next_arrival(), Error);
}

TEST(AgreeOnRoot, OneMessageWithoutARank) {
  const Communicator world = Communicator::world();
  EXPECT_NO_THROW(world.agree_on_root([&] { EXPECT_TRUE(world.root()); }));
  try {
    world.agree_on_root([] { throw Error(ExitCode::exists, "there already"); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::exists);
    EXPECT_STREQ(error.what(), "there already");
  }
}

}  // namespace
}  // namespace fathom
