#include "studies/run_plan.hpp"

#include "studies/plan_network.hpp"
#include "training/model_groups.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace fathom {
namespace {

constexpr double number = 8;

double file_bytes(const ProblemShape& shape) {
  const auto n = static_cast<double>(shape.n);
  constexpr double groups = 0x1p17;  // attributes, scales and small tables
  if (shape.density)
    return groups + number * static_cast<double>(shape.density->probes * shape.density->steps) * 2;
  double bytes = groups + 6 * number * n;
  if (shape.network && shape.network->training)
    bytes += static_cast<double>(shape.network->training->snapshots) * 4 * number * n +
             number * 2 * static_cast<double>(shape.network->training->steps);
  bytes += static_cast<double>(shape.flow_snapshots) * 4 * number * n;
  if (shape.store_vectors) bytes += number * n * static_cast<double>(shape.request.wanted(shape.n));
  return bytes;
}

/// The matrix, the state of a training with its snapshots' spectra, or the vectors of a Lanczos
/// process.
double checkpoint_bytes(const ProblemShape& shape, int ranks) {
  const auto n = static_cast<double>(shape.n);
  if (shape.matrix_free) return 0;
  if (shape.density) {
    const double vectors =
        number * n * static_cast<double>(shape.density->probes * (shape.density->steps + 1));
    return vectors + (chosen_way(shape, ranks).name == "gram" ? number * n * n : 0.0);
  }
  if (!shape.network || !shape.network->training) return number * n * n;
  const TrainingShape& training = *shape.network->training;
  return static_cast<double>(shape.network->kernel.parameters) * training.number_bytes *
             (1.0 + training.moments) +
         static_cast<double>(training.snapshots) * 4 * number * n + number * n * n;
}

void add_phases(std::vector<PlannedPhase>& sum, const std::vector<PlannedPhase>& more) {
  for (const PlannedPhase& phase : more) {
    const auto it = std::ranges::find_if(sum, [&](const PlannedPhase& p) {
      return p.name == phase.name && p.only_if == phase.only_if;
    });
    if (it == sum.end()) {
      sum.push_back(phase);
      continue;
    }
    it->flops += phase.flops;
    it->seconds += phase.seconds;
  }
}

/// Where groups of ranks train the networks of a sweep, the first rank of a group keeps the
/// snapshots of all of its networks.
double kept_by_groups(const std::vector<PointShape>& points, int ranks, double room) {
  double kept = 0;
  int networks = 0;
  for (const PointShape& point : points)
    if (point.problem.network && point.problem.network->training) {
      kept += kept_snapshot_bytes(*point.problem.network);
      ++networks;
    }
  return ranks > 1 && networks > 1 ? std::min(kept, room / 4) : 0.0;
}

constexpr std::int64_t most_ranks = 1 << 24;

/// Slower by what more ranks than cores share.
void oversubscribe(std::vector<PlannedPhase>& phases, int ranks, const Machine& machine) {
  const double sharing = static_cast<double>(machine.ranks_a_node(ranks)) / machine.cores;
  if (sharing > 1)
    for (PlannedPhase& phase : phases)
      phase.seconds *= sharing;
}

}  // namespace

int least_ranks(const std::vector<PointShape>& points) {
  int least = 1;
  for (const PointShape& point : points)
    if (const auto& grid = point.problem.layout.grid)
      least = std::max(least, grid->nprow * grid->npcol);
  return least;
}

std::vector<PointShape> point_shapes(const Deck& deck, const InputShapes& inputs) {
  std::vector<PointShape> shapes;
  for (const StudyPoint& point : study_points(deck))
    shapes.push_back({point.label, problem_shape(point.deck, inputs)});
  return shapes;
}

double RunPlan::peak() const {
  return points[fullest].fullest().total() + first_use_bytes + kept;
}

double RunPlan::peak_at_most() const {
  double most = 0;
  for (const PlannedMemory& point : points)
    for (const MemoryStage& stage : point.stages)
      most = std::max(most, stage.total());
  return most + first_use_bytes + kept;
}

double RunPlan::seconds() const {
  double sum = 0;
  for (const PlannedPhase& phase : phases)
    if (!phase.only_if) sum += phase.seconds;
  return sum;
}

double RunPlan::seconds_at_most() const {
  double sum = 0;
  for (const PlannedPhase& phase : phases)
    sum += phase.seconds;
  return sum;
}

RunPlan plan_run(const std::vector<PointShape>& points, int ranks, const Machine& machine,
                 const MachineModel& model) {
  RunPlan plan;
  plan.ranks = ranks;
  const double room = machine.memory_a_rank(ranks);
  plan.kept = kept_by_groups(points, ranks, room);
  const auto add = [&](const ProblemShape& problem) {
    const ProblemShape shape = with_room(problem, room);
    plan.points.push_back(point_memory(shape, ranks));
    add_phases(plan.phases, planned_phases(shape, plan.points.back(), ranks, model));
    plan.run_file += file_bytes(shape);
    plan.checkpoint = std::max(plan.checkpoint, checkpoint_bytes(shape, ranks));
  };
  for (const PointShape& point : points) {
    add(point.problem);
    // The covariance of the data comes after the kernel's matrix: as a point of its own.
    if (point.problem.covariance) add(*point.problem.covariance);
  }
  for (std::size_t i = 0; i < plan.points.size(); ++i)
    if (plan.points[i].fullest().total() > plan.points[plan.fullest].fullest().total())
      plan.fullest = i;
  oversubscribe(plan.phases, ranks, machine);
  return plan;
}

std::vector<Candidate> candidates(const std::vector<PointShape>& points, const Machine& machine,
                                  const MachineModel& model, const PhaseScale& scale) {
  const std::int64_t all = std::min(most_ranks, std::int64_t{machine.nodes} * machine.cores);
  std::set<std::int64_t> counts{all};
  for (std::int64_t ranks = 1; ranks < all; ranks *= 2)
    counts.insert(ranks);
  for (std::int64_t each = machine.cores; each >= 1; each /= 2)
    counts.insert(std::min(all, each * machine.nodes));
  std::vector<Candidate> table;
  for (const std::int64_t count : counts) {
    const int ranks = static_cast<int>(count);
    if (ranks < machine.nodes && count != all) continue;  // a node without a rank
    if (ranks < least_ranks(points)) continue;
    RunPlan plan = plan_run(points, ranks, machine, model);
    if (scale) scale(plan.phases);
    Candidate line{.ranks = ranks, .peak = plan.peak() + machine.baseline};
    line.node = line.peak * machine.ranks_a_node(ranks);
    line.seconds = plan.seconds();
    line.fits = line.node <= machine.memory;
    table.push_back(line);
  }
  return table;
}

std::optional<int> best_ranks(const std::vector<Candidate>& table) {
  std::optional<int> best;
  double soonest = 0;
  for (const Candidate& line : table) {
    if (!line.fits || (best && line.seconds > 0.97 * soonest)) continue;
    best = line.ranks;
    soonest = line.seconds;
  }
  return best;
}

std::optional<NodesNeeded> nodes_needed(const std::vector<PointShape>& points,
                                        const Machine& machine) {
  const MachineModel any;
  const int least = least_ranks(points);
  // The point that takes most on few ranks takes most on many.
  std::vector<PointShape> largest{points[0]};
  double most = -1;
  for (const PointShape& point : points) {
    const double bytes = point_memory(point.problem, least).fullest().total();
    if (bytes > most) {
      most = bytes;
      largest = {point};
    }
  }
  const auto ranks_that_fit = [&](int nodes) -> std::optional<NodesNeeded> {
    Machine many = machine;
    many.nodes = nodes;
    for (std::int64_t each = machine.cores; each >= 1; each /= 2) {
      const std::int64_t ranks = each * nodes;
      if (ranks > most_ranks || ranks < least) continue;
      RunPlan plan = plan_run(largest, static_cast<int>(ranks), many, any);
      plan.kept = kept_by_groups(points, plan.ranks, many.memory_a_rank(plan.ranks));
      if ((plan.peak() + machine.baseline) * static_cast<double>(each) <= machine.memory)
        return NodesNeeded{nodes, plan.ranks};
    }
    return std::nullopt;
  };
  constexpr int most_nodes = 1 << 20;
  int fits = 1;
  while (!ranks_that_fit(fits)) {
    fits *= 2;
    if (fits > most_nodes) return std::nullopt;
  }
  int fails = fits / 2;
  while (fits - fails > 1) {
    const int middle = fails + (fits - fails) / 2;
    (ranks_that_fit(middle) ? fits : fails) = middle;
  }
  return ranks_that_fit(fits);
}

}  // namespace fathom
