#pragma once

// What can end a run before it is done: a signal, a file STOP in its folder, its wall limit.

#include "base/timer.hpp"
#include "comm/stop_control.hpp"
#include "run/wall_limit.hpp"

#include <atomic>
#include <filesystem>
#include <string>

namespace fathom {

/// What status.json says where the user's file ended a run: job scripts look for it.
inline constexpr const char* stop_by_file = "the file STOP";

/// asked() and reason() may be called from any thread.
///
/// Every rank looks for the file itself, since groups of ranks work apart for long: once a second
/// on up to a hundred ranks, and the less often the more there are, so that all together look a
/// hundred times a second and some rank sees it within a second.
class RunStop final : public StopControl {
 public:
  /// limit: counted from now on. Local.
  RunStop(const Communicator& comm, std::filesystem::path stop_file, WallLimit limit);

  bool asked() noexcept override;
  std::string reason() override;
  TimeLimit limit() const override;

  /// Which limit there is, or why there is none: a line for the log.
  const std::string& note() const { return limit_.note; }
  const std::filesystem::path& stop_file() const { return stop_file_; }

 private:
  enum class Cause { none, signal, file, time };
  Cause look() noexcept;

  std::filesystem::path stop_file_;
  WallLimit limit_;
  double reserve_;
  double interval_;  // seconds between two looks at the folder
  Timer timer_;
  std::atomic<double> next_look_;
  std::atomic<Cause> cause_{Cause::none};
};

}  // namespace fathom
