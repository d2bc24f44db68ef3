// A run that is asked to end: by its time, by a file, by a signal; all ranks hear of it.

#include "run/run_stop.hpp"
#include "run/stop_signals.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace fathom {
namespace {

using testing::HasSubstr;

/// The same path on every rank, of this test alone.
std::filesystem::path stop_file(const Communicator& world) {
  std::string name = "stop-" + std::to_string(::getpid());
  world.broadcast(name);
  return std::filesystem::temp_directory_path() / name;
}

std::string message_of_end(const StopControl& stop) {
  try {
    stop.end();
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::checkpointed);
    return error.what();
  }
}

TEST(RunStop, ends_nothing_unasked) {
  const Communicator world = Communicator::world();
  RunStop stop(world, stop_file(world), {});
  EXPECT_FALSE(stop.asked());
  EXPECT_FALSE(stop.ends_here(world));
  EXPECT_FALSE(stop.ends_here(world, 1e9, "the solve"));
}

TEST(RunStop, ends_near_the_limit) {
  const Communicator world = Communicator::world();
  RunStop stop(world, stop_file(world), {.seconds = 0, .name = "the wall limit of 0s"});
  EXPECT_TRUE(stop.asked());
  EXPECT_TRUE(stop.ends_here(world));
  EXPECT_THAT(message_of_end(stop), HasSubstr("stopped by the wall limit of 0s"));
}

TEST(RunStop, ends_before_what_cannot_end_in_time) {
  const Communicator world = Communicator::world();
  RunStop stop(world, stop_file(world), {.seconds = 1000, .name = "the wall limit of 1000s"});
  EXPECT_FALSE(stop.ends_here(world, 100, "the solve"));
  // 50 seconds are kept for files.
  EXPECT_TRUE(stop.ends_here(world, 960, "the solve"));
  EXPECT_FALSE(stop.asked());
  EXPECT_EQ(stop.why().substr(0, 25), "the wall limit of 1000s: ");
  EXPECT_THAT(message_of_end(stop), HasSubstr("s left, the solve needs 960 s"));
}

TEST(RunStop, takes_the_roots_foresight) {
  const Communicator world = Communicator::world();
  RunStop stop(world, stop_file(world), {.seconds = 1000, .name = "limit"});
  EXPECT_FALSE(stop.ends_here(world, world.root() ? 1 : 5000, "the solve"));
}

TEST(RunStop, sees_the_file_within_its_interval) {
  const Communicator world = Communicator::world();
  const auto file = stop_file(world);
  RunStop stop(world, file, {});
  EXPECT_FALSE(stop.asked());
  world.barrier();
  if (world.root()) std::ofstream(file) << "";
  world.barrier();
  const Timer timer;
  while (!stop.asked() && timer.seconds() < 10)
    ::usleep(10000);
  EXPECT_TRUE(stop.asked());
  EXPECT_LT(timer.seconds(), 3);
  EXPECT_EQ(stop.reason(), "the file STOP");
  world.barrier();
  if (world.root()) std::filesystem::remove(file);
  world.barrier();
  EXPECT_TRUE(stop.asked()) << "once asked, always asked";
}

// The last ones: a signal that came cannot be taken back.

TEST(RunStopSignal, of_one_rank_ends_all_with_its_name) {
  const Communicator world = Communicator::world();
  listen_for_stop_signals();
  RunStop stop(world, stop_file(world), {});
  EXPECT_FALSE(stop.ends_here(world));

  const bool struck = world.rank() == world.size() - 1;
  if (struck) ::raise(SIGUSR1);

  EXPECT_EQ(stop.asked(), struck);
  EXPECT_FALSE(about_to_be_killed());
  EXPECT_TRUE(stop.ends_here(world));
  EXPECT_EQ(message_of_end(stop), "stopped by SIGUSR1");
}

TEST(RunStopSignal, that_came_first_is_the_reason) {
  const Communicator world = Communicator::world();
  ::raise(SIGUSR1);
  ::raise(SIGTERM);
  EXPECT_STREQ(signal_name(stop_signal()), "SIGUSR1");
  EXPECT_TRUE(about_to_be_killed());
}

}  // namespace
}  // namespace fathom
