#include "training/model_groups.hpp"

#include "base/assert.hpp"
#include "training/batches.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace fathom {
namespace {

/// Models by falling cost on one rank; of equals the first.
std::vector<std::size_t> by_falling_cost(std::span<const ModelCost> costs) {
  std::vector<std::size_t> order(costs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return costs[a].on(1) > costs[b].on(1); });
  return order;
}

ModelGroups with_groups(std::span<const ModelCost> costs, std::span<const std::size_t> order,
                        int ranks, int groups) {
  ModelGroups plan;
  for (int g = 0; g < groups; ++g)
    plan.size.push_back(static_cast<int>(contiguous_share(ranks, g, groups).count));
  plan.models.resize(plan.size.size());
  std::vector<double> busy(plan.size.size(), 0.0);
  for (const std::size_t model : order) {
    const auto done = [&](std::size_t g) { return busy[g] + costs[model].on(plan.size[g]); };
    std::size_t best = 0;
    for (std::size_t g = 1; g < busy.size(); ++g)
      if (done(g) < done(best)) best = g;
    busy[best] = done(best);
    plan.models[best].push_back(model);
  }
  plan.seconds = *std::ranges::max_element(busy);
  return plan;
}

}  // namespace

double ModelCost::on(int ranks) const {
  FATHOM_ASSERT(ranks >= 1, "a model on {} ranks", ranks);
  const int rounds = std::bit_width(static_cast<unsigned>(ranks - 1));
  return divided / ranks + replicated + reduced * rounds;
}

template <class T>
ModelCost training_cost(const Network<T>& network, std::int64_t steps, std::int64_t batch,
                        const TrainingRates& rates) {
  const auto n = static_cast<double>(network.parameters());
  const auto all_steps = static_cast<double>(steps);
  // Read gradient, parameter and both moments, write all but the gradient: seven doubles.
  return {all_steps * static_cast<double>(batch) * 3 * network.forward_flops() / rates.flops,
          all_steps * 56 * n / rates.memory_bytes,
          all_steps * (rates.reduction_latency + 8 * n / rates.reduction_bytes)};
}

int ModelGroups::group_of(int rank) const {
  int group = 0, end = size.at(0);
  while (rank >= end)
    end += size.at(static_cast<std::size_t>(++group));
  return group;
}

ModelGroups plan_groups(std::span<const ModelCost> costs, int ranks) {
  FATHOM_ASSERT(ranks >= 1, "models on {} ranks", ranks);
  for (const ModelCost& cost : costs)
    FATHOM_ASSERT(cost.divided >= 0 && cost.replicated >= 0 && cost.reduced >= 0,
                  "a model of cost {}, {}, {}", cost.divided, cost.replicated, cost.reduced);
  const std::vector<std::size_t> order = by_falling_cost(costs);
  ModelGroups best = with_groups(costs, order, ranks, 1);
  const int most =
      static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(ranks), costs.size()));
  for (int groups = 2; groups <= most; ++groups) {
    ModelGroups plan = with_groups(costs, order, ranks, groups);
    if (plan.seconds < best.seconds) best = std::move(plan);
  }
  return best;
}

MyModels split_for_models(const Communicator& comm, std::span<const ModelCost> costs) {
  MyModels mine;
  mine.plan = plan_groups(costs, comm.size());
  const int group = mine.plan.group_of(comm.rank());
  mine.group = comm.split(group, comm.rank());
  mine.models = mine.plan.models[static_cast<std::size_t>(group)];
  return mine;
}

template ModelCost training_cost(const Network<double>&, std::int64_t, std::int64_t,
                                 const TrainingRates&);
template ModelCost training_cost(const Network<float>&, std::int64_t, std::int64_t,
                                 const TrainingRates&);

}  // namespace fathom
