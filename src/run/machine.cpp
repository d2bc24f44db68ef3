#include "run/machine.hpp"

#include "store/memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include <sched.h>

namespace fathom {
namespace {

int environment_count(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return 0;
  constexpr long long most = 1 << 20;
  return static_cast<int>(std::clamp(std::strtoll(text, nullptr, 10), 0LL, most));
}

/// Processors that this process may run on.
int processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

Machine this_machine(double baseline) {
  Machine machine;
  machine.baseline = baseline;
  machine.nodes = std::max(1, environment_count("SLURM_JOB_NUM_NODES"));
  const int of_job = environment_count("SLURM_CPUS_ON_NODE");
  machine.cores = of_job > 0 ? of_job : processors();
  machine.memory = static_cast<double>(available_memory_bytes());
  machine.limit = "free memory";
  if (const auto limit = memory_limit();
      limit && static_cast<double>(limit->bytes) < machine.memory) {
    machine.memory = static_cast<double>(limit->bytes);
    machine.limit = limit->from;
  }
  return machine;
}

}  // namespace fathom
