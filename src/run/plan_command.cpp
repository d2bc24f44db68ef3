#include "run/plan_command.hpp"

#include "deck/toml_reader.hpp"
#include "run/calibration.hpp"
#include "run/job_script.hpp"
#include "run/machine.hpp"
#include "run/plan_text.hpp"

#include <algorithm>
#include <cctype>
#include <ostream>

namespace fathom {
namespace {

Machine asked_machine(const PlanArguments& arguments, double baseline) {
  Machine machine = this_machine(baseline);
  if (arguments.nodes > 0) machine.nodes = arguments.nodes;
  if (arguments.cores > 0) machine.cores = arguments.cores;
  if (arguments.memory > 0) {
    machine.memory = static_cast<double>(arguments.memory);
    machine.limit = "--memory";
  }
  return machine;
}

/// What fits with room to spare, of a node: the empty program takes more where MPI does.
double wished_memory(const RunPlan& plan, const Machine& machine) {
  constexpr double spare = 1.2, spare_a_rank = 0x1p28;
  const double a_rank = spare * (plan.peak_at_most() + machine.baseline) + spare_a_rank;
  return std::min(machine.memory, a_rank * machine.ranks_a_node(plan.ranks));
}

/// The run folder is the script's to name, by OUTPUT.
Job job_of(const PlanArguments& arguments, const Deck& deck, double memory) {
  Job job{.deck = arguments.deck_path,
          .overrides = {},
          .name = std::filesystem::path(arguments.deck_path).stem().string(),
          .memory = memory};
  const auto control = [](const std::string& text) {
    return std::ranges::any_of(text, [](unsigned char c) { return std::iscntrl(c) != 0; });
  };
  if (control(arguments.deck_path) || std::ranges::any_of(arguments.overrides, control))
    throw Error(ExitCode::usage, "--sbatch: control characters in the deck's name or in --set");
  for (const std::string& set : arguments.overrides) {
    if (deck::override_key(set) == "run.output")
      job.output = deck.text("run.output");
    else
      job.overrides.push_back(set);
  }
  return job;
}

void print(std::ostream& out, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    out << line << '\n';
}

}  // namespace

void plan_deck(const PlanArguments& arguments, std::ostream& out) {
  const Deck deck = load_deck(arguments.deck_path, arguments.overrides);
  std::optional<std::filesystem::path> file;
  if (!arguments.calibration.empty()) file = arguments.calibration;
  MachineModel model = load_calibration(file);
  const Machine machine = asked_machine(arguments, model.baseline);
  const std::vector<PointShape> points = point_shapes(deck, InputShapes::read(deck));
  PhaseScale scale;
  if (!arguments.from.empty()) {
    const PastRates past = PastRates::read(arguments.from);
    scale = [past](std::vector<PlannedPhase>& phases) { past.apply(phases); };
    model.calibrated = true;
    model.source = past.source();
  }
  const std::vector<Candidate> table = candidates(points, machine, model, scale);
  const auto best = best_ranks(table);
  const int usual = table.empty() ? least_ranks(points) : table.back().ranks;
  const int ranks = arguments.ranks > 0 ? arguments.ranks : best.value_or(usual);
  RunPlan plan = plan_run(points, ranks, machine, model);
  if (scale) scale(plan.phases);
  const std::string no = refusal(points, plan, machine);
  if (!arguments.sbatch) {
    out << deck.text("title") << '\n' << machine_line(machine, model) << '\n';
    print(out, candidate_lines(table, best));
    print(out, plan_lines(points, plan, machine, model));
  }
  if (!no.empty()) throw Error(ExitCode::no_fit, no);
  if (arguments.sbatch)
    out << job_script(job_of(arguments, deck, wished_memory(plan, machine)), plan, machine);
}

}  // namespace fathom
