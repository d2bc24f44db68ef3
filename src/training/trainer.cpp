#include "training/trainer.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <type_traits>
#include <utility>

namespace fathom {
namespace {

template <class T>
bool all_finite(std::span<const T> values) {
  bool finite = true;
  for (const T value : values)
    finite &= std::abs(value) <= std::numeric_limits<T>::max();
  return finite;
}

/// Of the bits, by the mixing step of FNV-1a on words.
template <class T>
std::int64_t bits_hash(std::span<const T> values) {
  using Word = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const T value : values) {
    hash = (hash ^ std::bit_cast<Word>(value)) * 0x100000001b3u;
    hash ^= hash >> 32;
  }
  return static_cast<std::int64_t>(hash);
}

/// Error(internal) on every rank where the ranks' parameters differ. Collective.
template <class T>
void check_equal(const Communicator& comm, const TrainingState<T>& state) {
  const std::int64_t hash = bits_hash(std::span<const T>(state.parameters));
  if (comm.min(hash) != comm.max(hash))
    throw AgreedError(ExitCode::internal,
                      "the parameters before step {} differ between ranks: the sums of a reduction "
                      "must have the same bits on every rank of this MPI library",
                      state.step);
}

template <class T>
void check_arguments(const TrainingProblem<T>& problem, const TrainingOptions& options,
                     const TrainingState<T>& start) {
  const std::int64_t samples = problem.samples->samples();
  FATHOM_ASSERT(std::ssize(start.parameters) == problem.network->parameters(),
                "{} parameters for a network of {}", start.parameters.size(),
                problem.network->parameters());
  FATHOM_ASSERT(0 <= start.step && start.step <= options.steps, "start at step {} of {}",
                start.step, options.steps);
  FATHOM_ASSERT(options.batches.step_size() > 0, "batches of {} samples",
                options.batches.step_size());
  if (options.batches.kind == BatchKind::fresh)
    FATHOM_ASSERT(samples < 0 || (options.steps + 1) * options.batches.size <= samples,
                  "{} steps of {} fresh samples of {}", options.steps, options.batches.size,
                  samples);
  else
    FATHOM_ASSERT(
        options.batches.samples > 0 && (samples < 0 || options.batches.samples <= samples),
        "batches out of {} samples of {}", options.batches.samples, samples);
}

/// The loss of the batch before the step, and but for the last its gradient; NaN where a parameter
/// is not finite, which a network may hide (relu of NaN can be 0). Collective.
template <class T>
BatchLoss look(const TrainingOptions& options, const TrainingState<T>& state,
               SharedGradient<T>& shared) {
  if (!all_finite<T>(state.parameters)) return {.loss = std::numeric_limits<double>::quiet_NaN()};
  const bool stop = options.stop && options.stop();
  return state.step < options.steps
             ? shared.differentiate(options.batches, state.step, state.parameters, stop)
             : shared.evaluate(options.batches, state.step, state.parameters, stop);
}

/// Why training ends before the step that `state` stands at, if it does.
template <class T>
std::optional<TrainingEnd> end_here(const TrainingOptions& options, const TrainingState<T>& state,
                                    const BatchLoss& batch) {
  if (!std::isfinite(batch.loss)) return TrainingEnd::diverged;
  if (batch.loss <= options.target_loss) return TrainingEnd::target;
  if (state.step == options.steps) return TrainingEnd::finished;
  if (batch.stop) return TrainingEnd::stopped;
  return std::nullopt;
}

template <class T>
void take_step(const TrainingProblem<T>& problem, const TrainingOptions& options,
               std::span<const double> gradient, TrainingState<T>& state) {
  const double rate = options.rate.at(state.step);
  update<T>(options.optimiser, problem.network->tensors(), rate, gradient, state.optimiser,
            state.parameters);
  state.time += rate;
  state.samples += options.batches.step_size();
  ++state.step;
}

}  // namespace

std::string_view name(TrainingEnd end) {
  switch (end) {
    case TrainingEnd::finished:
      return "finished";
    case TrainingEnd::target:
      return "target loss reached";
    case TrainingEnd::stopped:
      return "stopped";
    case TrainingEnd::diverged:
      return "diverged";
  }
  return "finished";
}

template <class T>
TrainingResult<T> train(const Communicator& comm, const TrainingProblem<T>& problem,
                        const TrainingOptions& options, TrainingState<T> start,
                        const TrainingObserver<T>& observer, const StepObserver<T>& after_step) {
  SharedGradient<T> shared(comm, problem);
  check_arguments(problem, options, start);
  TrainingResult<T> result;
  result.state = std::move(start);
  TrainingState<T>& state = result.state;
  comm.agree([&] {
    prepare(options.optimiser, state.parameters.size(), state.optimiser);
    result.losses.reserve(static_cast<std::size_t>(options.steps - state.step));
  });
  while (true) {
    const BatchLoss batch = look(options, state, shared);
    const std::optional<TrainingEnd> end = end_here(options, state, batch);
    if (end == TrainingEnd::diverged) {
      result.end = *end;
      result.diverged_at = state.step;
      return result;
    }
    if (end || std::ranges::binary_search(options.snapshots, state.step)) {
      check_equal(comm, state);
      if (observer)
        observer({state, batch.loss, training_flops(*problem.network, state.samples), end,
                  result.losses});
    }
    if (end) {
      result.end = *end;
      result.final_loss = batch.loss;
      return result;
    }
    result.losses.push_back(batch.loss);
    take_step(problem, options, shared.gradient(), state);
    if (after_step) after_step(state, result.losses);
  }
}

std::vector<std::int64_t> log_spaced_steps(std::int64_t steps, int per_decade) {
  FATHOM_ASSERT(steps >= 0 && per_decade >= 1, "{} steps, {} a decade", steps, per_decade);
  std::vector<std::int64_t> spaced{0};
  for (int k = 0; spaced.back() < steps; ++k) {
    const double exact = std::pow(10.0, static_cast<double>(k) / per_decade);
    const std::int64_t step = exact < static_cast<double>(steps)
                                  ? std::min(steps, static_cast<std::int64_t>(std::llround(exact)))
                                  : steps;
    if (step > spaced.back()) spaced.push_back(step);
  }
  return spaced;
}

template <class T>
double training_flops(const Network<T>& network, std::int64_t samples) {
  return 6.0 * static_cast<double>(network.parameters()) * static_cast<double>(samples) *
         static_cast<double>(network.positions());
}

template TrainingResult<double> train(const Communicator&, const TrainingProblem<double>&,
                                      const TrainingOptions&, TrainingState<double>,
                                      const TrainingObserver<double>&, const StepObserver<double>&);
template TrainingResult<float> train(const Communicator&, const TrainingProblem<float>&,
                                     const TrainingOptions&, TrainingState<float>,
                                     const TrainingObserver<float>&, const StepObserver<float>&);
template double training_flops(const Network<double>&, std::int64_t);
template double training_flops(const Network<float>&, std::int64_t);

}  // namespace fathom
