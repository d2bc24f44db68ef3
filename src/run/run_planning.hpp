#pragma once

// The plan that `fathom plan` prints, made at the start of a run and held against what its ranks
// have.

#include "run/run_log.hpp"
#include "studies/run_plan.hpp"

namespace fathom {

struct Planned {
  InputShapes inputs;
  double room = 0;     ///< bytes a rank, above the empty program
  MachineModel model;  ///< the root's calibration; default rates on other ranks
  RunPlan plan;
};

/// Reads the headers of the deck's files. `baseline`: bytes of the empty program on this rank.
/// Error(input), Error(deck), Error(no_fit) after the plan is in the log. Collective.
Planned plan_of_run(const Communicator& world, RunLog& log, const Deck& deck, double baseline);

}  // namespace fathom
