#include "run/plan_text.hpp"

#include "run/run_log.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fathom {
namespace {

std::string mebibytes(double bytes) {
  return fmt::format("{:.1f}", bytes / 0x1p20);
}

std::vector<std::string> item_names(const PlannedMemory& point) {
  std::vector<std::string> names;
  for (const MemoryStage& stage : point.stages)
    for (const MemoryItem& item : stage.items)
      if (std::ranges::find(names, item.name) == names.end()) names.push_back(item.name);
  return names;
}

/// A row of the memory table: a cell a stage.
template <class Cell>
std::string row(const std::string& head, const PlannedMemory& point, Cell&& cell) {
  std::string line = fmt::format("  {:<40}", head);
  for (const MemoryStage& stage : point.stages)
    line += fmt::format(" {:>12}", cell(stage));
  return line;
}

void add_memory(std::vector<std::string>& lines, const RunPlan& plan, const Machine& machine) {
  const PlannedMemory& point = plan.points[plan.fullest];
  lines.push_back(row("memory a rank, MiB", point, [](const MemoryStage& s) {
    return std::string(name(s.stage)) + (s.when.empty() ? "" : "*");
  }));
  for (const std::string& item : item_names(point))
    lines.push_back(row("  " + item, point, [&](const MemoryStage& s) {
      const double bytes = s.of(item);
      return bytes > 0 ? mebibytes(bytes) : std::string("-");
    }));
  const double besides = first_use_bytes + plan.kept;
  if (plan.kept > 0)
    lines.push_back(row("  snapshots kept for other points", point,
                        [&](const MemoryStage&) { return mebibytes(plan.kept); }));
  lines.push_back(row("  first use of libraries", point,
                      [&](const MemoryStage&) { return mebibytes(first_use_bytes); }));
  lines.push_back(row("  sum, above the empty program", point,
                      [&](const MemoryStage& s) { return mebibytes(s.total() + besides); }));
  for (const MemoryStage& stage : point.stages)
    if (!stage.when.empty())
      lines.push_back(fmt::format("  * {}: {}", name(stage.stage), stage.when));
  const int on_node = machine.ranks_a_node(plan.ranks);
  const double rank = plan.peak() + machine.baseline;
  lines.push_back(fmt::format(
      "  peak a rank {} above the empty program ({}), {} in all; {} rank{} a node: {} of {}",
      size_text(plan.peak()), size_text(machine.baseline), size_text(rank), on_node,
      on_node == 1 ? "" : "s", size_text(rank * on_node), size_text(machine.memory)));
}

void add_time(std::vector<std::string>& lines, const RunPlan& plan, const MachineModel& model) {
  lines.push_back(fmt::format("  {:<24} {:>12} {:>12}", "phase", "GFLOP", "seconds"));
  for (const PlannedPhase& phase : plan.phases)
    lines.push_back(fmt::format("  {:<24} {:>12} {:>12.2f}{}", phase.name,
                                phase.flops > 0 ? fmt::format("{:.4g}", phase.flops / 1e9) : "-",
                                phase.seconds, phase.only_if ? " *" : ""));
  const double least = plan.seconds(), most = plan.seconds_at_most();
  lines.push_back(fmt::format(
      "  time {}{}, by {}", duration_text(least),
      most > least ? fmt::format(", {} with what is marked *", duration_text(most)) : "",
      model.calibrated ? model.source
                       : "default rates: `fathom calibrate` measures this machine's"));
}

}  // namespace

std::vector<std::string> plan_lines(const std::vector<PointShape>& points, const RunPlan& plan,
                                    const Machine& machine, const MachineModel& model) {
  const PlannedMemory& point = plan.points[plan.fullest];
  std::vector<std::string> lines;
  std::int64_t n = 0;
  for (const PointShape& p : points)
    n = std::max(n, p.problem.n);
  lines.push_back(fmt::format(
      "plan for {} rank{}: {}order {}", plan.ranks, plan.ranks == 1 ? "" : "s",
      points.size() > 1 ? fmt::format("{} points, the largest of ", points.size()) : "", n));
  const GridShape grid = point.solver.grid;
  if (point.find(Stage::products))
    lines.push_back("  no matrix is diagonalised: products over all ranks");
  else
    lines.push_back(
        fmt::format("  grid {} x {}{}, block {}, {}: {}", grid.nprow, grid.npcol,
                    grid.nprow * grid.npcol < plan.ranks
                        ? fmt::format(" ({} ranks idle)", plan.ranks - grid.nprow * grid.npcol)
                        : "",
                    point.solver.block, name(point.solver.backend), point.solver.reason));
  add_memory(lines, plan, machine);
  lines.push_back(fmt::format("  disk: run.h5 {}, checkpoint up to {}", size_text(plan.run_file),
                              size_text(plan.checkpoint)));
  add_time(lines, plan, model);
  if (machine.ranks_a_node(plan.ranks) > machine.cores)
    lines.push_back(
        fmt::format("  {} ranks a node on {} cores: the times are as if they took turns",
                    machine.ranks_a_node(plan.ranks), machine.cores));
  return lines;
}

std::string machine_line(const Machine& machine, const MachineModel& model) {
  return fmt::format("machine: {} node{} of {} core{} and {} ({}); rates: {}", machine.nodes,
                     machine.nodes == 1 ? "" : "s", machine.cores, machine.cores == 1 ? "" : "s",
                     size_text(machine.memory), machine.limit, model.source);
}

std::vector<std::string> candidate_lines(const std::vector<Candidate>& table,
                                         std::optional<int> best) {
  std::vector<std::string> lines{
      fmt::format("  {:>8} {:>14} {:>14} {:>10}", "ranks", "a rank", "a node", "time")};
  for (const Candidate& line : table)
    lines.push_back(fmt::format("{} {:>8} {:>14} {:>14} {:>10}{}", best == line.ranks ? "*" : " ",
                                line.ranks, size_text(line.peak), size_text(line.node),
                                duration_text(line.seconds), line.fits ? "" : "  does not fit"));
  if (best) lines.push_back("  * the soonest that fits");
  return lines;
}

std::string refusal(const std::vector<PointShape>& points, const RunPlan& plan,
                    const Machine& machine) {
  const double rank = plan.peak() + machine.baseline, left = machine.memory_a_rank(plan.ranks);
  if (plan.peak() <= left) return "";
  const int on_node = machine.ranks_a_node(plan.ranks);
  std::string text = fmt::format(
      "{} rank{} of {} each on a node need {}, it has {} ({})", on_node, on_node == 1 ? "" : "s",
      size_text(rank), size_text(rank * on_node), size_text(machine.memory), machine.limit);
  const auto needed = nodes_needed(points, machine);
  if (!needed) return text + "; no number of such nodes holds it: use nodes with more memory";
  if (needed->nodes <= machine.nodes)
    return text +
           fmt::format("; {} rank{} would fit", needed->ranks, needed->ranks == 1 ? "" : "s");
  return text + fmt::format(
                    "; {} node{} of {} would hold it, with {} ranks (more ranks on one node add no "
                    "memory)",
                    needed->nodes, needed->nodes == 1 ? "" : "s", size_text(machine.memory),
                    needed->ranks);
}

}  // namespace fathom
