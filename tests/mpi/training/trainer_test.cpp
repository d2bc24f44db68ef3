// Training on all ranks against training on one, and what a run gives.

#include "training/trainer.hpp"

#include "small_problems.hpp"

#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using namespace testing_training;
using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

/// Collective.
bool same_bits_on_all_ranks(const Communicator& comm, std::vector<double> values) {
  std::vector<double> of_root = values;
  comm.broadcast(of_root);
  return comm.min(std::int64_t{same_bits(values, of_root)}) == 1;
}

struct Case {
  const char* what;
  OptimiserKind optimiser;
  double rate;
  Batches batches;
  LossKind loss = LossKind::squared_error;
};

std::vector<Case> cases() {
  const Batches full{.kind = BatchKind::full, .samples = 37};
  const Batches permuted{.kind = BatchKind::permutation, .samples = 37, .size = 11, .seed = 3};
  const Batches pairs{.kind = BatchKind::replacement, .samples = 37, .size = 2, .seed = 3};
  return {{"full batch", OptimiserKind::sgd, 0.1, full},
          {"momentum", OptimiserKind::momentum, 0.02, permuted},
          {"fewer samples than ranks", OptimiserKind::sgd, 0.05, pairs},
          {"adam", OptimiserKind::adam, 0.003, permuted},
          {"adamw", OptimiserKind::adamw, 0.003, full},
          {"cross-entropy", OptimiserKind::sgd, 0.2, permuted, LossKind::cross_entropy}};
}

TrainingOptions options_of(const Case& c) {
  TrainingOptions options = full_batch(100, c.rate);
  options.optimiser.kind = c.optimiser;
  options.optimiser.weight_decay = 1e-3;
  options.optimiser.clip_norm = 2;
  options.batches = c.batches;
  return options;
}

TEST(Trainer, losses_do_not_depend_on_the_number_of_ranks) {
  const Communicator world = Communicator::world(), self = alone(world);
  for (const Case& c : cases()) {
    const SmallProblem<double> small({8, 7}, c.loss);
    const auto shared = run(world, small, options_of(c));
    const auto one = run(self, small, options_of(c));
    EXPECT_EQ(shared.losses.size(), 100u) << c.what;
    EXPECT_LT(largest_relative_difference(shared.losses, one.losses), 1e-10) << c.what;
    EXPECT_NEAR(shared.final_loss, one.final_loss, 1e-10 * one.final_loss) << c.what;
  }
}

TEST(Trainer, a_rank_whose_share_of_the_gradient_is_lost_is_seen) {
  const Communicator world = Communicator::world(), self = alone(world);
  if (world.size() == 1) GTEST_SKIP() << "needs two ranks";
  SmallProblem<double> small;
  const auto one = run(self, small, full_batch(20, 0.1));
  SpoiltNetwork spoilt(*small.network);
  spoilt.drops_gradients = world.rank() == world.size() - 1;
  small.problem.network = &spoilt;
  const auto shared = run(world, small, full_batch(20, 0.1));
  EXPECT_GT(largest_relative_difference(shared.losses, one.losses), 1e-4);
}

TEST(Trainer, two_runs_of_one_layout_have_the_same_bits) {
  const Communicator world = Communicator::world();
  for (const Case& c : cases()) {
    const SmallProblem<double> small({8, 7}, c.loss);
    const auto first = run(world, small, options_of(c));
    const auto second = run(world, small, options_of(c));
    EXPECT_TRUE(same_bits(first.losses, second.losses)) << c.what;
    EXPECT_TRUE(same_bits(first.state.parameters, second.state.parameters)) << c.what;
  }
}

TEST(Trainer, parameters_have_the_same_bits_on_all_ranks) {
  const Communicator world = Communicator::world();
  for (const Case& c : cases()) {
    const SmallProblem<double> small({8, 7}, c.loss);
    const auto result = run(world, small, options_of(c));
    EXPECT_TRUE(same_bits_on_all_ranks(world, result.state.parameters)) << c.what;
    EXPECT_TRUE(same_bits_on_all_ranks(world, result.losses)) << c.what;
  }
}

TEST(Trainer, parameters_that_differ_between_ranks_end_the_run_on_all_of_them) {
  const Communicator world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "needs two ranks";
  SmallProblem<double> small;
  SpoiltNetwork spoilt(*small.network);
  if (world.rank() == 1) spoilt.rates()[0].sgd_rate *= 1 + 1e-15;
  small.problem.network = &spoilt;
  try {
    run(world, small, full_batch(5, 0.1));
    FAIL() << "nothing thrown";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), testing::HasSubstr("differ between ranks"));
  }
}

TEST(Trainer, one_step_by_hand) {
  const Communicator world = Communicator::world();
  // f = w x, no bias: (x, y) = (1, 1), (2, 0), (3, 2) and w = 1. Residuals 0, 2, 1;
  // L = (0 + 4 + 1)/6, dL/dw = (0·1 + 2·2 + 1·3)/3 = 7/3.
  const auto network = make_mlp<double>({.hidden = {}, .biases = false});
  SampleBatch<double> all;
  all.samples = 3;
  all.dim = all.outputs = 1;
  all.features = {1, 2, 3};
  all.values = {1, 0, 2};
  const StoredSamples<double> samples(all);
  const TrainingProblem<double> problem{network.get(), LossKind::squared_error, &samples};
  TrainingOptions options = full_batch(1, 0.3);
  options.batches.samples = 3;
  TrainingState<double> start;
  start.parameters = {1};
  const auto result = train<double>(world, problem, options, start, {});
  EXPECT_THAT(result.losses, ElementsAre(testing::DoubleEq(5.0 / 6)));
  EXPECT_NEAR(result.state.parameters[0], 1 - 0.7, 1e-15);
  // w = 0.3: residuals −0.7, 0.6, −1.1.
  EXPECT_NEAR(result.final_loss, (0.49 + 0.36 + 1.21) / 6, 1e-15);
}

TEST(Trainer, labels_that_do_not_count_are_as_if_they_were_not_there) {
  const Communicator world = Communicator::world();
  SmallProblem<double> some({8}, LossKind::cross_entropy);
  const SpoiltSamples masked(some.samples,
                             [](std::span<const std::int64_t> index, SampleBatch<double>& batch) {
                               for (std::size_t i = 0; i < index.size(); ++i)
                                 if (index[i] >= 20) batch.labels[i] = -1;
                             });
  SmallProblem<double> fewer({8}, LossKind::cross_entropy);
  some.problem.samples = &masked;
  TrainingOptions options = full_batch(10, 0.2);
  const auto with_masked = run(world, some, options);
  options.batches.samples = 20;
  const auto without = run(world, fewer, options);
  EXPECT_LT(largest_relative_difference(with_masked.losses, without.losses), 1e-13);
}

TEST(Trainer, a_batch_in_which_nothing_counts_is_an_error_of_the_input) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small({8}, LossKind::cross_entropy);
  const SpoiltSamples masked(small.samples,
                             [](std::span<const std::int64_t>, SampleBatch<double>& batch) {
                               std::ranges::fill(batch.labels, -1);
                             });
  small.problem.samples = &masked;
  EXPECT_THROW(run(world, small, full_batch(1, 0.1)), AgreedError);
}

TEST(Trainer, snapshots_come_at_their_steps_with_time_and_compute) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small;
  TrainingOptions options = full_batch(20, 0.1);
  options.rate.warmup = 4;
  options.snapshots = log_spaced_steps(20, 3);
  std::vector<std::int64_t> steps;
  std::vector<double> losses;
  const auto observer = [&](const TrainingSnapshot<double>& snapshot) {
    const auto step = static_cast<double>(snapshot.state.step);
    steps.push_back(snapshot.state.step);
    losses.push_back(snapshot.loss);
    double time = 0;
    for (std::int64_t s = 0; s < snapshot.state.step; ++s)
      time += options.rate.at(s);
    EXPECT_DOUBLE_EQ(snapshot.state.time, time);
    EXPECT_DOUBLE_EQ(snapshot.compute,
                     6.0 * static_cast<double>(small.network->parameters()) * 37 * step);
    if (snapshot.state.step == 0) {
      EXPECT_EQ(snapshot.state.parameters, small.start);
    }
    EXPECT_EQ(world.sum(1.0), world.size()) << "may be collective";
  };
  const auto result = train<double>(world, small.problem, options, small.state(), observer);
  EXPECT_EQ(result.end, TrainingEnd::finished);
  EXPECT_THAT(steps, ElementsAre(0, 1, 2, 5, 10, 20));
  EXPECT_EQ(losses.front(), result.losses.front());
  EXPECT_EQ(losses[3], result.losses[5]);
  EXPECT_EQ(losses.back(), result.final_loss);
  EXPECT_LT(losses.back(), losses.front());
}

TEST(Trainer, a_run_that_goes_on_has_the_bits_of_one_that_never_stopped) {
  const Communicator world = Communicator::world();
  for (const Case& c : cases()) {
    const SmallProblem<double> small({8, 7}, c.loss);
    TrainingOptions options = options_of(c);
    const auto whole = run(world, small, options);
    options.steps = 33;
    const auto part = run(world, small, options);
    options.steps = 100;
    const auto rest = train<double>(world, small.problem, options, part.state, {});
    std::vector<double> losses = part.losses;
    losses.insert(losses.end(), rest.losses.begin(), rest.losses.end());
    EXPECT_TRUE(same_bits(losses, whole.losses)) << c.what;
    EXPECT_TRUE(same_bits(rest.state.parameters, whole.state.parameters)) << c.what;
    EXPECT_EQ(rest.state.time, whole.state.time) << c.what;
    EXPECT_EQ(rest.state.samples, whole.state.samples) << c.what;
  }
}

TEST(Trainer, ends_at_its_target) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small;
  const auto whole = run(world, small, full_batch(30, 0.1));
  TrainingOptions options = full_batch(30, 0.1);
  options.target_loss = whole.losses[12];
  std::int64_t last = -1;
  const auto result =
      train<double>(world, small.problem, options, small.state(),
                    [&](const TrainingSnapshot<double>& snapshot) { last = snapshot.state.step; });
  EXPECT_EQ(result.end, TrainingEnd::target);
  EXPECT_EQ(result.state.step, 12);
  EXPECT_EQ(last, 12) << "the end is always observed";
  EXPECT_EQ(result.final_loss, whole.losses[12]);
}

TEST(Trainer, stops_on_all_ranks_where_one_is_asked_to) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small;
  TrainingOptions options = full_batch(30, 0.1);
  int asked = 0;
  options.stop = [&] { return ++asked == 8 && world.rank() == world.size() - 1; };
  const auto result = run(world, small, options);
  EXPECT_EQ(result.end, TrainingEnd::stopped);
  EXPECT_EQ(result.state.step, 7);
  EXPECT_EQ(result.losses.size(), 7u);
}

TEST(Trainer, a_rate_that_is_no_number_diverges_on_all_ranks) {
  const Communicator world = Communicator::world();
  const SmallProblem<double> small;
  int observed = 0;
  TrainingOptions options = full_batch(30, nan);
  options.snapshots = {0, 1, 2};
  const auto result = train<double>(world, small.problem, options, small.state(),
                                    [&](const TrainingSnapshot<double>&) { ++observed; });
  EXPECT_EQ(result.end, TrainingEnd::diverged);
  EXPECT_EQ(result.diverged_at, 1);
  EXPECT_EQ(result.losses.size(), 1u) << "the loss before the step stands";
  EXPECT_EQ(observed, 1);
}

TEST(Trainer, a_rate_that_is_too_large_diverges_at_one_step_and_keeps_the_losses) {
  const Communicator world = Communicator::world();
  // A network that is linear in its parameters: the loss grows by a factor a step.
  const SmallProblem<double> small(no_hidden_layer);
  const auto result = run(world, small, full_batch(2000, 50));
  EXPECT_EQ(result.end, TrainingEnd::diverged);
  EXPECT_GT(result.diverged_at, 50);
  EXPECT_LT(result.diverged_at, 1000);
  EXPECT_EQ(std::ssize(result.losses), result.diverged_at);
  EXPECT_TRUE(std::isfinite(result.losses.back()));
  EXPECT_EQ(world.min(result.diverged_at), world.max(result.diverged_at));
}

TEST(Trainer, one_ranks_sample_that_is_no_number_diverges_on_all) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small;
  const SpoiltSamples spoilt(small.samples,
                             [](std::span<const std::int64_t> index, SampleBatch<double>& batch) {
                               for (std::size_t i = 0; i < index.size(); ++i)
                                 if (index[i] == 36) batch.values[2 * i] = nan;
                             });
  small.problem.samples = &spoilt;
  const auto result = run(world, small, full_batch(30, 0.1));
  EXPECT_EQ(result.end, TrainingEnd::diverged);
  EXPECT_EQ(result.diverged_at, 0);
  EXPECT_TRUE(result.losses.empty());
  EXPECT_EQ(result.state.parameters, small.start);
}

TEST(Trainer, an_error_of_one_ranks_samples_is_thrown_by_all) {
  const Communicator world = Communicator::world();
  SmallProblem<double> small;
  int filled = 0;
  const SpoiltSamples spoilt(small.samples,
                             [&](std::span<const std::int64_t>, SampleBatch<double>&) {
                               if (world.rank() == world.size() - 1 && ++filled == 6)
                                 throw Error(ExitCode::io, "planted");
                             });
  small.problem.samples = &spoilt;
  try {
    run(world, small, full_batch(30, 0.1));
    FAIL() << "nothing thrown";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_THAT(error.what(), testing::StartsWith("planted"));
  }
}

TEST(Trainer, single_precision_follows_double) {
  const Communicator world = Communicator::world();
  const auto single = run(world, SmallProblem<float>(), full_batch(50, 0.1));
  const auto exact = run(world, SmallProblem<double>(), full_batch(50, 0.1));
  EXPECT_LT(largest_relative_difference(single.losses, exact.losses), 1e-5);
}

TEST(LogSpacedSteps, begin_densely_and_end_with_the_last) {
  EXPECT_THAT(log_spaced_steps(0, 3), ElementsAre(0));
  EXPECT_THAT(log_spaced_steps(1, 3), ElementsAre(0, 1));
  EXPECT_THAT(log_spaced_steps(100, 1), ElementsAre(0, 1, 10, 100));
  EXPECT_THAT(log_spaced_steps(70, 2), ElementsAre(0, 1, 3, 10, 32, 70));
  EXPECT_THAT(log_spaced_steps(7, 50), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

}  // namespace
}  // namespace fathom
