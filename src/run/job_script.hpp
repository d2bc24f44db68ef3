#pragma once

// The Slurm script of a planned run. Pure.

#include "studies/run_plan.hpp"

#include <string>
#include <vector>

namespace fathom {

struct Job {
  std::string deck;                    ///< as given
  std::vector<std::string> overrides;  ///< as given to --set
  std::string output{};                ///< the run folder; empty: one by the number of the job
  std::string name;                    ///< of the job
  double memory = 0;                   ///< bytes a node to ask for
};

/// Nodes, ranks and memory of the plan, twice its time and ten minutes at least; sh quoting of deck
/// and overrides.
std::string job_script(const Job& job, const RunPlan& plan, const Machine& machine);

}  // namespace fathom
