#pragma once

// Work and wall time of one point, phase by phase under the names that the run's clock uses. Pure.

#include "studies/machine_model.hpp"
#include "studies/plan_memory.hpp"

#include <string>
#include <vector>

namespace fathom {

struct PlannedPhase {
  std::string name;
  double flops = 0;      ///< of all ranks together; 0 where nothing is counted
  double seconds = 0;    ///< wall
  bool only_if = false;  ///< comes in some cases only, as its stage
};

/// @pre memory is the shape's on so many ranks
std::vector<PlannedPhase> planned_phases(const ProblemShape& shape, const PlannedMemory& memory,
                                         int ranks, const MachineModel& model);

}  // namespace fathom
