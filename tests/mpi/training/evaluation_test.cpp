// Losses and gradients in function space over sets that ranks share; groups of ranks.

#include "training/evaluation.hpp"

#include "small_problems.hpp"
#include "training/model_groups.hpp"

#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using namespace testing_training;

TEST(MeanLoss, is_the_loss_of_the_full_batch) {
  const Communicator world = Communicator::world();
  for (const auto loss : {LossKind::squared_error, LossKind::cross_entropy}) {
    const SmallProblem<double> small({8, 7}, loss);
    const double expected = run(world, small, full_batch(0, 0.1)).final_loss;
    EXPECT_NEAR(mean_loss<double>(world, small.problem, {0, 37}, small.start), expected,
                1e-14 * expected);
  }
}

TEST(MeanLoss, of_parts_joins_to_the_whole) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small;
  const auto loss = [&](std::int64_t first, std::int64_t count) {
    return static_cast<double>(count) *
           mean_loss<double>(world, small.problem, {first, count}, small.start);
  };
  EXPECT_NEAR(loss(0, 1) + loss(1, 20) + loss(21, 16), loss(0, 37), 1e-13);
}

TEST(FunctionGradient, of_squared_error_is_the_residual_over_the_samples) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small;
  const auto g = function_gradient<double>(world, small.problem, {4, 30}, small.start);
  const SampleBatch<double> all = made_up_samples<double>(37, 3, 2);
  ASSERT_EQ(g.outputs, 2);
  ASSERT_EQ(g.gradient.size(), 60u);
  double loss = 0;
  for (std::size_t r = 0; r < 60; ++r) {
    const double residual = g.output[r] - all.values[8 + r];
    EXPECT_NEAR(g.gradient[r], residual / 30, 1e-16);
    loss += 0.5 * residual * residual / 30;
  }
  EXPECT_NEAR(g.loss, loss, 1e-14);
  EXPECT_NEAR(g.loss, mean_loss<double>(world, small.problem, {4, 30}, small.start), 1e-14);
}

TEST(FunctionGradient, gives_the_parameter_gradient_by_a_backward_pass) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small({8, 7}, LossKind::cross_entropy);
  const auto g = function_gradient<double>(world, small.problem, {0, 37}, small.start);
  SampleBatch<double> batch = made_up_samples<double>(37, 3, 2);
  const auto pass = small.network->forward(small.start, batch.inputs());
  std::vector<double> expected(small.start.size(), 0.0);
  pass->backward({g.gradient.data(), 2, 37, 2}, expected);
  SharedGradient<double> shared(world, small.problem);
  shared.differentiate({.kind = BatchKind::full, .samples = 37}, 0, small.start);
  for (std::size_t k = 0; k < expected.size(); ++k)
    EXPECT_NEAR(shared.gradient()[k], expected[k], 1e-15);
}

TEST(FunctionGradient, of_fewer_samples_than_ranks_and_in_single_precision) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small;
  const SmallProblem<float> single;
  const auto g = function_gradient<double>(world, small.problem, {7, 1}, small.start);
  const auto f = function_gradient<float>(world, single.problem, {7, 1}, single.start);
  ASSERT_EQ(f.gradient.size(), 2u);
  for (std::size_t r = 0; r < 2; ++r) {
    EXPECT_NEAR(f.output[r], g.output[r], 1e-5);
    EXPECT_NEAR(f.gradient[r], g.gradient[r], 1e-5);
  }
  EXPECT_NEAR(f.loss, g.loss, 1e-5);
}

TEST(FunctionGradient, an_error_of_one_ranks_samples_is_thrown_by_all) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small;
  const SpoiltSamples spoilt(small.samples,
                             [&](std::span<const std::int64_t> index, SampleBatch<double>&) {
                               for (const std::int64_t i : index)
                                 if (i == 36) throw Error(ExitCode::input, "planted");
                             });
  small.problem.samples = &spoilt;
  EXPECT_THROW(function_gradient<double>(world, small.problem, {0, 37}, small.start), AgreedError);
  EXPECT_THROW(mean_loss<double>(world, small.problem, {0, 37}, small.start), AgreedError);
}

TEST(SplitForModels, every_model_is_trained_by_one_group_as_it_is_by_one_rank) {
  const Communicator world = Communicator::world(), self = alone(world);
  const std::vector<std::int64_t> widths{4, 9, 5, 7, 6};
  std::vector<ModelCost> costs;
  for (const std::int64_t width : widths)
    costs.push_back({.divided = static_cast<double>(width), .reduced = 1});
  const MyModels mine = split_for_models(world, costs);
  EXPECT_EQ(mine.group.size(),
            mine.plan.size[static_cast<std::size_t>(mine.plan.group_of(world.rank()))]);
  std::vector<double> trained(widths.size(), 0.0);
  for (const std::size_t model : mine.models) {
    const SmallProblem<double> small({widths[model]});
    const auto shared = run(mine.group, small, full_batch(20, 0.1));
    const auto one = run(self, small, full_batch(20, 0.1));
    EXPECT_LT(largest_relative_difference(shared.losses, one.losses), 1e-12);
    if (mine.group.root()) trained[model] += 1;
  }
  world.sum(trained);
  EXPECT_THAT(trained, testing::Each(1.0));
}

TEST(TrainingCost, counts_passes_the_optimiser_and_reductions) {
  const auto network = make_mlp<double>({.input = 10, .hidden = {20}, .classes = 5});
  const TrainingRates rates{
      .flops = 2, .memory_bytes = 4, .reduction_bytes = 8, .reduction_latency = 3};
  const ModelCost cost = training_cost(*network, 7, 11, rates);
  const auto n = static_cast<double>(network->parameters());
  EXPECT_DOUBLE_EQ(cost.divided, 7 * 11 * 3 * network->forward_flops() / 2);
  EXPECT_DOUBLE_EQ(cost.replicated, 7 * 56 * n / 4);
  EXPECT_DOUBLE_EQ(cost.reduced, 7 * (3 + n));
}

}  // namespace
}  // namespace fathom
