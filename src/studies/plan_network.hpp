#pragma once

// Memory of a network, of its training and of the kernels of its snapshots. Pure.

#include "studies/plan_memory.hpp"

namespace fathom {

/// What stands beside every stage: data, and the state of the training or the parameters.
/// @pre shape.network
std::vector<MemoryItem> network_items(const ProblemShape& shape, int ranks);

/// Forward and backward passes of a batch. @pre network.training
MemoryStage training_stage(const ProblemShape& shape, int ranks);
/// What the spectrum of a snapshot is checked by: Lanczos from the gradient, and gradients alone.
/// @pre network.training
MemoryStage gradients_stage(const ProblemShape& shape, double vectors, int ranks);

/// Of all snapshots of one training, where a group of ranks keeps them.
double kept_snapshot_bytes(const NetworkShape& network);

/// How an empirical tangent kernel is assembled on this layout.
EntkPlan entk_plan(const ProblemShape& shape, const SolverPlan& solver);

}  // namespace fathom
