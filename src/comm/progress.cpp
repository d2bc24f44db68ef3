#include "comm/progress.hpp"

#include <algorithm>

namespace fathom {

void PhaseClock::add(const std::string& phase, double seconds, double flops) {
  auto it = std::find_if(entries_.begin(), entries_.end(),
                         [&](const Entry& e) { return e.name == phase; });
  if (it == entries_.end()) it = entries_.insert(entries_.end(), Entry{phase, 0, 0});
  it->seconds += seconds;
  it->flops += flops;
}

std::vector<PhaseTime> PhaseClock::reduce(const Communicator& comm) const {
  std::vector<PhaseTime> table;
  for (const Entry& entry : entries_)
    table.push_back({entry.name, comm.min(entry.seconds), comm.sum(entry.seconds) / comm.size(),
                     comm.max(entry.seconds), comm.max(entry.flops)});
  return table;
}

}  // namespace fathom
