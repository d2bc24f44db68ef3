// The fathom command. check, points, explain, schema and verify need no MPI; run and resume start
// it.

#include "base/fault.hpp"
#include "bindings/blas_kernels.hpp"
#include "deck/deck.hpp"
#include "deck/sweep_point.hpp"
#include "eigen/eigensolver.hpp"
#include "plan.hpp"
#include "run/runner.hpp"
#include "run/stop_signals.hpp"
#include "store/provenance.hpp"
#include "store/verify_run.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <new>
#include <string_view>

#include <CLI/CLI.hpp>

namespace {

using fathom::Error;
using fathom::ExitCode;

/// Under a launcher every rank parses the same command line; the first one alone speaks of it.
bool first_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
    if (const char* rank = std::getenv(name)) return std::atoi(rank) == 0;
  return true;
}

std::string joined(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i)
    line += (i ? " " : "") + std::string(argv[i]);
  return line;
}

int fail(const Error& error) {
  if (first_rank())
    std::cerr << fmt::format("fathom: error {} ({}): {}\n", static_cast<int>(error.code()),
                             name(error.code()), error.what());
  return static_cast<int>(error.code());
}

int run(int argc, char** argv, fathom::RunArguments arguments) {
  fathom::listen_for_stop_signals();
  fathom::MpiSession session(&argc, &argv);
  const ExitCode code = fathom::run_deck(session, arguments);
  fathom::finalize_solvers();
  session.finish();
  return static_cast<int>(code);
}

int check(const fathom::RunArguments& arguments) {
  fathom::Deck deck = fathom::load_deck(arguments.deck_path, arguments.overrides);
  if (arguments.point) deck = fathom::parse_deck(fathom::point_source(deck, *arguments.point));
  if (!first_rank()) return 0;
  const std::size_t points = deck.sweep().size();
  std::cout << deck.resolved_toml();
  std::cout << fmt::format("# {}: no fault{}\n", arguments.deck_path,
                           points ? fmt::format(", {} points", points) : "");
  return 0;
}

int points(const fathom::RunArguments& arguments, bool count_alone) {
  const fathom::Deck deck = fathom::load_deck(arguments.deck_path, arguments.overrides);
  if (!first_rank()) return 0;
  const auto points = deck.sweep();
  if (count_alone)
    std::cout << std::max<std::size_t>(1, points.size()) << '\n';
  else if (points.empty())
    std::cout << "1  no sweep: the deck itself\n";
  for (std::size_t i = 0; !count_alone && i < points.size(); ++i)
    std::cout << fmt::format("{}  {}\n", i + 1, fathom::set_text(points[i]));
  return 0;
}

int verify(const std::string& path) {
  const fathom::VerifyReport report = fathom::verify_run(path);
  if (!report.damage.empty()) {
    std::string text = fmt::format("{}: is not what was written:", path);
    for (const std::string& item : report.damage)
      text += "\n  " + item;
    throw Error(ExitCode::input, text);
  }
  if (first_rank())
    std::cout << fmt::format("{}: whole: {} datasets, {} bytes agree with their checksums\n",
                             report.file.string(), report.datasets, report.bytes);
  return 0;
}

constexpr const char* footer =
    "Exit codes: 0 verified result, 64 usage, 65 deck, 66 input missing or corrupt, 70 internal "
    "fault, 71 will not fit, "
    "73 output exists, 74 I/O, 75 stopped in order (go on with fathom resume), 80 certificate "
    "failed, 81 solver failed, 82 NaN, Inf or not "
    "positive semi-definite.\n"
    "Example: mpirun -n 8 fathom run inputs/quickstart.toml --set kernel.features=4000";

}  // namespace

int main(int argc, char** argv) {
  // Before anything that takes time: until then a SIGUSR1 ends the process.
  const std::string_view first_word(argc > 1 ? argv[1] : "");
  const bool runs = first_word == "run" || first_word == "resume";
  if (runs) fathom::listen_for_stop_signals();
  fathom::fault_point("main.begin");
  fathom::restart_with_better_kernels(argv, [runs] {
    if (runs) fathom::hand_on_stop_signals();
  });
  CLI::App app{
      "Certified spectra of large kernel matrices: one TOML deck in, eigenvalues with error bounds "
      "out.",
      "fathom"};
  app.set_version_flag("--version", fmt::format("fathom {} ({})", fathom::fathom_version(),
                                                fathom::fathom_git_hash()));
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");
  app.footer(footer);

  fathom::RunArguments arguments;
  arguments.command_line = joined(argc, argv);
  std::string key;
  auto* run_command = app.add_subcommand("run", "Run a deck; under mpirun or srun on all ranks");
  auto* resume_command = app.add_subcommand(
      "resume",
      "Go on with a run that was stopped or killed; under mpirun or srun, on any number of ranks");
  resume_command->add_option("run", arguments.resume, "Folder of the run")->required();
  auto* same_deck = resume_command->add_option(
      "--deck", arguments.deck_path,
      "Go on only if this is the deck of the run, but for keys that change no number");
  resume_command->add_option("--point", arguments.point, "The point of the deck that the run is")
      ->needs(same_deck);
  auto* check_command =
      app.add_subcommand("check", "Report every fault of a deck at once; compute nothing");
  auto* points_command = app.add_subcommand(
      "points", "The points of a deck's sweep, one a line, in the order of their numbers");
  bool count_alone = false;
  points_command->add_flag("--count", count_alone, "Print how many there are, nothing else");
  for (auto* command : {run_command, check_command})
    command->add_option("--point", arguments.point,
                        "This point of the sweep alone, 1 the first, as a deck of its own");
  for (auto* command : {run_command, check_command, points_command})
    command->add_option("deck", arguments.deck_path, "Input deck (TOML)")->required();
  for (auto* command : {run_command, check_command, points_command, resume_command}) {
    command
        ->add_option("--set", arguments.overrides,
                     "Override a key: --set kernel.features=4000 (repeatable)")
        ->take_all()
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  auto* explain_command = app.add_subcommand("explain", "What a key, a section or every key means");
  explain_command->add_option("key", key, "kernel.features, kernel, or nothing for all");
  auto* schema_command = app.add_subcommand("schema", "JSON Schema of the deck, for editors");
  std::string finished_run;
  auto* verify_command = app.add_subcommand(
      "verify", "Compare a finished run, byte by byte, with the checksums it was written with");
  verify_command->add_option("run", finished_run, "Folder of the run, or its run.h5")->required();

  fathom::add_plan_commands(app, first_rank(), argc, argv);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return first_rank() ? app.exit(success) : 0;
  } catch (const CLI::ParseError& error) {
    if (first_rank()) app.exit(error);
    return static_cast<int>(ExitCode::usage);
  } catch (const Error& error) {
    return fail(error);
  } catch (const std::bad_alloc&) {
    return fail(Error(ExitCode::no_fit, "out of memory"));
  }

  if (*run_command || *resume_command) return run(argc, argv, arguments);
  try {
    if (*check_command) return check(arguments);
    if (*points_command) return points(arguments, count_alone);
    if (*verify_command) return verify(finished_run);
    if (first_rank() && *explain_command) std::cout << fathom::explain(key);
    if (first_rank() && *schema_command) std::cout << fathom::json_schema() << '\n';
    return 0;
  } catch (const Error& error) {
    return fail(error);
  } catch (const std::bad_alloc&) {
    return fail(Error(ExitCode::no_fit, "out of memory"));
  }
}
