#include "studies/memory_plan.hpp"

#include "base/assert.hpp"
#include "store/folder_lock.hpp"
#include "store/memory.hpp"

#include <algorithm>
#include <functional>
#include <string>

namespace fathom {
namespace {

PlannedMemory planned(const StudyContext& context, const ProblemShape& shape) {
  return point_memory(with_room(shape, context.memory_a_rank), context.world.size());
}

std::string gibibytes(double bytes) {
  return fmt::format("{:.3f} GiB", bytes / 0x1p30);
}

/// Notes what a rank needs against what it has; Error(no_fit) where it has not.
void hold_against_memory(const StudyContext& context, const PlannedMemory& memory,
                         const MemoryStage& stage, StudyOutcome& outcome) {
  const double peak = stage.total() + first_use_bytes;
  if (peak > context.memory_a_rank)
    throw Error(ExitCode::no_fit,
                "{}: a rank needs {}, {} are left for each: use more nodes (more ranks on one node "
                "add no memory) or eigenvalues without vectors",
                name(stage.stage), gibibytes(peak), gibibytes(context.memory_a_rank));
  outcome.matrix_bytes = std::max(outcome.matrix_bytes, memory.matrix);
  outcome.predicted_peak_bytes = std::max(outcome.predicted_peak_bytes, peak);
}

void note_peak(const StudyContext& context, const MemoryStage& stage) {
  context.progress.note(fmt::format("plan: {} takes {} a rank at most", name(stage.stage),
                                    gibibytes(stage.total() + first_use_bytes)));
}

/// The one of these stages that takes most. @pre one of them is planned
const MemoryStage& fullest_of(const PlannedMemory& memory, std::initializer_list<Stage> stages) {
  const MemoryStage* most = nullptr;
  for (const Stage stage : stages) {
    const MemoryStage* s = memory.find(stage);
    if (s && (!most || s->total() > most->total())) most = s;
  }
  FATHOM_ASSERT(most, "none of {} stages was planned", stages.size());
  return *most;
}

}  // namespace

double memory_a_rank(const Communicator& comm) {
  const auto color = static_cast<int>(std::hash<std::string>{}(host_name()) & 0x7fffffff);
  const Communicator node = comm.split(color, comm.rank());
  const double resident = node.sum(static_cast<double>(resident_bytes()));
  auto left = static_cast<double>(available_memory_bytes());
  if (const auto limit = memory_limit())
    left = std::min(left, static_cast<double>(limit->bytes) - resident);
  return comm.min(left / node.size());
}

void plan_gram(const StudyContext& context, StudyProblem& problem, StudyOutcome& outcome) {
  problem.spectrum.layout.memory = static_cast<std::int64_t>(std::max(0.0, context.memory_a_rank));
  const PlannedMemory memory = planned(context, problem.shape);
  context.progress.note(fmt::format(
      "plan: {} x {} grid, block {}, {}: {}", memory.solver.grid.nprow, memory.solver.grid.npcol,
      memory.solver.block, name(memory.solver.backend), memory.solver.reason));
  const MemoryStage& most = fullest_of(
      memory, {Stage::reading, Stage::training, Stage::assembly, Stage::solve, Stage::gradients});
  note_peak(context, most);
  hold_against_memory(context, memory, most, outcome);
}

void plan_deep_route(const StudyContext& context, const StudyProblem& problem,
                     StudyOutcome& outcome) {
  const PlannedMemory memory = planned(context, problem.shape);
  FATHOM_ASSERT(memory.find(Stage::deep), "a deeper route of n = {} was not planned",
                problem.shape.n);
  const MemoryStage& most =
      fullest_of(memory, {Stage::reading, Stage::training, Stage::deep, Stage::gradients});
  note_peak(context, most);
  hold_against_memory(context, memory, most, outcome);
}

void plan_products(const StudyContext& context, const ProblemShape& shape, StudyOutcome& outcome) {
  const PlannedMemory memory = planned(context, shape);
  const MemoryStage& stage = memory.fullest();
  note_peak(context, stage);
  hold_against_memory(context, memory, stage, outcome);
}

void note_stage(const StudyContext& context, const ProblemShape& shape, Stage stage,
                StudyOutcome& outcome) {
  const PlannedMemory memory = planned(context, shape);
  if (const MemoryStage* s = memory.find(stage))
    outcome.predicted_peak_bytes =
        std::max(outcome.predicted_peak_bytes, s->total() + first_use_bytes);
}

bool deep_route_fits(const StudyContext& context, const StudyProblem& problem) {
  const PlannedMemory memory = planned(context, problem.shape);
  const MemoryStage* stage = memory.find(Stage::deep);
  return stage && stage->total() + first_use_bytes <= context.memory_a_rank;
}

}  // namespace fathom
