// Study "spectral_reach": which eigenvalues of the tangent kernel drive the loss down while a model
// is trained, how deep into the tail that goes for each size, and what feature learning adds to a
// frozen kernel.

#include "base/fault.hpp"
#include "kernels/teacher.hpp"
#include "studies/kept_results.hpp"
#include "studies/network_training.hpp"
#include "studies/reach_run.hpp"
#include "studies/sample_models.hpp"
#include "studies/studies.hpp"
#include "training/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace fathom {
namespace {

ReachRun begin_run(const StudyPoint& point) {
  const Deck& deck = point.deck;
  ReachRun run;
  run.seed = deck.integer("run.seed");
  const bool network = deck.text("kernel.type") == "network";
  std::string size_key = network ? "kernel.width" : "kernel.features";
  for (const auto& [key, value] : point.set)
    if (key == "kernel.depth") size_key = key;
  for (const auto& [key, value] : point.set)
    if (key == "kernel.width") size_key = key;
  for (const auto& [key, value] : point.set)
    if (key != size_key && key != "run.seed")
      run.series += (run.series.empty() ? "" : ", ") + key + " = " + value;
  run.size = static_cast<double>(deck.integer(size_key));
  run.size_name = size_key.substr(size_key.find('.') + 1);
  return run;
}

void note_moment(const StudyContext& context, const KernelMoment& m) {
  context.progress.note(fmt::format(
      "step {}: loss {:.6g}, position {:.3g} (trusted {:.3g}, unreachable {:.2g}), half of the "
      "decrease down to mode {}, 90 % to {} of {} trusted",
      m.step, m.loss, m.position.chi_pos, m.position.chi_pos_trusted,
      m.position.unreachable_fraction, m.position.half.mode(), m.position.ninety.mode(),
      m.position.trusted));
}

/// From which snapshots the kernel is frozen: evenly spaced in the logarithm of the step, the first
/// one included, the last two left out.
std::vector<std::size_t> frozen_snapshots(std::size_t snapshots, std::int64_t wanted) {
  std::vector<std::size_t> starts;
  if (snapshots < 3) return starts;
  const std::size_t last = snapshots - 3;
  for (std::int64_t k = 0; k < wanted; ++k) {
    const auto at = static_cast<std::size_t>(
        std::llround(double(last) * double(k) / double(std::max<std::int64_t>(1, wanted))));
    if (starts.empty() || at > starts.back()) starts.push_back(at);
  }
  return starts;
}

/// The lines of a run's snapshots, from `first` on, as one.
void sum_up_snapshots(StudyOutcome& outcome, std::size_t first, const ReachRun& run,
                      const std::string& label) {
  if (run.moments.size() < 2 || outcome.lines.size() <= first) return;
  const std::string last = outcome.lines.back();
  outcome.lines.resize(first);
  std::int64_t least = run.moments.front().position.trusted, most = least;
  for (const KernelMoment& m : run.moments) {
    least = std::min(least, m.position.trusted);
    most = std::max(most, m.position.trusted);
  }
  outcome.lines.push_back(fmt::format(
      "{}{} snapshots, kernels of {} rows, {} to {} eigenvalues trusted; the last one: {}",
      label.empty() ? "" : label + ": ", run.moments.size(), run.moments.front().outputs, least,
      most, last.substr(last.find("n = "))));
}

/// One run of a network, its snapshots analysed as they come.
class NetworkRun {
 public:
  NetworkRun(const StudyContext& context, SweepTraining& training, const StudyPoint& point,
             StudyOutcome& outcome)
      : context_(context),
        training_(training),
        point_(point),
        deck_(point.deck),
        outcome_(outcome),
        model_(make_trained_model(context, point.deck)),
        options_(training_options(point.deck, model_)),
        times_(training_times(options_.rate, options_.snapshots)) {}

  ReachRun run() {
    run_ = begin_run(point_);
    run_.model = model_.exact.network->description();
    run_.data = model_.data;
    run_.parameters = model_.exact.network->parameters();
    run_.samples = model_.set.count;
    run_.classes = model_.exact.network->classes();
    run_.optimiser = deck_.text("training.optimiser");
    run_.best_loss = model_.best_loss;
    run_.groups = model_.group_names;
    run_.outputs = model_.outputs;
    context_.progress.note(fmt::format("--- {}{}; {} on {}, {} steps",
                                       point_.label.empty() ? "" : point_.label + ": ", run_.model,
                                       run_.optimiser, run_.data, options_.steps));
    if (!run_.outputs.every_output())
      context_.progress.note("kernel, gradient and loss of the snapshots are of these outputs: " +
                             run_.outputs.text());
    if (deck_.has("study.frozen"))
      frozen_ = frozen_snapshots(options_.snapshots.size(), deck_.integer("study.frozen"));
    const std::size_t lines = outcome_.lines.size();
    TrainingRecord record = training_.train(
        point_, model_, options_, [this](const ParameterSnapshot& snapshot) { analyse(snapshot); });
    run_.losses = std::move(record.losses);
    run_.diverged_at = record.diverged_at;
    if (run_.diverged_at >= 0) note_divergence();
    sum_up_snapshots(outcome_, lines, run_, point_.label);
    return std::move(run_);
  }

 private:
  void note_divergence() {
    // A frozen kernel is held against learning: not beyond where that ended.
    for (FrozenCurve& curve : run_.frozen)
      curve.end_after(run_.moments.size());
    context_.progress.warn(
        fmt::format("{}training diverged: before step {} parameters or loss are not finite, "
                    "or the loss is beyond all measure; what was found before stands",
                    point_.label.empty() ? "" : point_.label + ": ", run_.diverged_at));
  }

  /// Of an earlier run's checkpoint, or made and kept.
  void analyse(const ParameterSnapshot& at) {
    const std::string key =
        fmt::format("{}.moment-{:04}", point_key(point_), run_.moments.size() + 1);
    if (take_kept(key)) return;
    make_moment(at);
    context_.world.agree_on_root([&] {
      if (!context_.checkpoint.on()) return;
      Record record;
      add_part(record, "moment", to_record(run_.moments.back()));
      if (!run_.frozen.empty() && run_.frozen.back().start == at.step)
        add_part(record, "frozen", to_record(run_.frozen.back()));
      add_part(record, "outcome", to_record(outcome_));
      context_.checkpoint.keep(key, record);
    });
    safe_point(context_);
  }

  bool take_kept(const std::string& key) {
    bool taken = false;
    context_.world.agree([&] {
      const std::optional<Record> record = context_.checkpoint.find(key);
      if (!record) return;
      run_.moments.push_back(moment_from(part_of(*record, "moment")));
      if (has_part(*record, "frozen"))
        run_.frozen.push_back(frozen_curve_from(part_of(*record, "frozen")));
      outcome_ = outcome_from(part_of(*record, "outcome"));
      taken = true;
    });
    return taken;
  }

  void make_moment(const ParameterSnapshot& at) {
    context_.world.agree([] { fault_point("studies.snapshot"); });
    std::optional<DistMatrix> vectors;
    const std::string label =
        fmt::format("{}step {}", point_.label.empty() ? "" : point_.label + ", ", at.step);
    KernelMoment moment =
        network_moment(context_, deck_, model_, at.parameters, outcome_, label, vectors);
    moment.step = at.step;
    moment.time = at.time;
    moment.compute = at.compute;
    note_moment(context_, moment);
    const std::size_t place = run_.moments.size();
    if (std::find(frozen_.begin(), frozen_.end(), place) != frozen_.end())
      run_.frozen.push_back(freeze(moment, *vectors, at.parameters));
    run_.moments.push_back(std::move(moment));
  }

  /// Times of the snapshots to come follow from the schedule; so does their compute.
  FrozenCurve freeze(const KernelMoment& moment, const DistMatrix& vectors,
                     std::span<const double> parameters) {
    const double share = deck_.real("study.share");
    std::vector<double> compute;
    for (const std::int64_t step : options_.snapshots)
      compute.push_back(training_flops(*model_.exact.network, step * options_.batches.step_size()));
    if (model_.loss == LossKind::squared_error)
      return frozen_squared_error(moment, times_, compute, share);
    const FunctionGradient function =
        function_gradient(context_.world, model_.problem(), model_.set, parameters);
    SampleBatch<double> batch;
    std::vector<std::int64_t> index(static_cast<std::size_t>(model_.set.count));
    std::iota(index.begin(), index.end(), model_.set.first);
    model_.exact.samples->fill(index, batch);
    return frozen_cross_entropy(moment, vectors,
                                {.outputs = function.output,
                                 .labels = batch.labels,
                                 .classes = model_.exact.network->classes()},
                                times_, compute, share);
  }

  const StudyContext& context_;
  SweepTraining& training_;
  const StudyPoint& point_;
  const Deck& deck_;
  StudyOutcome& outcome_;
  TrainedModel model_;
  TrainingOptions options_;
  std::vector<double> times_;
  std::vector<std::size_t> frozen_;
  ReachRun run_;
};

/// Features that do not move: the kernel is one and the same, and training by gradient flow on
/// ‖f − y‖²/(2n) is known in closed form, signal and noise each for itself.
ReachRun features_run(const StudyContext& context, const StudyPoint& point, StudyOutcome& outcome) {
  const Deck& deck = point.deck;
  ReachRun run = begin_run(point);
  StudyProblem problem = make_problem(context, deck, point_key(point));
  const SolvedSpectrum solved = solve_problem(context, problem, outcome, point.label);
  const std::int64_t n = problem.spectrum.n;
  run.model = problem.assembly->kernel;
  run.optimiser = "gradient flow";
  run.data = fmt::format("power-law teacher, beta = {}", deck.real("data.target_exponent"));
  run.parameters = deck.integer("kernel.features");
  run.samples = n;
  std::vector<std::int64_t> index(static_cast<std::size_t>(n));
  std::iota(index.begin(), index.end(), 0);
  const TeacherTargets targets =
      Teacher(teacher_of(deck), static_cast<std::uint64_t>(run.seed)).targets(index);
  // f = 0 at first: r = −signal − noise, and g = r/n.
  std::vector<std::vector<double>> parts(3, std::vector<double>(index.size()));
  for (std::size_t i = 0; i < index.size(); ++i) {
    parts[1][i] = -targets.signal[i] / double(n);
    parts[2][i] = -targets.noise[i] / double(n);
    parts[0][i] = parts[1][i] + parts[2][i];
  }
  if (deck.real("data.noise") == 0) parts.resize(1);
  const FixedKernel kernel(solved.spectrum, parts, n);
  const double rate = deck.real("training.learning_rate");
  for (const std::int64_t step : log_spaced_steps(
           deck.integer("training.steps"), static_cast<int>(deck.integer("study.snapshots")))) {
    KernelMoment moment = kernel.moment(rate * double(step));
    moment.step = step;
    moment.compute = 6.0 * double(run.parameters) * double(n) * double(step);
    note_moment(context, moment);
    run.moments.push_back(std::move(moment));
  }
  return run;
}

}  // namespace

StudyOutcome run_spectral_reach_study(const StudyContext& context) {
  const double share = context.deck.real("study.share");
  SweepTraining training(context);
  std::vector<ReachRun> runs;
  StudyOutcome outcome = run_every_point(
      context,
      [&](const StudyContext& at, const StudyPoint& point, StudyOutcome& result) {
        runs.push_back(point.deck.text("kernel.type") == "network"
                           ? NetworkRun(at, training, point, result).run()
                           : features_run(at, point, result));
        write_reach_run(at.file.group(point.group), runs.back());
        at.file.settle();
        runs.back().keep_depths(share);
        if (runs.back().diverged_at >= 0) result.diverged = true;
        if (at.deck.sweep().size() <= 1)
          result.verdicts.push_back(reach_sentence(runs.back(), share));
      },
      {.take = [&] { return to_record(runs.back()); },
       .give = [&](const Record& record) { runs.push_back(reach_run_from(record)); }});
  outcome.predicted_peak_bytes += training.held_bytes();
  for (std::string& sentence :
       summarise_reach(context.file, runs, share, context.deck.real("study.confidence")))
    outcome.verdicts.push_back(std::move(sentence));
  return outcome;
}

}  // namespace fathom
