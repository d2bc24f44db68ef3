#include "run/run_stop.hpp"

#include "run/stop_signals.hpp"

#include <algorithm>

#include <unistd.h>

namespace fathom {
namespace {

constexpr double looks_a_second = 100;  // of all ranks together

/// Seconds before the limit at which a run is asked to end, for files to be written.
double reserve_of(double seconds) {
  return std::min(60.0, 0.05 * seconds);
}

}  // namespace

RunStop::RunStop(const Communicator& comm, std::filesystem::path stop_file, WallLimit limit)
    : stop_file_(std::move(stop_file)),
      limit_(std::move(limit)),
      reserve_(reserve_of(limit_.seconds)),
      interval_(std::max(1.0, comm.size() / looks_a_second)),
      // Ranks look one after another, not all at once.
      next_look_(interval_ * comm.rank() / comm.size()) {}

RunStop::Cause RunStop::look() noexcept {
  if (stop_signal() != 0) return Cause::signal;
  const double now = timer_.seconds();
  if (now > limit_.seconds - reserve_) return Cause::time;
  double next = next_look_.load(std::memory_order_relaxed);
  // One thread looks where two ask at once.
  if (now >= next && next_look_.compare_exchange_strong(next, now + interval_) &&
      ::access(stop_file_.c_str(), F_OK) == 0)
    return Cause::file;
  return Cause::none;
}

bool RunStop::asked() noexcept {
  if (cause_.load(std::memory_order_relaxed) != Cause::none) return true;
  const Cause cause = look();
  Cause none = Cause::none;
  if (cause != Cause::none) cause_.compare_exchange_strong(none, cause);
  return cause != Cause::none;
}

std::string RunStop::reason() {
  switch (cause_.load()) {
    case Cause::signal:
      return signal_name(stop_signal());
    case Cause::file:
      return stop_by_file;
    case Cause::time:
      return fmt::format("{}: {:.0f} s left", limit_.name,
                         std::max(0.0, limit_.seconds - timer_.seconds()));
    case Cause::none:
      break;
  }
  return "nobody";
}

TimeLimit RunStop::limit() const {
  return {
      .seconds_left = limit_.seconds - timer_.seconds(), .reserve = reserve_, .name = limit_.name};
}

}  // namespace fathom
