#pragma once

// A plan in lines of text. Pure.

#include "studies/run_plan.hpp"

#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// Grid and block of the fullest point and why, its memory item by item and stage by stage, disk,
/// work and time: the same lines for the command and for the log of the run.
std::vector<std::string> plan_lines(const std::vector<PointShape>& points, const RunPlan& plan,
                                    const Machine& machine, const MachineModel& model);

/// The machine and where its rates are from.
std::string machine_line(const Machine& machine, const MachineModel& model);

/// The table of rank counts, the best one marked.
std::vector<std::string> candidate_lines(const std::vector<Candidate>& table,
                                         std::optional<int> best);

/// Why the plan does not fit and what would; empty where it does.
std::string refusal(const std::vector<PointShape>& points, const RunPlan& plan,
                    const Machine& machine);

}  // namespace fathom
