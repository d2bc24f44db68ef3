#include "run/stop_signals.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fathom {
namespace {

bool is_pending(int signal) {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, signal) == 1;
}

/// Exit code of the action in a process of its own; −1 where a signal ended it.
template <class Action>
int code_of(Action&& action) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(action());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StopSignals, EndNothingOnceTheyAreListenedFor) {
  EXPECT_EQ(code_of([] { return std::raise(SIGUSR1); }), -1);
  EXPECT_EQ(code_of([] {
              listen_for_stop_signals();
              std::raise(SIGUSR1);
              std::raise(SIGTERM);
              return stop_signal() == SIGUSR1 && about_to_be_killed() ? 0 : 1;
            }),
            0);
}

TEST(StopSignals, AreHeldForAProgramThatTakesThisOnesPlace) {
  EXPECT_EQ(code_of([] {
              listen_for_stop_signals();
              std::raise(SIGUSR1);  // before: a flag that exec would forget
              hand_on_stop_signals();
              std::raise(SIGTERM);  // after: held back
              if (!is_pending(SIGUSR1) || !is_pending(SIGTERM) || about_to_be_killed()) return 1;
              listen_for_stop_signals();
              return is_pending(SIGUSR1) || is_pending(SIGTERM) || !about_to_be_killed() ? 2 : 0;
            }),
            0);
}

}  // namespace
}  // namespace fathom
