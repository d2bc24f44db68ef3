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
  /// Called at every beginning of a phase and at every heartbeat, on the root, from either thread.
  void on_phase(std::function<void(const std::string& phase)> callback);

  /// A line for the file alone: what stderr has already.
  void file_only(const std::string& line);

  void note(const std::string& line) override;
  void warn(const std::string& line) override;
  void begin(const std::string& phase) override;
  void end(const std::string& phase, double seconds) override;

 private:
  void say(const std::string& line);
  void tell_phase() const;
  void beat();

  bool root_;
  double heartbeat_;
  Timer since_start_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  struct Phase {
    std::string name;
    Timer timer;
    double next_beat;
  };
  std::vector<Phase> phases_;  // those that last, the innermost last
  std::string said_;           // until the file is open
  bool file_open_ = false;
  std::shared_ptr<spdlog::logger> terminal_;
  std::shared_ptr<spdlog::logger> file_;
  std::function<void(const std::string&)> callback_;
  std::thread heart_;
};

/// 75.2 → "1m15s", 0.52 → "0.52 s".
std::string duration_text(double seconds);
/// 1610612736 → "1.50 GiB".
std::string size_text(double bytes);

}  // namespace fathom
