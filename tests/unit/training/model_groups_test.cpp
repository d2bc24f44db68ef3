#include "training/model_groups.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::ElementsAre;

/// The shortest time of all assignments of the models to groups of these sizes.
double best_of_all(const std::vector<ModelCost>& costs, const std::vector<int>& sizes) {
  const auto groups = sizes.size();
  const auto assignments =
      static_cast<std::size_t>(std::pow(static_cast<double>(groups), costs.size()));
  double best = 1e300;
  for (std::size_t code = 0; code < assignments; ++code) {
    std::vector<double> busy(groups, 0.0);
    std::size_t rest = code;
    for (const ModelCost& cost : costs) {
      busy[rest % groups] += cost.on(sizes[rest % groups]);
      rest /= groups;
    }
    best = std::min(best, *std::ranges::max_element(busy));
  }
  return best;
}

TEST(ModelCost, falls_with_ranks_by_what_they_share_and_grows_by_reductions) {
  const ModelCost cost{.divided = 12, .replicated = 1, .reduced = 0.5};
  EXPECT_DOUBLE_EQ(cost.on(1), 13);
  EXPECT_DOUBLE_EQ(cost.on(2), 6 + 1 + 0.5);
  EXPECT_DOUBLE_EQ(cost.on(3), 4 + 1 + 1.0);
  EXPECT_DOUBLE_EQ(cost.on(4), 3 + 1 + 1.0);
  EXPECT_DOUBLE_EQ(cost.on(6), 2 + 1 + 1.5);
}

TEST(PlanGroups, all_ranks_together_where_sharing_is_free) {
  const std::vector<ModelCost> costs(4, {.divided = 8});
  const ModelGroups plan = plan_groups(costs, 4);
  EXPECT_THAT(plan.size, ElementsAre(4));
  EXPECT_THAT(plan.models, ElementsAre(ElementsAre(0, 1, 2, 3)));
  EXPECT_DOUBLE_EQ(plan.seconds, 8);
}

TEST(PlanGroups, a_rank_a_model_where_reductions_cost) {
  const std::vector<ModelCost> costs(4, {.divided = 8, .reduced = 0.1});
  const ModelGroups plan = plan_groups(costs, 4);
  EXPECT_THAT(plan.size, ElementsAre(1, 1, 1, 1));
  EXPECT_DOUBLE_EQ(plan.seconds, 8);
}

TEST(PlanGroups, one_model_takes_all_ranks) {
  const std::vector<ModelCost> costs{{.divided = 8, .replicated = 1, .reduced = 0.1}};
  EXPECT_THAT(plan_groups(costs, 3).size, ElementsAre(3));
}

TEST(PlanGroups, one_large_model_among_small_ones_takes_all_ranks_with_them) {
  // Apart, the large one alone would take 100 on one rank.
  const std::vector<ModelCost> costs{{.divided = 1, .reduced = 0.01},
                                     {.divided = 100, .reduced = 0.01},
                                     {.divided = 1, .reduced = 0.01}};
  const ModelGroups plan = plan_groups(costs, 2);
  EXPECT_THAT(plan.size, ElementsAre(2));
  EXPECT_THAT(plan.models, ElementsAre(ElementsAre(1, 0, 2)));
  EXPECT_DOUBLE_EQ(plan.seconds, 51.03);
}

TEST(PlanGroups, longest_first_by_hand) {
  // Nothing is shared: 5 | 4 → 5 | 4+3 → 5+3 | 7 → 8 | 7+3.
  std::vector<ModelCost> costs;
  for (const double seconds : {3.0, 5.0, 3.0, 4.0, 3.0})
    costs.push_back({.replicated = seconds});
  const ModelGroups plan = plan_groups(costs, 2);
  EXPECT_THAT(plan.size, ElementsAre(1, 1));
  EXPECT_THAT(plan.models, ElementsAre(ElementsAre(1, 2), ElementsAre(3, 0, 4)));
  EXPECT_DOUBLE_EQ(plan.seconds, 10);
}

TEST(PlanGroups, every_model_once_and_near_the_best_of_all_assignments) {
  for (int seed = 0; seed < 20; ++seed) {
    std::vector<ModelCost> costs;
    for (int model = 0; model < 6; ++model)
      costs.push_back({.divided = 1 + 9 * std::abs(std::sin(seed + 3.7 * model)),
                       .replicated = std::abs(std::cos(seed * 1.3 + model)),
                       .reduced = 0.2});
    for (const int ranks : {1, 2, 3, 5}) {
      const ModelGroups plan = plan_groups(costs, ranks);
      std::vector<std::size_t> models;
      for (const auto& group : plan.models)
        models.insert(models.end(), group.begin(), group.end());
      EXPECT_THAT(models, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5));
      EXPECT_LE(plan.seconds, 4.0 / 3 * best_of_all(costs, plan.size) + 1e-12);
      double together = 0;
      for (const ModelCost& cost : costs)
        together += cost.on(ranks);
      EXPECT_LE(plan.seconds, together + 1e-12);
    }
  }
}

TEST(PlanGroups, ranks_belong_to_groups_in_order) {
  ModelGroups plan;
  plan.size = {2, 1, 3};
  std::vector<int> groups;
  for (int rank = 0; rank < 6; ++rank)
    groups.push_back(plan.group_of(rank));
  EXPECT_THAT(groups, ElementsAre(0, 0, 1, 2, 2, 2));
}

TEST(PlanGroups, no_models_are_one_group_with_nothing_to_do) {
  const ModelGroups plan = plan_groups({}, 3);
  EXPECT_THAT(plan.size, ElementsAre(3));
  EXPECT_THAT(plan.models, ElementsAre(testing::IsEmpty()));
  EXPECT_EQ(plan.seconds, 0);
}

}  // namespace
}  // namespace fathom
