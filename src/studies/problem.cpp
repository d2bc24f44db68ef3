#include "studies/problem.hpp"

#include "gram/given_matrix.hpp"
#include "gram/mlp_gram.hpp"
#include "gram/population.hpp"
#include "gram/random_features.hpp"
#include "kernels/mlp_kernel.hpp"
#include "store/matrix_file.hpp"
#include "store/memory.hpp"

#include <algorithm>
#include <functional>

#include <unistd.h>

namespace fathom {
namespace {

/// Makes the matrix on the solver's grid and block.
using Assemble =
    std::function<Assembly(const ProcessGrid&, std::int64_t block, const AssemblyOptions&)>;

AssemblyOptions assembly_options(const Deck& deck) {
  AssemblyOptions options;
  if (deck.has("kernel.assembly"))
    options.movement = parse_movement(deck.text("kernel.assembly")).value();
  if (deck.has("kernel.chunk") && !deck.is_word("kernel.chunk"))
    options.chunk = deck.integer("kernel.chunk");
  return options;
}

void note_assembly(const StudyContext& context, const AssemblyReport& report) {
  context.progress.note(fmt::format("matrix: {}; {}", report.kernel, report.normalization));
  if (!report.reason.empty()) context.progress.note(fmt::format("assembly: {}", report.reason));
  if (!report.note.empty()) context.progress.note(report.note);
  context.clock.add("assembly: signals", report.seconds.signals);
  context.clock.add("assembly: products", report.seconds.products, report.product_flops);
  context.clock.add("assembly: communication", report.seconds.communication);
  context.clock.add("assembly: map", report.seconds.map);
  context.clock.add("assembly: mirror", report.seconds.mirror);
}

void set_source(StudyProblem& problem, const StudyContext& context, const Deck& deck,
                Assemble assemble) {
  problem.assembly = std::make_shared<AssemblyReport>();
  problem.spectrum.source = [&context, assemble = std::move(assemble), report = problem.assembly,
                             options = assembly_options(deck)](const ProcessGrid& grid,
                                                               std::int64_t block) {
    context.progress.begin("assembly");
    const Timer timer;
    Assembly assembly = assemble(grid, block, options);
    context.progress.end("assembly", timer.seconds());
    note_assembly(context, assembly.report);
    *report = assembly.report;
    return std::move(assembly.symmetric);
  };
}

Activation activation_of(const Deck& deck) {
  return Activation(
      parse_activation(deck.text("kernel.activation")),
      deck.has("kernel.degree") ? static_cast<int>(deck.integer("kernel.degree")) : 1);
}

bool is_linear(const Activation& activation) {
  return activation.kind() == ActivationKind::linear ||
         (activation.kind() == ActivationKind::monomial && activation.degree() == 1);
}

void population_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  PopulationSpec spec{.features = deck.integer("kernel.features"),
                      .dim = deck.integer("data.dim"),
                      .alpha = deck.real("data.alpha"),
                      .seed = static_cast<std::uint64_t>(deck.integer("run.seed")),
                      .activation = activation_of(deck)};
  if (deck.has("kernel.hermite_terms"))
    spec.hermite_terms = static_cast<int>(deck.integer("kernel.hermite_terms"));
  problem.spectrum.n = spec.features;
  if (is_linear(spec.activation)) problem.spectrum.rank_bound = std::min(spec.features, spec.dim);
  set_source(problem, context, deck,
             [spec](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
               return assemble_population(grid, block, spec, assembly);
             });
}

void empirical_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  const Activation activation = activation_of(deck);
  const std::int64_t n = problem.data.rows->count(), d = deck.integer("kernel.features");
  // Targets live on the samples, so their eigenbasis is that of the Gram matrix.
  const GramSide wish =
      problem.targets ? GramSide::gram : parse_gram_side(deck.text("kernel.side")).value();
  const GramSide side = choose_side(wish, n, d);
  const RandomFeatureSpec spec{.features = d,
                               .seed = static_cast<std::uint64_t>(deck.integer("run.seed")),
                               .activation = activation,
                               .side = side};
  problem.spectrum.n = side == GramSide::gram ? n : d;
  problem.spectrum.rank_bound = std::min(n, d);
  if (is_linear(activation))
    problem.spectrum.rank_bound = std::min(problem.spectrum.rank_bound, problem.data.rows->dim());
  set_source(problem, context, deck,
             [spec, data = problem.data](const ProcessGrid& grid, std::int64_t block,
                                         const AssemblyOptions& assembly) {
               return assemble_random_features(grid, block, spec, *data.rows, assembly);
             });
}

MlpKernelOptions mlp_kernel_of(const Deck& deck) {
  return {.kind = deck.text("kernel.type") == "ntk" ? MlpKernelKind::ntk : MlpKernelKind::nngp,
          .activation = parse_activation(deck.text("kernel.activation")),
          .depth = static_cast<int>(deck.integer("kernel.depth")),
          .weight_variance = deck.real("kernel.weight_variance"),
          .bias_variance = deck.real("kernel.bias_variance")};
}

void mlp_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  problem.spectrum.n = problem.data.rows->count();
  set_source(problem, context, deck,
             [kernel = mlp_kernel_of(deck), data = problem.data](
                 const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
               return assemble_mlp_kernel(grid, block, kernel, *data.rows, assembly);
             });
}

void features_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  const std::int64_t n = problem.data.rows->count(), d = problem.data.rows->dim();
  const GramSide wish =
      problem.targets ? GramSide::gram : parse_gram_side(deck.text("kernel.side")).value();
  const GramSide side = choose_side(wish, n, d);
  problem.spectrum.n = side == GramSide::gram ? n : d;
  problem.spectrum.rank_bound = std::min(n, d);
  set_source(problem, context, deck,
             [side, data = problem.data](const ProcessGrid& grid, std::int64_t block,
                                         const AssemblyOptions& assembly) {
               return assemble_features(grid, block, *data.rows, side, assembly);
             });
}

void gram_file_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  const std::string dataset = deck.has("kernel.dataset") ? deck.text("kernel.dataset") : "";
  const MatrixFile file =
      MatrixFile::open(context.world, path_from_deck(deck, deck.text("kernel.file")), dataset);
  file.require_square();
  problem.spectrum.n = file.rows();
  problem.targets = read_targets(context.world, deck, file.rows());
  set_source(problem, context, deck,
             [file](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions&) {
               return accept_gram(grid, block, file.read(grid, block, block), file.input_epsilon(),
                                  file.what());
             });
}

VerifyOptions verify_options(const Deck& deck) {
  VerifyOptions verify;
  verify.probes = static_cast<int>(deck.integer("verify.probes"));
  verify.warn = deck.real("verify.warn");
  verify.fail = deck.real("verify.fail");
  verify.full = deck.text("verify.level") == "full";
  verify.seed = static_cast<std::uint64_t>(deck.integer("run.seed"));
  return verify;
}

void read_solver_section(StudyProblem& problem, const Deck& deck) {
  SpectrumProblem& spectrum = problem.spectrum;
  spectrum.request.backend = parse_backend(deck.text("solver.backend"));
  spectrum.request.vectors = deck.flag("solver.eigenvectors");
  if (!deck.is_word("solver.eigenvalues"))
    spectrum.request.count = deck.integer("solver.eigenvalues");
  if (spectrum.request.count > spectrum.n)
    throw Error(ExitCode::deck, "solver.eigenvalues = {}, but the matrix has only {} rows",
                spectrum.request.count, spectrum.n);
  if (!deck.is_word("solver.grid"))
    spectrum.layout.grid = GridShape{static_cast<int>(deck.integers("solver.grid")[0]),
                                     static_cast<int>(deck.integers("solver.grid")[1])};
  if (!deck.is_word("solver.block")) spectrum.layout.block = deck.integer("solver.block");
  spectrum.verify = verify_options(deck);
}

/// Bytes that every rank may still take, if the ranks of each host share alike what it has left: of
/// its memory and of the limit of its control group. The smallest over the ranks. Collective.
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

void plan(const StudyContext& context, StudyProblem& problem, StudyOutcome& outcome) {
  SpectrumProblem& spectrum = problem.spectrum;
  const double memory_left = memory_a_rank(context.world);
  spectrum.layout.memory = static_cast<std::int64_t>(memory_left);
  const SolverPlan solver =
      plan_solver(spectrum.request, spectrum.n, context.world.size(), spectrum.layout);
  const SolverMemory memory = solver_memory(solver, spectrum.request, spectrum.n);
  const auto matrix = static_cast<double>(memory.matrix);
  double held = 0;
  if (problem.data.held)
    held =
        static_cast<double>(problem.data.held->local_rows() * problem.data.held->local_cols()) * 8;
  const double assembly_peak = 1.15 * matrix;
  const double peak =
      context.world.max(held) + std::max(static_cast<double>(memory.total()), assembly_peak);
  context.progress.note(fmt::format("plan: {} x {} grid, block {}, {}: {}", solver.grid.nprow,
                                    solver.grid.npcol, solver.block, name(solver.backend),
                                    solver.reason));
  context.progress.note(fmt::format("plan: matrix {:.3f} GiB a rank, peak {:.3f} GiB",
                                    matrix / 0x1p30, peak / 0x1p30));
  if (peak > memory_left)
    throw Error(ExitCode::no_fit,
                "a rank needs {:.2f} GiB, {:.2f} GiB are left for each: use more nodes (more ranks "
                "on one node add no memory) "
                "or eigenvalues without vectors",
                peak / 0x1p30, memory_left / 0x1p30);
  outcome.matrix_bytes = std::max(outcome.matrix_bytes, matrix);
  outcome.predicted_peak_bytes = std::max(outcome.predicted_peak_bytes, peak);
}

double solve_flops(const EigenRequest& request, std::int64_t n) {
  const auto size = static_cast<double>(n);
  return (request.vectors ? 4.0 / 3 + 4 : 4.0 / 3) * size * size * size;
}

}  // namespace

StudyProblem make_problem(const StudyContext& context, const Deck& deck) {
  StudyProblem problem;
  const std::string& type = deck.text("kernel.type");
  const bool population =
      type == "random_features" && deck.text("kernel.expectation") == "population";
  if (type == "features_file")
    problem.data = read_features(context.world, deck);
  else if (type != "gram_file" && !population)
    problem.data = read_data(context.world, deck);
  if (problem.data.rows)
    problem.targets = read_targets(context.world, deck, problem.data.rows->count());

  if (population)
    population_problem(problem, context, deck);
  else if (type == "random_features")
    empirical_problem(problem, context, deck);
  else if (type == "nngp" || type == "ntk")
    mlp_problem(problem, context, deck);
  else if (type == "features_file")
    features_problem(problem, context, deck);
  else
    gram_file_problem(problem, context, deck);
  read_solver_section(problem, deck);
  return problem;
}

StudyProblem make_data_covariance(const StudyContext& context, const Deck& deck,
                                  const InputData& data) {
  StudyProblem problem;
  problem.data = data;
  problem.spectrum.n = data.rows->dim();
  problem.spectrum.rank_bound = std::min(data.rows->count(), data.rows->dim());
  set_source(problem, context, deck,
             [data](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
               return assemble_data_covariance(grid, block, *data.rows, assembly);
             });
  // Its own size, so its own layout: the deck's grid and block are meant for the kernel's matrix.
  problem.spectrum.verify = verify_options(deck);
  return problem;
}

CertifiedSpectrum solve_problem(const StudyContext& context, StudyProblem& problem,
                                StudyOutcome& outcome, const std::string& label) {
  if (!label.empty()) context.progress.note(fmt::format("--- {}", label));
  plan(context, problem, outcome);
  const Timer timer;
  context.progress.begin("solve");
  CertifiedSpectrum spectrum = solve_certified(context.world, problem.spectrum, context.progress);
  context.progress.end("solve", timer.seconds());
  context.clock.add("solve", spectrum.timings.solve,
                    solve_flops(problem.spectrum.request, problem.spectrum.n));
  context.clock.add("certify", spectrum.timings.check);
  outcome.grid = spectrum.plan.grid;
  outcome.block = spectrum.plan.block;
  outcome.lines.push_back(fmt::format(
      "{}n = {}: {} of {} eigenvalues trusted{}, floor {:.2e}; {}{}; {}",
      label.empty() ? "" : label + ": ", problem.spectrum.n, spectrum.trusted,
      spectrum.result.eigenvalue.size(),
      spectrum.null_by_rank > 0 ? fmt::format(", {} null by rank", spectrum.null_by_rank) : "",
      spectrum.floor(), name(spectrum.result.backend),
      spectrum.fell_back ? " after a fallback" : "", spectrum.certificate.summary()));
  return spectrum;
}

}  // namespace fathom
