#pragma once

// Training over ranks that share every batch and each hold all parameters.

#include "comm/communicator.hpp"
#include "training/batches.hpp"
#include "training/learning_rate.hpp"
#include "training/optimiser.hpp"
#include "training/shared_gradient.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fathom {

struct TrainingOptions {
  Optimiser optimiser;
  LearningRate rate;
  Batches batches;
  std::int64_t steps = 0;
  /// Steps before which the observer is called, ascending; the end of training always is one.
  std::vector<std::int64_t> snapshots;
  /// Training ends where the loss of a batch is not above this.
  double target_loss = -std::numeric_limits<double>::infinity();
  /// Asked before every step on every rank; where one says yes, all stop there, in order. May be
  /// empty.
  std::function<bool()> stop;
};

/// All that a run goes on from: the same bits follow as had it not been interrupted.
template <class T>
struct TrainingState {
  std::int64_t step = 0;     ///< steps taken
  std::int64_t samples = 0;  ///< samples seen, repeated ones too
  double time = 0;           ///< Σ learning rates of the steps taken
  std::vector<T> parameters;
  OptimiserState<T> optimiser{};
};

enum class TrainingEnd {
  finished,  ///< all steps
  target,    ///< the loss is not above target_loss
  stopped,   ///< asked to
  diverged,  ///< NaN or infinite
};
std::string_view name(TrainingEnd end);

/// Before the step that state.step numbers.
template <class T>
struct TrainingSnapshot {
  const TrainingState<T>& state;
  double loss = 0;     ///< of the batch that this step sees
  double compute = 0;  ///< flops of training so far, 6·N·D: N parameters, D = samples × positions
  std::optional<TrainingEnd> end = {};  ///< set where no step follows
  std::span<const double> losses = {};  ///< before each step since `start`
};

/// Called on every rank after each step, with the losses before each step since `start`. Local;
/// must not throw.
template <class T>
using StepObserver = std::function<void(const TrainingState<T>&, std::span<const double> losses)>;

/// Called on every rank; may be collective.
template <class T>
using TrainingObserver = std::function<void(const TrainingSnapshot<T>&)>;

template <class T>
struct TrainingResult {
  TrainingEnd end = TrainingEnd::finished;
  TrainingState<T> state;
  std::vector<double> losses;  ///< before each step taken, of its batch; all finite
  /// Of the state at the end, on the batch that the next step would see; NaN where diverged.
  double final_loss = std::numeric_limits<double>::quiet_NaN();
  /// The first step before which the parameters, or the loss of its batch, were not finite; −1:
  /// none. Losses and snapshots before it stand; the state does not.
  std::int64_t diverged_at = -1;
};

/// Trains from `start` until options.steps steps are taken, counted from step 0 of `start`'s run.
/// The parameters have the same bits on every rank: held to it by a hash at every snapshot,
/// Error(internal) where they do not. Divergence is a result and no error. Errors of samples and
/// networks: SharedGradient. An empty observer is none. Collective.
/// @pre arguments (but options.stop and the observer) are the same on every rank;
/// start.parameters.size() == the network's; batches agree with the problem's samples
template <class T>
TrainingResult<T> train(const Communicator& comm, const TrainingProblem<T>& problem,
                        const TrainingOptions& options, TrainingState<T> start,
                        const TrainingObserver<T>& observer,
                        const StepObserver<T>& after_step = {});

/// 0, 1, 2, … and on with `per_decade` steps a decade, as near to even on a log scale as whole
/// numbers are, `steps` the last. Local. @pre 0 ≤ steps, per_decade ≥ 1
std::vector<std::int64_t> log_spaced_steps(std::int64_t steps, int per_decade);

/// 6·N·D flops, D = samples × positions. Local.
template <class T>
double training_flops(const Network<T>& network, std::int64_t samples);

}  // namespace fathom
