#include "studies/plan_network.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr double number = 8;
// As sample_passes.cpp, empirical_ntk.hpp, gradient_statistics.cpp and shared_gradient.hpp have
// them.
constexpr double longest_batch = 128, batch_doubles = 0x1p22;
constexpr double operator_doubles = 0x1p29 / 8, signal_doubles = 0x1p23;
constexpr double samples_at_once = 256;

double share_of(std::int64_t count, int ranks) {
  return std::ceil(static_cast<double>(count) / ranks);
}

double pass_bytes(const NetworkShape& network, double samples, double bytes) {
  return bytes * static_cast<double>(network.pass_doubles) * samples;
}

/// Parameters, moments, the reduced gradient, and the copy that a snapshot looks at.
double training_state_bytes(const NetworkShape& network) {
  const auto parameters = static_cast<double>(network.parameters);
  const bool single = network.number_bytes == 4;
  return parameters * (network.number_bytes * (1.0 + network.moments) + number +
                       (single ? network.number_bytes : 0.0) + number);
}

std::vector<MemoryItem> kept_items(const NetworkShape& network) {
  std::vector<MemoryItem> items{{"training state", training_state_bytes(network)}};
  if (network.data_bytes > 0x1p20) items.push_back({"data on every rank", network.data_bytes});
  return items;
}

MemoryStage training_stage(const NetworkShape& network, int ranks) {
  MemoryStage stage{Stage::training, "", kept_items(network)};
  const double samples = std::min(samples_at_once, share_of(network.batch, ranks));
  // Activations forward and as much on the way back.
  stage.items.push_back(
      {"forward and backward pass", 1.5 * pass_bytes(network, samples, network.number_bytes)});
  return stage;
}

double passes_at_once(const NetworkShape& network) {
  return std::clamp(
      std::floor(batch_doubles / std::max(1.0, static_cast<double>(network.pass_doubles))), 1.0,
      longest_batch);
}

/// Outputs and gradient of the function on the kernel's samples, whole on every rank.
MemoryItem function_item(const NetworkShape& network) {
  return {"outputs and gradient",
          3 * number * static_cast<double>(network.outputs) * static_cast<double>(network.samples)};
}

/// What the spectrum is checked by: Lanczos from the gradient, and gradients alone.
MemoryStage gradients_stage(const ProblemShape& shape, double vectors, int ranks) {
  const NetworkShape& network = *shape.network;
  MemoryStage stage{Stage::gradients, "", kept_items(network)};
  stage.items.push_back(function_item(network));
  stage.items.push_back({"eigenvectors", vectors});
  const double samples = share_of(network.samples, ranks);
  const double all = static_cast<double>(network.pass_doubles) * samples;
  const double batch = std::min(samples, passes_at_once(network));
  const auto parameters = static_cast<double>(network.parameters);
  double lanczos = 0;
  if (network.lanczos_steps > 0)
    lanczos = pass_bytes(network, all <= operator_doubles / 2 ? samples : batch, number) +
              number * parameters + lanczos_bytes(shape.n, 1, network.lanczos_steps, ranks);
  double signals = 0;
  if (network.trace_probes == 0) {
    const double choice = batch * static_cast<double>(network.row_doubles);
    const double choices = std::clamp(std::floor(signal_doubles / std::max(1.0, choice)), 1.0,
                                      static_cast<double>(network.choices));
    signals = number * (choices * choice + static_cast<double>(network.pass_doubles) / 2 * batch);
  } else {
    signals = std::min(static_cast<double>(network.trace_probes),
                       std::max(1.0, std::floor(0x1p28 / number / parameters))) *
              number * parameters;
  }
  const double gradients = pass_bytes(network, batch, number) + number * parameters + signals;
  stage.items.push_back({"passes and signals", std::max(lanczos, gradients)});
  return stage;
}

}  // namespace

double kept_snapshot_bytes(const NetworkShape& network) {
  return number * static_cast<double>(network.parameters) *
         static_cast<double>(network.snapshots + 1);
}

EntkPlan entk_plan(const ProblemShape& shape, const SolverPlan& solver) {
  const Distribution distribution{CyclicAxis(shape.n, solver.block, solver.grid.nprow),
                                  CyclicAxis(shape.n, solver.block, solver.grid.npcol)};
  return plan_empirical_ntk(shape.network->signals, distribution, shape.movement, shape.chunk);
}

std::vector<MemoryStage> network_stages(const ProblemShape& shape, const SolverPlan& solver,
                                        int ranks) {
  const NetworkShape& network = *shape.network;
  const SolverMemory memory = solver_memory(solver, shape.request, shape.n);
  const EntkPlan plan = entk_plan(shape, solver);
  MemoryStage assembly{Stage::assembly, "", kept_items(network)};
  assembly.items.push_back(function_item(network));
  assembly.items.push_back({"matrix", static_cast<double>(memory.matrix)});
  assembly.items.push_back(
      {"signals' chunk",
       number * static_cast<double>(plan.workspace_doubles) +
           pass_bytes(network, std::min(passes_at_once(network), share_of(network.samples, ranks)),
                      number)});
  MemoryStage solve{Stage::solve, "", kept_items(network)};
  solve.items.push_back(function_item(network));
  for (const auto& [name, bytes] :
       {std::pair{"matrix", memory.matrix}, std::pair{"matrix for the residuals", memory.copy},
        std::pair{"eigenvectors", memory.vectors}, std::pair{"solver workspace", memory.workspace},
        std::pair{"probes of the certificate", memory.probes}})
    if (bytes > 0) solve.items.push_back({name, static_cast<double>(bytes)});
  return {training_stage(network, ranks), std::move(assembly), std::move(solve),
          gradients_stage(shape, static_cast<double>(memory.matrix), ranks)};
}

}  // namespace fathom
