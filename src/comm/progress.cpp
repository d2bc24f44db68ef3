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

double PhaseClock::rate(const std::string& phase) const {
  for (const Entry& entry : entries_)
    if (entry.name == phase && entry.seconds > 0) return entry.flops / entry.seconds;
  return 0;
}

std::vector<PhaseTime> PhaseClock::reduce(const Communicator& comm) const {
  // Rank 0 says which phases there were: a rank that sat one out counts with zero seconds.
  std::string names;
  for (const Entry& entry : entries_)
    names += entry.name + '\n';
  comm.broadcast(names);
  std::vector<PhaseTime> table;
  for (std::size_t begin = 0; begin < names.size();) {
    const std::size_t end = names.find('\n', begin);
    const std::string phase = names.substr(begin, end - begin);
    begin = end + 1;
    const auto it = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.name == phase; });
    const Entry mine = it == entries_.end() ? Entry{phase, 0, 0} : *it;
    table.push_back({phase, comm.min(mine.seconds), comm.sum(mine.seconds) / comm.size(),
                     comm.max(mine.seconds), comm.max(mine.flops)});
  }
  return table;
}

}  // namespace fathom
