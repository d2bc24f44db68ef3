#include "studies/network_training.hpp"

#include "base/fault.hpp"
#include "studies/sample_models.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace fathom {
namespace {

bool has_network(const StudyPoint& point) {
  return point.deck.text("kernel.type") == "network";
}

template <class T>
TrainingRecord train_in(const Communicator& comm, const Learner<T>& learner, LossKind loss,
                        TrainingOptions options, std::uint64_t seed,
                        const SnapshotObserver& observer) {
  TrainingRecord record;
  std::optional<double> first_loss;
  const auto past_return = [&](const TrainingSnapshot<T>& snapshot) {
    constexpr double growth = 1e12;
    if (!first_loss) first_loss = snapshot.loss;
    if (record.diverged_at < 0 && snapshot.loss > growth * std::max(1.0, *first_loss))
      record.diverged_at = snapshot.state.step;
    return record.diverged_at >= 0;
  };
  options.stop = [&record] { return record.diverged_at >= 0; };
  TrainingState<T> start;
  start.parameters = initial_parameters(*learner.network, seed);
  TrainingResult<T> result =
      train<T>(comm, learner.problem(loss), options, std::move(start),
               [&](const TrainingSnapshot<T>& snapshot) {
                 if (past_return(snapshot)) return;
                 const TrainingState<T>& state = snapshot.state;
                 observer({.step = state.step,
                           .time = state.time,
                           .compute = snapshot.compute,
                           .parameters = {state.parameters.begin(), state.parameters.end()}});
               });
  record.losses = std::move(result.losses);
  record.samples = result.state.samples;
  if (record.diverged_at < 0) record.diverged_at = result.diverged_at;
  return record;
}

}  // namespace

TrainingRecord train_network(const Communicator& comm, const TrainedModel& model,
                             const TrainingOptions& options, std::uint64_t seed,
                             const SnapshotObserver& observer) {
  return model.in_single() ? train_in(comm, model.single, model.loss, options, seed, observer)
                           : train_in(comm, model.exact, model.loss, options, seed, observer);
}

SweepTraining::SweepTraining(const StudyContext& context)
    : context_(context), points_(study_points(context.deck)) {
  if (context.world.size() == 1 || std::ranges::count_if(points_, has_network) < 2) return;
  for (const StudyPoint& point : points_) {
    if (!has_network(point)) continue;
    const TrainedModel model = make_trained_model(context, point.deck);
    const TrainingOptions options = training_options(point.deck, model);
    const Network<double>& network = *model.exact.network;
    demands_.push_back(
        {.point = point.index,
         .cost = training_cost(network, options.steps, options.batches.step_size()),
         .kept_bytes = 8.0 * double(network.parameters()) * double(options.snapshots.size() + 1)});
  }
}

TrainingRecord SweepTraining::train(const StudyPoint& point, const TrainedModel& model,
                                    const TrainingOptions& options,
                                    const SnapshotObserver& observer) {
  while (planned_ < demands_.size() && demands_[planned_].point <= point.index)
    train_wave();
  const auto kept = kept_.extract(point.index);
  if (kept.empty()) return train_alone(point, model, options, observer);
  return hand_out(kept.mapped(), model.exact.network->parameters(), observer);
}

TrainingRecord SweepTraining::train_alone(const StudyPoint& point, const TrainedModel& model,
                                          const TrainingOptions& options,
                                          const SnapshotObserver& observer) {
  context_.progress.begin("training");
  const Timer timer;
  double in_snapshots = 0;
  TrainingRecord record = train_network(context_.world, model, options, seed_of(point.deck),
                                        [&](const ParameterSnapshot& snapshot) {
                                          const Timer snapshot_timer;
                                          observer(snapshot);
                                          in_snapshots += snapshot_timer.seconds();
                                        });
  const double seconds = timer.seconds() - in_snapshots;
  context_.progress.end("training", seconds);
  context_.clock.add("training", seconds, training_flops(*model.exact.network, record.samples));
  return record;
}

void SweepTraining::train_wave() {
  // What one rank may come to hold if all of a wave fall to it.
  const double room = context_.memory_a_rank / 4;
  std::vector<Demand> wave;
  double bytes = 0;
  for (; planned_ < demands_.size(); ++planned_) {
    bytes += demands_[planned_].kept_bytes;
    if (!wave.empty() && bytes > room) break;
    wave.push_back(demands_[planned_]);
  }
  std::vector<ModelCost> costs;
  for (const Demand& demand : wave)
    costs.push_back(demand.cost);
  const ModelGroups plan = plan_groups(costs, context_.world.size());
  const std::size_t groups = plan.size.size();
  double alone = 0;
  for (const ModelCost& cost : costs)
    alone += cost.on(context_.world.size());
  context_.progress.note(
      groups == 1
          ? fmt::format("training: all ranks on one network after another, {} of them", wave.size())
          : fmt::format("training: {} networks in {} groups of ranks, counted to be done {:.1f} "
                        "times as soon as one after another",
                        wave.size(), groups, alone / plan.seconds));
  if (groups > 1) train_in_groups(wave, split_for_models(context_.world, costs));
}

void SweepTraining::train_in_groups(const std::vector<Demand>& wave, const MyModels& mine) {
  context_.progress.begin("training");
  const Timer timer;
  double flops = 0;
  // An error that a group agrees on is the world's when the other groups are done.
  std::exception_ptr failure;
  try {
    const StudyContext group{mine.group,      context_.deck,         context_.progress,
                             context_.clock,  context_.file,         context_.point_done,
                             context_.inputs, context_.memory_a_rank};
    for (const std::size_t of_wave : mine.models) {
      const std::size_t point = wave[of_wave].point;
      const Deck& deck = points_[point].deck;
      const TrainedModel model = make_trained_model(group, deck);
      mine.group.agree([] { fault_point("studies.training"); });
      Kept& kept = kept_[point];
      kept.record = train_network(mine.group, model, training_options(deck, model), seed_of(deck),
                                  [&](const ParameterSnapshot& snapshot) {
                                    if (mine.group.root()) kept.snapshots.push_back(snapshot);
                                  });
      if (mine.group.root()) flops += training_flops(*model.exact.network, kept.record.samples);
    }
  } catch (const AgreedError&) {
    failure = std::current_exception();
  }
  context_.world.agree([&] {
    if (failure) std::rethrow_exception(failure);
  });
  int first_rank = 0;
  for (std::size_t g = 0; g < mine.plan.size.size(); ++g) {
    for (const std::size_t of_wave : mine.plan.models[g])
      kept_[wave[of_wave].point].owner = first_rank;
    first_rank += mine.plan.size[g];
  }
  flops = context_.world.sum(flops);
  context_.progress.end("training", timer.seconds());
  context_.clock.add("training", timer.seconds(), flops);
}

TrainingRecord SweepTraining::hand_out(const Kept& kept, std::int64_t parameters,
                                       const SnapshotObserver& observer) const {
  const Communicator& world = context_.world;
  TrainingRecord record = kept.record;
  std::vector<std::int64_t> counts{std::ssize(kept.snapshots), std::ssize(record.losses),
                                   record.diverged_at, record.samples};
  world.broadcast(counts, kept.owner);
  record.diverged_at = counts[2];
  record.samples = counts[3];
  record.losses.resize(static_cast<std::size_t>(counts[1]));
  world.broadcast(record.losses, kept.owner);
  for (std::size_t s = 0; s < static_cast<std::size_t>(counts[0]); ++s) {
    ParameterSnapshot snapshot;
    if (world.rank() == kept.owner) snapshot = kept.snapshots[s];
    std::vector<double> moment{double(snapshot.step), snapshot.time, snapshot.compute};
    world.broadcast(moment, kept.owner);
    snapshot.step = static_cast<std::int64_t>(moment[0]);
    snapshot.time = moment[1];
    snapshot.compute = moment[2];
    snapshot.parameters.resize(static_cast<std::size_t>(parameters));
    world.broadcast(snapshot.parameters, kept.owner);
    observer(snapshot);
  }
  return record;
}

}  // namespace fathom
