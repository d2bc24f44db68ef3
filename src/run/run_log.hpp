#pragma once

// The log of a run: plain flushed lines on the terminal and in fathom.log, with the seconds since
// the start, and a heartbeat while a phase lasts.

#include "comm/progress.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace spdlog {
class logger;
}

namespace fathom {

/// The innermost phase that lasts.
struct PhaseNow {
  std::string name;  ///< empty: none
  double seconds = 0;
  double done = 0, total = 0;  ///< 0 of 0 where it does not count

  /// Seconds to go at this rate; 0 where that is not known yet.
  double to_go() const;
};

/// Only the root prints; the others keep silent. Local.
class RunLog : public Progress {
 public:
  /// heartbeat: seconds between two signs of life of one phase.
  explicit RunLog(bool root, double heartbeat = 30.0);
  ~RunLog() override;
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// From now on lines go to the file too, beginning with those said so far. Error(io) where it
  /// cannot be opened.
  void open(const std::filesystem::path& file);
  /// What the heartbeat says of the time left: a few words, called on the root in the log's thread.
  void on_heartbeat(std::function<std::string()> time_left);
  /// On the root; any thread.
  PhaseNow phase() const;

  /// A line for the file alone: what stderr has already.
  void file_only(const std::string& line);

  void note(const std::string& line) override;
  void warn(const std::string& line) override;
  void begin(const std::string& phase) override;
  void end(const std::string& phase, double seconds) override;
  void advance(double done, double total) override;

 private:
  void say(const std::string& line);
  void beat();

  bool root_;
  double heartbeat_;
  Timer since_start_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  struct Phase {
    std::string name;
    Timer timer;
    double next_beat;
    double done = 0, total = 0;

    PhaseNow now() const { return {name, timer.seconds(), done, total}; }
  };
  std::vector<Phase> phases_;  // those that last, the innermost last
  std::string said_;           // until the file is open
  bool file_open_ = false;
  std::shared_ptr<spdlog::logger> terminal_;
  std::shared_ptr<spdlog::logger> file_;
  std::function<std::string()> time_left_;
  std::thread heart_;
};

/// 75.2 → "1m15s", 0.52 → "0.52 s".
std::string duration_text(double seconds);
/// 1610612736 → "1.50 GiB".
std::string size_text(double bytes);

}  // namespace fathom
