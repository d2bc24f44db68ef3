#include "comm/stop_control.hpp"

namespace fathom {

bool StopControl::ends_here(const Communicator& comm, double needed, const std::string& what) {
  std::string mine;
  if (asked()) mine = reason();
  if (mine.empty() && comm.root() && needed > 0) {
    const TimeLimit now = limit();
    if (now.seconds_left < needed + now.reserve)
      mine = fmt::format("{}: {:.0f} s left, {} needs {:.0f} s", now.name,
                         now.seconds_left > 0 ? now.seconds_left : 0.0, what, needed);
  }
  const std::int64_t none = comm.size();
  const std::int64_t speaker = comm.min(mine.empty() ? none : comm.rank());
  if (speaker == none) return false;
  comm.broadcast(mine, static_cast<int>(speaker));
  why_ = mine;
  return true;
}

void StopControl::end() const {
  throw AgreedError(ExitCode::checkpointed, "stopped by {}", why_);
}

}  // namespace fathom
