#include "studies/plan_network.hpp"

#include "training/shared_gradient.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr double number = 8;
// As gradient_statistics.cpp has it.
constexpr double signal_doubles = 0x1p23;

double real(std::int64_t n) {
  return static_cast<double>(n);
}

std::int64_t share_of(std::int64_t count, int ranks) {
  return (count + ranks - 1) / ranks;
}

/// Samples of a batch that a rank takes at once.
std::int64_t at_once(const TrainingShape& training, int ranks) {
  return std::min(TrainingProblem<double>{}.at_once, share_of(training.batch, ranks));
}

/// Its state as it began and as it is, the sums of the gradient, the parameters that a snapshot
/// looks at, and the batch that the last step saw.
double training_state_bytes(const NetworkShape& network, int ranks) {
  const TrainingShape& training = *network.training;
  return real(network.kernel.parameters) *
             (2 * (1 + training.moments) * training.number_bytes + 2 * number) +
         real(at_once(training, ranks) * network.kernel.dim) * training.number_bytes;
}

/// Outputs and gradient of the function on the kernel's samples, whole on every rank.
MemoryItem function_item(const EntkCounts& kernel) {
  return {"outputs and gradient", 3 * number * real(kernel.outputs * kernel.samples)};
}

/// Of the largest eigenvalues seen by Lanczos from the gradient.
double lanczos_check_bytes(const ProblemShape& shape, int ranks) {
  const std::int64_t steps = shape.network->training->lanczos_steps;
  if (steps == 0) return 0;
  return shape.network->kernel.operator_bytes(ranks, 1) + lanczos_bytes(shape.n, 1, steps, ranks);
}

/// Of the gradient alone: exact from the signals of as many choices as fit, or by probes.
double statistics_bytes(const NetworkShape& network, int ranks) {
  const EntkCounts& kernel = network.kernel;
  const double parameters = real(kernel.parameters);
  const std::int64_t batch = std::min(share_of(kernel.samples, ranks), kernel.pass_batch());
  double signals = 0;
  if (network.training->trace_probes == 0) {
    const double choice = real(batch * kernel.row_doubles());
    const double choices =
        std::clamp(std::floor(signal_doubles / std::max(1.0, choice)), 1.0, real(kernel.choices));
    signals = number * (choices * choice + real(batch * kernel.pass_doubles()) / 2);
  } else {
    signals = std::min(real(network.training->trace_probes),
                       std::max(1.0, std::floor(0x1p28 / number / parameters))) *
              number * parameters;
  }
  return number * (real(batch * kernel.pass_doubles()) + parameters) + signals;
}

}  // namespace

std::vector<MemoryItem> network_items(const ProblemShape& shape, int ranks) {
  const NetworkShape& network = *shape.network;
  std::vector<MemoryItem> items;
  if (network.training) {
    items.push_back({"training state", training_state_bytes(network, ranks)});
    items.push_back(function_item(network.kernel));
  } else {
    items.push_back({"parameters", number * real(network.kernel.parameters)});
  }
  if (network.data_bytes > 0x1p20) items.push_back({"data on every rank", network.data_bytes});
  return items;
}

MemoryStage training_stage(const ProblemShape& shape, int ranks) {
  const NetworkShape& network = *shape.network;
  MemoryStage stage{Stage::training, "", network_items(shape, ranks)};
  // Activations forward and as much on the way back.
  stage.items.push_back({"forward and backward pass", 1.5 * network.training->number_bytes *
                                                          real(at_once(*network.training, ranks) *
                                                               network.kernel.pass_doubles())});
  return stage;
}

MemoryStage gradients_stage(const ProblemShape& shape, double vectors, int ranks) {
  MemoryStage stage{Stage::gradients, "", network_items(shape, ranks)};
  stage.items.push_back({"eigenvectors", vectors});
  stage.items.push_back({"passes and signals", std::max(lanczos_check_bytes(shape, ranks),
                                                        statistics_bytes(*shape.network, ranks))});
  return stage;
}

double kept_snapshot_bytes(const NetworkShape& network) {
  return network.training
             ? number * real(network.kernel.parameters) * real(network.training->snapshots + 1)
             : 0;
}

EntkPlan entk_plan(const ProblemShape& shape, const SolverPlan& solver) {
  const Distribution distribution{CyclicAxis(shape.n, solver.block, solver.grid.nprow),
                                  CyclicAxis(shape.n, solver.block, solver.grid.npcol)};
  return plan_empirical_ntk(shape.network->kernel.signals, distribution, shape.movement,
                            shape.chunk);
}

}  // namespace fathom
