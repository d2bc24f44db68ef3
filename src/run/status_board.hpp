#pragma once

// The status of a run in progress: what status.json says, kept fresh while phases last, and the
// first word on a stop that was asked for.

#include "comm/stop_control.hpp"
#include "run/run_log.hpp"
#include "store/run_folder.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace fathom {

/// On the root a thread of its own writes the file: a second at the latest after a change, every
/// ten seconds without one, so that an old "updated" tells of a run that is gone. The main thread
/// waits for no disk until the run is over. Local.
///
/// Where another rank had the last word, because this one was stuck, the thread falls silent.
///
/// A SIGTERM may leave a second. If the process is gone before a safe point is reached, the file
/// must not say "running": so from the signal on it says "failed" with exit code 75, and what was
/// kept before stands; conclude() replaces that by "checkpointed".
class StatusBoard {
 public:
  explicit StatusBoard(RunLog& log) : log_(log) {}
  ~StatusBoard();
  StatusBoard(const StatusBoard&) = delete;
  StatusBoard& operator=(const StatusBoard&) = delete;

  /// Both must outlive watching. if_killed: the message of a run that a signal ended too early.
  void watch(RunFolder& folder, StopControl& stop, std::string if_killed);
  /// Of a sweep.
  void points(std::int64_t done, std::int64_t total);
  /// The last word: ends the watching and writes at once. Returns why the status could not be
  /// written, empty where it was. speak_for_root: RunFolder::publish.
  std::string conclude(const std::function<void(RunStatus&)>& change, bool speak_for_root = false);
  /// For who was refused before anything changed: status.json as it was found, and no more is
  /// written. False where that was no last word, or this is not rank 0.
  bool give_back();

 private:
  void keep_fresh();
  void pulse(double now);
  std::string publish(double now, bool speak_for_root = false);

  RunLog& log_;
  RunFolder* folder_ = nullptr;
  StopControl* stop_ = nullptr;
  std::string if_killed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  RunStatus status_;
  bool over_ = false, changed_ = false, told_of_kill_ = false;
  Timer timer_;
  double published_ = 0;  // seconds of timer_ at which the file was written
  std::thread thread_;
};

}  // namespace fathom
