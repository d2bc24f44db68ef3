#pragma once

// Loss and gradient of a batch whose samples the ranks share.

#include "comm/communicator.hpp"
#include "training/batches.hpp"
#include "training/samples.hpp"

#include <cstdint>
#include <exception>
#include <span>
#include <vector>

namespace fathom {

/// A network, what it shall minimise, and the samples. Refers to what it is made of.
template <class T>
struct TrainingProblem {
  const Network<T>* network = nullptr;
  LossKind loss = LossKind::squared_error;
  const SampleSource<T>* samples = nullptr;
  /// Samples that one forward pass takes: bounds the memory of its activations.
  std::int64_t at_once = 256;
};

/// Of a batch; the same on every rank.
struct BatchLoss {
  double loss = 0;    ///< mean over what is counted
  bool stop = false;  ///< some rank asked for it
};

/// Rank r of P takes the contiguous share r of a batch's places, `at_once` samples at a time, in
/// order, and sums in T; the ranks' sums are then added in double by one reduction, which carries
/// the gradient, the loss and what the ranks must agree on. So a gradient depends on the number of
/// ranks by rounding alone. In which order MPI adds the ranks' sums is its own: it is the same for
/// the same ranks, nodes and library, which the MPI standard recommends (MPI 3.1, section 5.9.1)
/// and Open MPI and MPICH keep to, and then all bits are.
template <class T>
class SharedGradient {
 public:
  /// Both refer on. Error(no_fit) where memory does not hold the gradient. Collective.
  SharedGradient(const Communicator& comm, const TrainingProblem<T>& problem);

  /// The mean loss of the step's batch; with `stop` this rank asks all to stop. An error of one
  /// rank's samples or network is thrown by all. Error(input) where nothing in the batch is
  /// counted. Collective.
  /// @pre step and parameters are the same on every rank
  BatchLoss evaluate(const Batches& batches, std::int64_t step, std::span<const T> parameters,
                     bool stop = false);
  /// The same, with the gradient. Collective.
  BatchLoss differentiate(const Batches& batches, std::int64_t step, std::span<const T> parameters,
                          bool stop = false);
  /// Of the mean loss, as the last differentiate left it.
  std::span<const double> gradient() const { return {sums_.data(), parameters_}; }

 private:
  void add_share(const Batches& batches, std::int64_t step, std::span<const T> parameters,
                 bool with_gradient);
  void add_piece(std::span<const std::int64_t> index, std::span<const T> parameters,
                 bool with_gradient);
  BatchLoss reduce(const Batches& batches, std::int64_t step, std::span<const T> parameters,
                   bool stop, bool with_gradient);

  const Communicator& comm_;
  const TrainingProblem<T>& problem_;
  std::size_t parameters_ = 0;
  std::vector<double> sums_;  ///< the gradient, then what stands behind it
  std::vector<T> local_;      ///< where T is not double: the gradient before the reduction
  std::vector<T> output_gradient_;
  SampleBatch<T> batch_;
};

}  // namespace fathom
