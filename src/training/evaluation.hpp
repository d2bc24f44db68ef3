#pragma once

// A network on a fixed set of samples that the ranks share: its mean loss, its outputs, and the
// gradient of the loss in function space.

#include "comm/communicator.hpp"
#include "training/batches.hpp"
#include "training/shared_gradient.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// The mean loss over samples set.first … set.first + set.count − 1. The same on every rank. Errors
/// as SharedGradient::evaluate. Collective.
/// @pre arguments are the same on every rank; set.count ≥ 1
template <class T>
double mean_loss(const Communicator& comm, const TrainingProblem<T>& problem, SampleRange set,
                 std::span<const T> parameters);

/// The same on every rank; columns are samples.
struct FunctionGradient {
  double loss = 0;               ///< L, the mean over the set
  std::int64_t outputs = 0;      ///< a sample
  std::vector<double> output;    ///< f, outputs × set.count
  std::vector<double> gradient;  ///< g = ∂L/∂f, likewise
};

/// f, L and g over the set: 2·outputs·count doubles on every rank. Errors as mean_loss;
/// Error(no_fit) where they are 2^31 or more. Collective.
template <class T>
FunctionGradient function_gradient(const Communicator& comm, const TrainingProblem<T>& problem,
                                   SampleRange set, std::span<const T> parameters);

}  // namespace fathom
