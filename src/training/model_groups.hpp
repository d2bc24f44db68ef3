#pragma once

// Several models on one communicator: all ranks on one model after the other, or groups of ranks on
// models of their own, whichever a counted cost says is done sooner.

#include "comm/communicator.hpp"
#include "networks/network.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// Seconds of one model's training. On s ranks: divided/s + replicated + reduced·⌈log₂ s⌉.
struct ModelCost {
  double divided = 0;          ///< what ranks share: forward and backward passes, on one rank
  double replicated = 0;       ///< what every rank does: the optimiser
  double reduced = 0;          ///< the reductions, between two ranks
  double on(int ranks) const;  ///< @pre ranks ≥ 1
};

/// What a rank does in a second, for an estimate of costs. The defaults are those of one core of a
/// server of 2020 and ranks of one node.
struct TrainingRates {
  double flops = 2e10;              ///< in products of a batch's size
  double memory_bytes = 1e10;       ///< streamed
  double reduction_bytes = 1e9;     ///< of a sum between two ranks
  double reduction_latency = 5e-6;  ///< seconds
};

/// The cost of `steps` steps on `batch` samples each: three forward passes' flops a sample; 56
/// bytes a parameter of an optimiser with two moments in double; one reduction of doubles. Local.
template <class T>
ModelCost training_cost(const Network<T>& network, std::int64_t steps, std::int64_t batch,
                        const TrainingRates& rates = {});

/// Which ranks train which models.
struct ModelGroups {
  std::vector<int> size;                         ///< ranks of each group; groups are contiguous
  std::vector<std::vector<std::size_t>> models;  ///< of each group, in the order they are trained
  double seconds = 0;                            ///< until the last group is done
  int group_of(int rank) const;                  ///< @pre 0 ≤ rank < Σ size
};

/// For every number of groups from 1 to min(ranks, models), of sizes as even as they go: the models
/// by falling cost, each to the group that is done with it first (longest processing time first,
/// Graham 1969). The number of groups that is done first; of equals the smallest. Local and pure.
/// @pre ranks ≥ 1, costs ≥ 0
ModelGroups plan_groups(std::span<const ModelCost> costs, int ranks);

/// This rank's part of a plan.
struct MyModels {
  Communicator group;               ///< on which this rank trains
  std::vector<std::size_t> models;  ///< of this group, in order
  ModelGroups plan;
};

/// Splits the ranks by plan_groups. Collective. @pre costs are the same on every rank
MyModels split_for_models(const Communicator& comm, std::span<const ModelCost> costs);

}  // namespace fathom
