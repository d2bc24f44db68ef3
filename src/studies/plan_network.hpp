#pragma once

// Memory of a network in training and of the kernels of its snapshots. Pure.

#include "studies/plan_memory.hpp"

namespace fathom {

/// Training, and then, while its state stands, assembly, solve and the checks by gradients.
/// @pre shape.network
std::vector<MemoryStage> network_stages(const ProblemShape& shape, const SolverPlan& solver,
                                        int ranks);

/// Of all snapshots of one training, where a group of ranks keeps them.
double kept_snapshot_bytes(const NetworkShape& network);

/// How an empirical tangent kernel is assembled on this layout.
EntkPlan entk_plan(const ProblemShape& shape, const SolverPlan& solver);

}  // namespace fathom
