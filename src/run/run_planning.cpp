#include "run/run_planning.hpp"

#include "run/calibration.hpp"
#include "run/plan_text.hpp"
#include "store/folder_lock.hpp"
#include "store/memory.hpp"
#include "studies/memory_plan.hpp"

#include <algorithm>
#include <set>

#include <unistd.h>

namespace fathom {
namespace {

/// What binds: free memory, or a limit below it.
std::string binding_limit() {
  const auto limit = memory_limit();
  const std::int64_t taken = resident_bytes();
  return limit && limit->bytes - taken < available_memory_bytes() ? limit->from : "free memory";
}

/// The nodes of this run, and what its ranks may take of their memory.
Machine machine_of(const Communicator& world, double baseline, double room) {
  const std::vector<std::string> hosts = world.gather(host_name());
  Machine machine;
  machine.nodes = static_cast<int>(
      world.max(static_cast<double>(std::set<std::string>(hosts.begin(), hosts.end()).size())));
  // Not those that this rank is bound to.
  machine.cores = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  machine.baseline = world.max(baseline);
  machine.memory = (room + machine.baseline) * machine.ranks_a_node(world.size());
  machine.limit = binding_limit();
  return machine;
}

/// The root's calibration; a file that cannot be read costs a warning, not the run.
MachineModel rates(const Communicator& world, RunLog& log) {
  try {
    return world.root() ? load_calibration(std::nullopt) : MachineModel{};
  } catch (const Error& error) {
    log.warn(error.what());
    return {};
  }
}

}  // namespace

Planned plan_of_run(const Communicator& world, RunLog& log, const Deck& deck, double baseline) {
  Planned planned;
  planned.inputs = InputShapes::read(world, deck);
  planned.room = memory_a_rank(world);
  const Machine machine = machine_of(world, baseline, planned.room);
  planned.model = rates(world, log);
  std::string no;
  world.agree([&] {
    const std::vector<PointShape> points = point_shapes(deck, planned.inputs);
    planned.plan = plan_run(points, world.size(), machine, planned.model);
    for (const std::string& line : plan_lines(points, planned.plan, machine, planned.model))
      log.note(line);
    no = refusal(points, planned.plan, machine);
  });
  if (!no.empty()) throw AgreedError(ExitCode::no_fit, "{}", no);
  return planned;
}

}  // namespace fathom
