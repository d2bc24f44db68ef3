#include "run/plan_command.hpp"

#include "run/calibration.hpp"
#include "run/job_script.hpp"
#include "run/machine.hpp"
#include "run/plan_text.hpp"

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
  const std::vector<Candidate> table = candidates(points, machine, model);
  const auto best = best_ranks(table);
  const int ranks = arguments.ranks > 0 ? arguments.ranks : best.value_or(table.back().ranks);
  RunPlan plan = plan_run(points, ranks, machine, model);
  if (!arguments.from.empty()) {
    const PastRates past = PastRates::read(arguments.from);
    past.apply(plan.phases);
    model.calibrated = true;
    model.source = past.source();
  }
  const std::string no = refusal(points, plan, machine);
  if (!arguments.sbatch) {
    out << deck.text("title") << '\n' << machine_line(machine, model) << '\n';
    print(out, candidate_lines(table, best));
    print(out, plan_lines(points, plan, machine, model));
  }
  if (!no.empty()) throw Error(ExitCode::no_fit, no);
  if (arguments.sbatch)
    out << job_script({.deck = arguments.deck_path,
                       .overrides = arguments.overrides,
                       .name = std::filesystem::path(arguments.deck_path).stem().string(),
                       .memory = machine.memory},
                      plan, machine);
}

}  // namespace fathom
