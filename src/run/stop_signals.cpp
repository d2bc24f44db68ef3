#include "run/stop_signals.hpp"

#include "base/fault.hpp"

#include <atomic>

#include <pthread.h>
#include <signal.h>

namespace fathom {
namespace {

std::atomic<int> first_signal{0};
std::atomic<bool> kill_may_follow{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a signal handler may touch nothing else");

void note_signal(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
  if (signal != SIGUSR1) kill_may_follow.store(true);
}

void listen_for(int signal, int flags) {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART | flags;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

sigset_t stop_signals() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : {SIGUSR1, SIGTERM, SIGINT})
    ::sigaddset(&ours, signal);
  return ours;
}

bool is_ignored(int signal) {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

void listen_for_stop_signals() {
  listen_for(SIGUSR1, 0);
  listen_for(SIGTERM, 0);
  if (!is_ignored(SIGINT)) listen_for(SIGINT, static_cast<int>(SA_RESETHAND));
  // A launcher may have blocked them.
  const sigset_t ours = stop_signals();
  ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

void hand_on_stop_signals() {
  const sigset_t ours = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &ours, nullptr);
  // exec forgets flags and keeps what is pending.
  if (const int signal = first_signal.load()) ::raise(signal);
}

int stop_signal() noexcept {
  // For tests: a run that does not hear.
  return fault_armed("run.signals", "deaf") ? 0 : first_signal.load(std::memory_order_relaxed);
}

bool about_to_be_killed() noexcept {
  return kill_may_follow.load(std::memory_order_relaxed);
}

const char* signal_name(int signal) noexcept {
  switch (signal) {
    case SIGUSR1:
      return "SIGUSR1";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "a signal";
  }
}

}  // namespace fathom
