#include "run/run_planning.hpp"

#include "run/calibration.hpp"
#include "run/plan_text.hpp"
#include "store/memory.hpp"
#include "studies/memory_plan.hpp"

#include <set>

#include <unistd.h>

namespace fathom {
namespace {

/// The nodes of this run, and what its ranks may take of their memory.
Machine machine_of(const Communicator& world, double baseline, double room) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::vector<std::string> hosts = world.gather(host);
  Machine machine;
  machine.nodes = static_cast<int>(
      world.max(static_cast<double>(std::set<std::string>(hosts.begin(), hosts.end()).size())));
  machine.cores = machine.ranks_a_node(world.size());
  machine.baseline = world.max(baseline);
  machine.memory = (room + machine.baseline) * machine.ranks_a_node(world.size());
  const auto limit = memory_limit();
  machine.limit = limit ? limit->from : "free memory";
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
