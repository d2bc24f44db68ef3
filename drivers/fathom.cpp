// The fathom command. check, explain and schema need no MPI; run starts it.

#include "bindings/blas_kernels.hpp"
#include "deck/deck.hpp"
#include "eigen/eigensolver.hpp"
#include "plan.hpp"
#include "run/runner.hpp"
#include "store/provenance.hpp"

#include <cstdlib>
#include <iostream>

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
  fathom::MpiSession session(&argc, &argv);
  const ExitCode code = fathom::run_deck(session, arguments);
  fathom::finalize_solvers();
  session.finish();
  return static_cast<int>(code);
}

int check(const fathom::RunArguments& arguments) {
  const fathom::Deck deck = fathom::load_deck(arguments.deck_path, arguments.overrides);
  if (!first_rank()) return 0;
  const std::size_t points = deck.sweep().size();
  std::cout << deck.resolved_toml();
  std::cout << fmt::format("# {}: no fault{}\n", arguments.deck_path,
                           points ? fmt::format(", {} points", points) : "");
  return 0;
}

constexpr const char* footer =
    "Exit codes: 0 verified result, 64 usage, 65 deck, 66 input missing or corrupt, 70 internal "
    "fault, 71 will not fit, "
    "73 output exists, 74 I/O, 80 certificate failed, 81 solver failed, 82 NaN, Inf or not "
    "positive semi-definite.\n"
    "Example: mpirun -n 8 fathom run inputs/quickstart.toml --set kernel.features=4000";

}  // namespace

int main(int argc, char** argv) {
  fathom::restart_with_better_kernels(argv);
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
  auto* check_command =
      app.add_subcommand("check", "Report every fault of a deck at once; compute nothing");
  for (auto* command : {run_command, check_command}) {
    command->add_option("deck", arguments.deck_path, "Input deck (TOML)")->required();
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
  }

  if (*run_command) return run(argc, argv, arguments);
  try {
    if (*check_command) return check(arguments);
    if (first_rank() && *explain_command) std::cout << fathom::explain(key);
    if (first_rank() && *schema_command) std::cout << fathom::json_schema() << '\n';
    return 0;
  } catch (const Error& error) {
    return fail(error);
  }
}
