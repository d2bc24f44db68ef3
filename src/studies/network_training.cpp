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

/// One training, in one precision.
template <class T>
class Training {
 public:
  Training(const StudyContext& context, const StudyPoint& point, const Learner<T>& learner,
           LossKind loss, TrainingOptions options, const SnapshotObserver& observer)
      : comm_(context.world),
        learner_(learner),
        loss_(loss),
        options_(std::move(options)),
        observer_(observer),
        kept_(context.checkpoint, point_key(point),
              context.checkpoint.on() ? context.deck.seconds("run.checkpoint") : 0) {
    options_.stop = [this, &stop = context.stop, &progress = context.progress] {
      progress.advance(static_cast<double>(at_.state.step), static_cast<double>(options_.steps));
      return at_.diverged_at >= 0 || stop.asked();
    };
    at_.state.parameters = initial_parameters(*learner.network, seed_of(point.deck));
  }

  TrainingRecord run() {
    go_back();
    const std::int64_t seen_before = at_.state.samples;
    bool stopped = false;
    if (!at_.ended) {
      before_ = at_.losses;
      TrainingResult<T> result = train<T>(
          comm_, learner_.problem(loss_), options_, at_.state,
          [this](const TrainingSnapshot<T>& snapshot) { observe(snapshot); },
          [this](const TrainingState<T>& state, std::span<const double> losses) {
            after_step(state, losses);
          });
      if (at_.diverged_at < 0) at_.diverged_at = result.diverged_at;
      stopped = result.end == TrainingEnd::stopped && at_.diverged_at < 0;
      move_to(result.state, result.losses);
      at_.ended = !stopped;
      kept_.keep(comm_, at_);
    }
    return {.losses = std::move(at_.losses),
            .diverged_at = at_.diverged_at,
            .samples = at_.state.samples - seen_before,
            .stopped = stopped};
  }

 private:
  /// To where the checkpoint says; the snapshots before are observed again.
  void go_back() {
    auto before = kept_.template find<T>(comm_);
    if (!before) return;
    at_ = std::move(*before);
    while (auto snapshot = kept_.find_snapshot(comm_, snapshots_)) {
      if (!at_.ended && snapshot->step >= at_.state.step) break;
      ++snapshots_;
      observer_(*snapshot);
    }
  }

  void observe(const TrainingSnapshot<T>& snapshot) {
    if (past_return(snapshot) || snapshot.end == TrainingEnd::stopped) return;
    const TrainingState<T>& state = snapshot.state;
    const ParameterSnapshot taken{.step = state.step,
                                  .time = state.time,
                                  .compute = snapshot.compute,
                                  .parameters = {state.parameters.begin(), state.parameters.end()}};
    if (kept_.on()) {
      kept_.keep_snapshot(comm_, snapshots_, taken);
      move_to(state, snapshot.losses);
      kept_.keep(comm_, at_);
    }
    ++snapshots_;
    observer_(taken);
  }

  bool past_return(const TrainingSnapshot<T>& snapshot) {
    constexpr double growth = 1e12;
    if (!at_.first_loss) at_.first_loss = snapshot.loss;
    if (at_.diverged_at < 0 && snapshot.loss > growth * std::max(1.0, *at_.first_loss))
      at_.diverged_at = snapshot.state.step;
    return at_.diverged_at >= 0;
  }

  void after_step(const TrainingState<T>& state, std::span<const double> losses) {
    at_.state.step = state.step;
    if (!comm_.root() || !kept_.due()) return;
    TrainingProgress<T> now = at_;
    now.state = state;
    now.losses = before_;
    now.losses.insert(now.losses.end(), losses.begin(), losses.end());
    kept_.keep_quietly(now);
  }

  void move_to(const TrainingState<T>& state, std::span<const double> losses) {
    at_.state = state;
    at_.losses = before_;
    at_.losses.insert(at_.losses.end(), losses.begin(), losses.end());
  }

  const Communicator& comm_;
  const Learner<T>& learner_;
  LossKind loss_;
  TrainingOptions options_;
  const SnapshotObserver& observer_;
  KeptTraining kept_;
  TrainingProgress<T> at_;      // as last kept; its step is the current one
  std::vector<double> before_;  // losses of the run that this one goes on from
  std::size_t snapshots_ = 0;
};

/// An earlier run has done all of it. Collective.
bool is_done(const StudyContext& context, const StudyPoint& point) {
  std::int64_t done = 0;
  context.world.agree_on_root([&] {
    done = context.checkpoint.on() && !context.checkpoint.keys(point_key(point) + ".done").empty();
  });
  return context.world.max(done) != 0;
}

}  // namespace

TrainingRecord train_network(const StudyContext& context, const StudyPoint& point,
                             const TrainedModel& model, const TrainingOptions& options,
                             const SnapshotObserver& observer) {
  const auto train_with = [&]<class T>(const Learner<T>& learner) {
    return Training<T>(context, point, learner, model.loss, options, observer).run();
  };
  return model.in_single() ? train_with(model.single) : train_with(model.exact);
}

SweepTraining::SweepTraining(const StudyContext& context)
    : context_(context), points_(study_points(context.deck)) {
  if (context.world.size() == 1 || std::ranges::count_if(points_, has_network) < 2) return;
  for (const StudyPoint& point : points_) {
    if (!has_network(point) || is_done(context, point)) continue;
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
  TrainingRecord record =
      train_network(context_, point, model, options, [&](const ParameterSnapshot& snapshot) {
        const Timer snapshot_timer;
        observer(snapshot);
        in_snapshots += snapshot_timer.seconds();
      });
  const double seconds = timer.seconds() - in_snapshots;
  context_.progress.end("training", seconds);
  context_.clock.add("training", seconds, training_flops(*model.exact.network, record.samples));
  if (record.stopped) safe_point(context_);
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
          : fmt::format("training: {} networks in {} groups of ranks, counted: {:.3g} s against "
                        "{:.3g} s one after another",
                        wave.size(), groups, plan.seconds, alone));
  if (groups == 1) return;
  for (const std::vector<std::size_t>& models : plan.models) {
    double held = 0;
    for (const std::size_t model : models)
      held += wave[model].kept_bytes;
    held_bytes_ = std::max(held_bytes_, held);
  }
  train_in_groups(wave, split_for_models(context_.world, costs));
}

void SweepTraining::train_in_groups(const std::vector<Demand>& wave, const MyModels& mine) {
  context_.progress.begin("training");
  const Timer timer;
  double flops = 0;
  // An error that a group agrees on is the world's when the other groups are done.
  std::exception_ptr failure;
  try {
    const StudyContext group{
        mine.group,      context_.deck,          context_.progress,   context_.clock,
        context_.file,   context_.stop,          context_.checkpoint, context_.point_done,
        context_.inputs, context_.memory_a_rank, context_.machine};
    for (const std::size_t of_wave : mine.models) {
      const std::size_t point = wave[of_wave].point;
      const Deck& deck = points_[point].deck;
      const TrainedModel model = make_trained_model(group, deck);
      mine.group.agree([] { fault_point("studies.training"); });
      Kept& kept = kept_[point];
      kept.record = train_network(group, points_[point], model, training_options(deck, model),
                                  [&](const ParameterSnapshot& snapshot) {
                                    mine.group.agree([&] {
                                      fault_point("studies.keep_snapshot");
                                      if (mine.group.root()) kept.snapshots.push_back(snapshot);
                                    });
                                  });
      if (mine.group.root()) flops += training_flops(*model.exact.network, kept.record.samples);
    }
  } catch (const AgreedError&) {
    failure = std::current_exception();
  }
  context_.world.agree([&] {
    if (failure) std::rethrow_exception(failure);
  });
  // A group that stopped before its last step did so because one of its ranks was asked to; all are
  // asked again here.
  safe_point(context_);
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
