#pragma once

// From a deck to a network: what it is trained on, if it is, and the samples that its tangent
// kernel is taken on.

#include "gram/network_inputs.hpp"
#include "networks/loss.hpp"
#include "studies/chosen_outputs.hpp"
#include "studies/context.hpp"
#include "studies/input_data.hpp"
#include "studies/problem_shape.hpp"
#include "training/samples.hpp"
#include "training/trainer.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// A network and its samples in one precision.
template <class T>
struct Learner {
  std::unique_ptr<Network<T>> network;
  std::unique_ptr<SampleSource<T>> samples;

  TrainingProblem<T> problem(LossKind loss) const {
    return {.network = network.get(), .loss = loss, .samples = samples.get()};
  }
};

struct TrainedModel {
  Learner<double> exact;  ///< kernels and losses of snapshots are always taken in double
  Learner<float> single;  ///< what is trained where training.precision = "single", else empty
  LossKind loss = LossKind::squared_error;
  SampleRange set;                        ///< the samples of snapshots
  std::unique_ptr<NetworkInputs> inputs;  ///< theirs
  ChosenOutputs outputs;                  ///< of each of them, that kernel and gradient are of
  /// Those of `exact`, labelled at the chosen positions alone.
  std::unique_ptr<SampleSource<double>> measured;
  std::vector<double> noise;  ///< label noise of the set, one a sample; empty where not known
  /// The group of each row of the gradient, chosen outputs × samples: the class of the label, or
  /// the first and second half of the samples where there are no labels.
  std::vector<std::int32_t> group;
  std::vector<std::string> group_names;
  /// On the set, at the chosen positions, where it is known.
  double best_loss = std::numeric_limits<double>::quiet_NaN();
  std::string data;                           ///< in words
  std::shared_ptr<const ProblemShape> shape;  ///< as the plan sees training and kernels

  bool in_single() const { return single.network != nullptr; }
  /// What snapshots measure.
  TrainingProblem<double> problem() const {
    return {.network = exact.network.get(), .loss = loss, .samples = measured.get()};
  }
};

/// [data], [kernel] and training.loss of one point. Data of a file stand whole on every rank.
/// Error(deck), Error(input). Collective.
TrainedModel make_trained_model(const StudyContext& context, const Deck& deck);

/// A network at its initial values and what its kernel is taken on, for studies that do not train.
struct InitialNetwork {
  std::unique_ptr<Network<double>> network;
  std::vector<double> parameters;
  std::unique_ptr<NetworkInputs> inputs;
  /// data.targets over the rows of the kernel: one vector, row = output + outputs·sample; of a
  /// trace kernel a vector for each output; of the sum of outputs their sum.
  std::optional<Targets> targets;
};

/// [data] and [kernel] of one point, data.n samples: the first ones, or held-out sequences, as the
/// snapshots of a training have them. One output a column of data.targets, a symbol of the
/// sequences, or one. Data stand whole on every rank. Error(deck), Error(input). Collective.
InitialNetwork make_initial_network(const StudyContext& context, const Deck& deck);

/// The network of [kernel] on so many inputs (sequences: not looked at) and classes. Local.
std::unique_ptr<Network<double>> network_of(const Deck& deck, std::int64_t input,
                                            std::int64_t classes);

/// [training]: optimiser, schedule, batches and the steps of the snapshots. Pure.
TrainingOptions training_options(const Deck& deck, const TrainedModel& model);

/// Σ of the learning rates of the steps before each of these. Pure.
std::vector<double> training_times(const LearningRate& rate,
                                   const std::vector<std::int64_t>& steps);

/// x ~ N(0, diag(j^-alpha)) scaled to |x|² = dim on average, and where the deck has a teacher its
/// targets.
template <class T>
std::unique_ptr<SampleSource<T>> teacher_samples(const Deck& deck);
/// Tokens and the ones that follow them, as many sequences as are asked for.
template <class T>
std::unique_ptr<SampleSource<T>> sequence_samples(const Deck& deck);

}  // namespace fathom
