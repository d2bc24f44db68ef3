#pragma once

// The plan of a whole run: every point of the deck on so many ranks of a machine, in memory, disk
// and time; what else it could run on; the fewest nodes that hold it. Pure: `fathom plan` prints
// it, `fathom run` makes the same one and holds itself to it.

#include "studies/context.hpp"
#include "studies/plan_time.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// One point as the plan sees it.
struct PointShape {
  std::string label;
  ProblemShape problem;
};
/// Error(deck), Error(input) where header and deck do not go together.
std::vector<PointShape> point_shapes(const Deck& deck, const InputShapes& inputs);

/// What comes of one deck on one number of ranks.
struct RunPlan {
  int ranks = 1;
  std::size_t fullest = 0;  ///< the point that takes most memory
  std::vector<PlannedMemory> points;
  std::vector<PlannedPhase> phases;  ///< sums over the points
  double kept = 0;        ///< bytes of snapshots that a rank keeps for the points to come
  double run_file = 0;    ///< bytes of run.h5
  double checkpoint = 0;  ///< bytes of the largest checkpoint

  /// Bytes a rank above the empty program, of what always comes.
  double peak() const;
  /// The same with what may come.
  double peak_at_most() const;
  /// Wall seconds of what always comes, and with what may come.
  double seconds() const;
  double seconds_at_most() const;
};

RunPlan plan_run(const std::vector<PointShape>& points, int ranks, const Machine& machine,
                 const MachineModel& model);

/// The fewest ranks that a grid named in the deck needs; 1 where none is.
int least_ranks(const std::vector<PointShape>& points);

/// What is known of a machine beyond its rates, put into the seconds of phases.
using PhaseScale = std::function<void(std::vector<PlannedPhase>&)>;

/// One line of the table of rank counts.
struct Candidate {
  int ranks = 1;
  double peak = 0;  ///< a rank, baseline included
  double node = 0;  ///< of the fullest node
  double seconds = 0;
  bool fits = false;
};
/// 1, 2, 4, … up to all cores of all nodes, that number itself, and as many on each node as its
/// cores, half of them, a quarter …; none below least_ranks.
std::vector<Candidate> candidates(const std::vector<PointShape>& points, const Machine& machine,
                                  const MachineModel& model, const PhaseScale& scale = {});
/// The soonest of those that fit; within 3 % the fewest ranks. None where nothing fits.
std::optional<int> best_ranks(const std::vector<Candidate>& table);

/// The fewest nodes of this machine's kind that hold the run with some number of ranks on each, and
/// that number; nothing up to 2^20 nodes.
struct NodesNeeded {
  int nodes = 1, ranks = 1;
};
std::optional<NodesNeeded> nodes_needed(const std::vector<PointShape>& points,
                                        const Machine& machine);

}  // namespace fathom
