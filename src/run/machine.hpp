#pragma once

// This machine, as the system and Slurm describe it.

#include "studies/machine_model.hpp"

namespace fathom {

/// Nodes and cores of the Slurm job, else one node with this host's processors; memory that is
/// free here, less where a control group or Slurm allows less. Local.
Machine this_machine(double baseline);

}  // namespace fathom
