#include "studies/memory_plan.hpp"

#include "eigen/extended_cascade.hpp"
#include "store/memory.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include <unistd.h>

namespace fathom {
namespace {

/// Notes what a rank needs against what it has; Error(no_fit) where it has not.
void hold_against_memory(const StudyContext& context, const StudyProblem& problem,
                         StudyOutcome& outcome, double matrix, double peak, double left,
                         const std::string& what) {
  peak += first_use_bytes;
  context.progress.note(fmt::format("plan: {}matrix {:.3f} GiB a rank, peak {:.3f} GiB", what,
                                    matrix / 0x1p30, peak / 0x1p30));
  if (peak > left)
    throw Error(
        ExitCode::no_fit,
        "{}a rank needs {:.2f} GiB, {:.2f} GiB are left for each: use more nodes (more ranks "
        "on one node add no memory) or eigenvalues without vectors",
        what, peak / 0x1p30, left / 0x1p30);
  outcome.matrix_bytes = std::max(outcome.matrix_bytes, matrix);
  // What reading took is past and fitted.
  outcome.predicted_peak_bytes =
      std::max({outcome.predicted_peak_bytes, peak, problem.data_bytes.reading + first_use_bytes});
}

double held_bytes(const StudyContext& context, const StudyProblem& problem) {
  if (!problem.data.held) return problem.data_bytes.held;
  const DistMatrix& held = *problem.data.held;
  return problem.data_bytes.held +
         context.world.max(static_cast<double>(held.local_rows() * held.local_cols()) * 8);
}

}  // namespace

double memory_a_rank(const Communicator& comm) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const auto color = static_cast<int>(std::hash<std::string>{}(host)&0x7fffffff);
  const Communicator node = comm.split(color, comm.rank());
  const double resident = node.sum(static_cast<double>(resident_bytes()));
  auto left = static_cast<double>(available_memory_bytes());
  if (const auto limit = cgroup_memory_limit_bytes())
    left = std::min(left, static_cast<double>(*limit) - resident);
  return comm.min(left / node.size());
}

double deep_route_bytes(const StudyContext& context, const StudyProblem& problem,
                        const FactorSource* factor) {
  const std::int64_t n = problem.spectrum.n;
  const bool vectors = problem.spectrum.request.vectors;
  const std::int64_t order = factor ? std::min(n, factor->rows()) : n;
  LayoutWish wish = problem.spectrum.layout;
  wish.memory.reset();
  const SolverPlan solver =
      plan_solver({0, true, Backend::automatic}, order, context.world.size(), wish);
  if (!factor) return static_cast<double>(extended_memory(n, solver, vectors));
  const auto local = [&](std::int64_t rows, std::int64_t cols) {
    return 8.0 *
           static_cast<double>(CyclicAxis(rows, solver.block, solver.grid.nprow).local_extent(0) *
                               CyclicAxis(cols, solver.block, solver.grid.npcol).local_extent(0));
  };
  // Measured as resident memory at n = 400 … 1200 on 1 and 2 ranks, good to some 20 %: chunk, stack
  // and triangle of the reduction, or the copies of A and the solve of a level. Graded rows are
  // rotated and read twice.
  const double tall = local(n, order), square = local(order, order);
  double bytes = 4 * tall + 3 * square;
  if (vectors) bytes += 3.3 * tall + (factor->rows() < n ? 3 * local(n, n) : 0.0);
  if (factor->graded()) bytes = std::max(11 * tall, bytes + 1.7 * square);
  constexpr double slabs = 6 * 0x1p20;  // of the rows' making
  const std::int64_t cols = CyclicAxis(n, solver.block, solver.grid.npcol).local_extent(0);
  return bytes + slabs + (problem.factor_keeps ? problem.factor_keeps(cols) : 0.0);
}

void plan_gram(const StudyContext& context, StudyProblem& problem, StudyOutcome& outcome) {
  SpectrumProblem& spectrum = problem.spectrum;
  const double left = memory_a_rank(context.world);
  spectrum.layout.memory = static_cast<std::int64_t>(left);
  const SolverPlan solver =
      plan_solver(spectrum.request, spectrum.n, context.world.size(), spectrum.layout);
  const SolverMemory memory = solver_memory(solver, spectrum.request, spectrum.n);
  const auto matrix = static_cast<double>(memory.matrix);
  context.progress.note(fmt::format("plan: {} x {} grid, block {}, {}: {}", solver.grid.nprow,
                                    solver.grid.npcol, solver.block, name(solver.backend),
                                    solver.reason));
  double assembly = 1.15 * matrix;
  if (problem.assembly_keeps)
    context.world.agree([&] {
      assembly = matrix +
                 problem.assembly_keeps({CyclicAxis(spectrum.n, solver.block, solver.grid.nprow),
                                         CyclicAxis(spectrum.n, solver.block, solver.grid.npcol)});
    });
  hold_against_memory(
      context, problem, outcome, matrix,
      held_bytes(context, problem) + std::max(static_cast<double>(memory.total()), assembly), left,
      "");
}

void plan_deep_route(const StudyContext& context, const StudyProblem& problem,
                     const FactorSource* factor, StudyOutcome& outcome) {
  const double matrix = static_cast<double>(problem.spectrum.n) *
                        static_cast<double>(problem.spectrum.n) * 8 / context.world.size();
  hold_against_memory(context, problem, outcome, matrix,
                      held_bytes(context, problem) + deep_route_bytes(context, problem, factor),
                      memory_a_rank(context.world),
                      factor ? "deep tail: " : "extended precision: ");
}

void plan_matrix_free(const StudyContext& context, const StudyProblem& problem, double products,
                      StudyOutcome& outcome) {
  const std::int64_t n = problem.spectrum.n;
  const int ranks = context.world.size();
  SolverPlan plan;
  plan.backend = Backend::slepc;
  plan.grid = {ranks, 1};
  const SolverMemory memory = solver_memory(plan, problem.spectrum.request, n);
  hold_against_memory(
      context, problem, outcome, 0,
      held_bytes(context, problem) + products + static_cast<double>(memory.total() - memory.matrix),
      memory_a_rank(context.world), "matrix-free: ");
}

}  // namespace fathom
