// Networks with their kernel frozen, against explicit Jacobians.

#include "training/frozen.hpp"

#include "small_problems.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using namespace testing_training;

/// All samples of a problem, their outputs stacked sample by sample.
template <class T>
SampleBatch<T> whole(const SmallProblem<T>& small) {
  std::vector<std::int64_t> index(37);
  for (std::size_t i = 0; i < index.size(); ++i)
    index[i] = static_cast<std::int64_t>(i);
  SampleBatch<T> batch;
  small.samples.fill(index, batch);
  return batch;
}

/// Row by row, a backward pass for every output of every sample alone.
std::vector<std::vector<double>> explicit_jacobian(const SmallProblem<double>& small,
                                                   const std::vector<double>& parameters) {
  const SampleBatch<double> batch = whole(small);
  const auto pass = small.network->forward(parameters, batch.inputs());
  std::vector<std::vector<double>> rows;
  for (std::size_t r = 0; r < 74; ++r) {
    std::vector<double> g(74, 0.0), row(parameters.size(), 0.0);
    g[r] = 1;
    pass->backward({g.data(), 2, 37, 2}, row);
    rows.push_back(row);
  }
  return rows;
}

/// Losses of r ← (1 − η Θ/n) r, Θ = JJᵀ, from the residuals at `parameters`.
std::vector<double> losses_in_function_space(const SmallProblem<double>& small,
                                             const std::vector<double>& parameters,
                                             const std::vector<std::vector<double>>& jacobian,
                                             double rate, int steps) {
  const SampleBatch<double> batch = whole(small);
  const auto pass = small.network->forward(parameters, batch.inputs());
  std::vector<double> residual(74), losses;
  for (std::size_t r = 0; r < 74; ++r)
    residual[r] = pass->outputs().data[r] - batch.values[r];
  for (int step = 0; step < steps; ++step) {
    double sum = 0;
    for (const double r : residual)
      sum += 0.5 * r * r / 37;
    losses.push_back(sum);
    std::vector<double> next = residual;
    for (std::size_t r = 0; r < 74; ++r)
      for (std::size_t s = 0; s < 74; ++s) {
        double theta = 0;
        for (std::size_t k = 0; k < jacobian[r].size(); ++k)
          theta += jacobian[r][k] * jacobian[s][k];
        next[r] -= rate / 37 * theta * residual[s];
      }
    residual = next;
  }
  return losses;
}

TEST(LinearisedNetwork, of_a_network_that_is_linear_is_that_network) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small(no_hidden_layer);
  const auto original = run(world, small, full_batch(50, 0.1));
  const LinearisedNetwork<double> frozen(*small.network, small.start);
  small.problem.network = &frozen;
  const auto linearised = run(world, small, full_batch(50, 0.1));
  EXPECT_LT(largest_relative_difference(linearised.losses, original.losses), 1e-12);
}

TEST(LinearisedNetwork, has_the_originals_outputs_at_its_origin_and_its_tangent_around_it) {
  const SmallProblem<double> small;
  const SampleBatch<double> batch = whole(small);
  const LinearisedNetwork<double> frozen(*small.network, small.start);
  std::vector<double> direction(small.start.size());
  for (std::size_t k = 0; k < direction.size(); ++k)
    direction[k] = std::sin(1.0 + 3.0 * static_cast<double>(k));
  const auto distance = [&](double length) {
    std::vector<double> moved = small.start;
    for (std::size_t k = 0; k < moved.size(); ++k)
      moved[k] += length * direction[k];
    const auto exact = small.network->forward(moved, batch.inputs());
    const auto linear = frozen.forward(moved, batch.inputs());
    double largest = 0;
    for (std::size_t r = 0; r < 74; ++r)
      largest = std::max(largest, std::abs(exact->outputs().data[r] - linear->outputs().data[r]));
    return largest;
  };
  EXPECT_EQ(distance(0), 0);
  // The remainder is of second order.
  EXPECT_GT(distance(1e-2), 1e-6);
  EXPECT_NEAR(distance(1e-2) / distance(1e-3), 100, 10);
}

TEST(LinearisedNetwork, full_batch_descent_follows_the_kernel_in_function_space) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small;
  const auto jacobian = explicit_jacobian(small, small.start);
  const auto expected = losses_in_function_space(small, small.start, jacobian, 0.1, 60);
  const LinearisedNetwork<double> frozen(*small.network, small.start);
  small.problem.network = &frozen;
  const auto result = run(world, small, full_batch(60, 0.1));
  EXPECT_LT(largest_relative_difference(result.losses, expected), 1e-11);
}

TEST(LinearisedNetwork, the_kernel_of_other_parameters_is_told_from_the_frozen_one) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small;
  const auto other = explicit_jacobian(small, initial_parameters(*small.network, 6));
  const auto expected = losses_in_function_space(small, small.start, other, 0.1, 60);
  const LinearisedNetwork<double> frozen(*small.network, small.start);
  small.problem.network = &frozen;
  const auto result = run(world, small, full_batch(60, 0.1));
  EXPECT_GT(largest_relative_difference(result.losses, expected), 1e-3);
}

TEST(LinearisedNetwork, goes_on_from_a_snapshot_on_the_same_batches) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small;
  TrainingOptions options = full_batch(20, 0.1);
  options.batches = {.kind = BatchKind::permutation, .samples = 37, .size = 10, .seed = 2};
  const auto learning = run(world, small, options);
  options.steps = 21;
  const auto next = train<double>(world, small.problem, options, learning.state, {});
  const LinearisedNetwork<double> frozen(*small.network, learning.state.parameters);
  small.problem.network = &frozen;
  const auto frozen_next = train<double>(world, small.problem, options, learning.state, {});
  // The first step from the origin is the original's, to the last bit of its gradient.
  EXPECT_EQ(frozen_next.losses, next.losses);
  EXPECT_EQ(frozen_next.state.parameters, next.state.parameters);
  EXPECT_NE(frozen_next.final_loss, next.final_loss) << "outputs differ from there on";
}

TEST(LinearisedNetwork, in_single_precision) {
  const Communicator world = Communicator::world();
  SmallProblem<float> small;
  const SmallProblem<double> exact;
  const auto jacobian = explicit_jacobian(exact, exact.start);
  const auto expected = losses_in_function_space(exact, exact.start, jacobian, 0.1, 30);
  const LinearisedNetwork<float> frozen(*small.network, small.start);
  small.problem.network = &frozen;
  const auto result = run(world, small, full_batch(30, 0.1));
  EXPECT_LT(largest_relative_difference(result.losses, expected), 1e-5);
}

}  // namespace
}  // namespace fathom
