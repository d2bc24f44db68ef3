#include "plan.hpp"

#include "comm/session.hpp"
#include "eigen/eigensolver.hpp"
#include "run/calibration.hpp"
#include "run/plan_command.hpp"

#include <cmath>
#include <iostream>
#include <memory>
#include <sstream>

#include <fmt/format.h>

namespace fathom {
namespace {

struct CalibrateArguments {
  std::string file;
  std::string folder = ".";
  std::int64_t small_order = CalibrationOptions{}.small_order;
  std::int64_t large_order = CalibrationOptions{}.large_order;
};

void run_calibrate(int argc, char** argv, const CalibrateArguments& arguments) {
  MpiSession session(&argc, &argv);
  const Communicator& world = session.world();
  CalibrationOptions options{.small_order = arguments.small_order,
                             .large_order = arguments.large_order,
                             .folder = arguments.folder};
  options.say = [&](const std::string& line) {
    if (world.root()) std::cout << line << std::endl;
  };
  const std::filesystem::path file =
      arguments.file.empty() ? calibration_path() : std::filesystem::path(arguments.file);
  try {
    world.agree_on_root([&] { check_calibration_file(file); });
    const MachineModel model = calibrate(world, options);
    world.agree_on_root([&] { save_calibration(model, file); });
    options.say(fmt::format("saved: {}", file.string()));
  } catch (const AgreedError&) {
    session.finish();
    throw;
  } catch (const Error& error) {
    session.abort(fmt::format("fathom: error {} ({}): {}", static_cast<int>(error.code()),
                              name(error.code()), error.what()),
                  error.code());
  }
  finalize_solvers();
  session.finish();
}

/// Bytes; units are powers of 1024, as Slurm has them.
std::uint64_t memory_size(const std::string& text) {
  double value = 0;
  std::size_t used = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  std::string unit = text.substr(used);
  for (const std::string_view end : {"iB", "B"})
    if (unit.size() > 1 && unit.ends_with(end)) unit.resize(unit.size() - end.size());
  const std::size_t power = std::string_view("KMGTP").find(unit.empty() ? ' ' : unit[0]);
  const double bytes = std::ldexp(value, 10 * static_cast<int>(power + 1));
  constexpr double least = 0x1p20, most = 0x1p60;
  if (used == 0 || unit.size() != 1 || power == std::string_view::npos ||
      !(bytes >= least && bytes <= most))
    throw CLI::ValidationError(
        "--memory", fmt::format("{} is not a size of 1 MiB or more, such as 64GiB", text));
  return static_cast<std::uint64_t>(bytes);
}

void add_plan(CLI::App& app, bool speaks) {
  const auto arguments = std::make_shared<PlanArguments>();
  CLI::App* plan = app.add_subcommand(
      "plan", "Memory, disk and time of a deck before it runs, and what it would fit on");
  plan->add_option("deck", arguments->deck_path, "Input deck (TOML)")->required();
  plan->add_option("--set", arguments->overrides, "Override a key, as for run (repeatable)")
      ->take_all()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  plan->add_option("-n,--ranks", arguments->ranks, "MPI ranks; without it the soonest that fit")
      ->check(CLI::Range(1, 1 << 24));
  plan->add_option("--nodes", arguments->nodes, "Nodes; without it this machine or Slurm's job")
      ->check(CLI::Range(1, 1 << 20));
  plan->add_option("--cores", arguments->cores, "Cores of a node")->check(CLI::Range(1, 1 << 12));
  plan->add_option_function<std::string>(
      "--memory", [arguments](const std::string& text) { arguments->memory = memory_size(text); },
      "Memory of a node, with its unit: 64GiB, 64G and 65536M are the same");
  plan->add_option("--calibration", arguments->calibration,
                   "File of `fathom calibrate`, if not the usual one");
  plan->add_option("--from", arguments->from,
                   "A past run (folder or run.h5) whose measured phases scale the times");
  plan->add_flag("--sbatch", arguments->sbatch, "Print the Slurm script of this plan instead");
  plan->callback([arguments, speaks] {
    std::ostringstream silent;
    plan_deck(*arguments, speaks ? static_cast<std::ostream&>(std::cout) : silent);
  });
}

void add_calibrate(CLI::App& app, int argc, char** argv) {
  const auto arguments = std::make_shared<CalibrateArguments>();
  CLI::App* calibrate = app.add_subcommand(
      "calibrate", "Measure this machine for plans; under mpirun on all of its cores");
  calibrate->add_option("--calibration", arguments->file,
                        "File to write, if not $XDG_CONFIG_HOME/fathom/calibration.json");
  calibrate->add_option("--folder", arguments->folder, "Folder whose file system is written to");
  calibrate->add_option("--small", arguments->small_order, "Order of the first solve")
      ->capture_default_str();
  calibrate->add_option("--large", arguments->large_order, "Order of the second solve")
      ->capture_default_str();
  calibrate->callback([=] { run_calibrate(argc, argv, *arguments); });
}

}  // namespace

void add_plan_commands(CLI::App& app, bool speaks, int argc, char** argv) {
  add_plan(app, speaks);
  add_calibrate(app, argc, argv);
}

}  // namespace fathom
