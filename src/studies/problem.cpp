#include "studies/problem.hpp"

#include "gram/factor.hpp"
#include "gram/given_matrix.hpp"
#include "gram/mlp_gram.hpp"
#include "gram/population.hpp"
#include "gram/random_features.hpp"
#include "kernels/mlp_kernel.hpp"
#include "store/matrix_file.hpp"
#include "studies/deck_numbers.hpp"

#include <algorithm>
#include <functional>

namespace fathom {
namespace {

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

void set_extended(
    StudyProblem& problem, const StudyContext& context, const Deck& deck,
    std::function<ExtendedAssembly(const ProcessGrid&, std::int64_t, const AssemblyOptions&)>
        assemble) {
  problem.extended = [&context, assemble = std::move(assemble), report = problem.assembly,
                      options = assembly_options(deck)](const ProcessGrid& grid,
                                                        std::int64_t block) {
    context.progress.begin("extended assembly");
    const Timer timer;
    ExtendedAssembly assembly = assemble(grid, block, options);
    context.progress.end("extended assembly", timer.seconds());
    context.clock.add("extended assembly", timer.seconds());
    context.progress.note(fmt::format("matrix in double-double: {}; {}", assembly.report.kernel,
                                      assembly.report.reason));
    *report = assembly.report;
    return std::move(assembly.symmetric);
  };
}

bool is_linear(const Activation& activation) {
  return activation.kind() == ActivationKind::linear ||
         (activation.kind() == ActivationKind::monomial && activation.degree() == 1);
}

void population_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  const PopulationSpec spec = population_spec(deck);
  problem.spectrum.n = spec.features;
  if (is_linear(spec.activation)) problem.spectrum.rank_bound = std::min(spec.features, spec.dim);
  set_source(problem, context, deck,
             [spec](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
               return assemble_population(grid, block, spec, assembly);
             });
  const FactorOptions factor = factor_options(deck);
  problem.factor = [&context, spec, factor] {
    Factor made = population_factor(context.world, spec, factor);
    return FactorChoice{std::move(made.source), made.reason};
  };
  set_extended(
      problem, context, deck,
      [spec](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
        return assemble_population_extended(grid, block, spec, assembly);
      });
}

void empirical_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  const Activation activation = activation_of(deck);
  const std::int64_t n = problem.data.rows->count(), d = deck.integer("kernel.features");
  // Targets live on the samples, so their eigenbasis is that of the Gram matrix.
  const GramSide side = choose_side(wished_side(deck, problem.targets.has_value()), n, d);
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
  problem.factor = [&context, spec, data = problem.data] {
    return FactorChoice{random_feature_factor(context.world, spec, *data.rows), ""};
  };
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
  problem.factor = [] {
    return FactorChoice{nullptr,
                        "a closed-form kernel has no factor; solver.precision = "
                        "\"extended\" goes deeper where its activation is analytic"};
  };
  set_extended(problem, context, deck,
               [kernel = mlp_kernel_of(deck), data = problem.data](
                   const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
                 return assemble_mlp_kernel_extended(grid, block, kernel, *data.rows, assembly);
               });
}

void features_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck) {
  const std::int64_t n = problem.data.rows->count(), d = problem.data.rows->dim();
  const GramSide side = choose_side(wished_side(deck, problem.targets.has_value()), n, d);
  problem.spectrum.n = side == GramSide::gram ? n : d;
  problem.spectrum.rank_bound = std::min(n, d);
  set_source(problem, context, deck,
             [side, data = problem.data](const ProcessGrid& grid, std::int64_t block,
                                         const AssemblyOptions& assembly) {
               return assemble_features(grid, block, *data.rows, side, assembly);
             });
  problem.factor = [side, data = problem.data] {
    return FactorChoice{given_factor(*data.rows, side), ""};
  };
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
  problem.factor = [] {
    return FactorChoice{nullptr,
                        "only the matrix is given, and it holds nothing below its floor: "
                        "give the features as well to go deeper"};
  };
}

void read_layout(SpectrumProblem& spectrum, const Deck& deck) {
  spectrum.request.backend = parse_backend(deck.text("solver.backend"));
  spectrum.layout = layout_wish(deck);
  spectrum.verify = verify_options(deck);
}

/// Of a study that needs all eigenpairs and says so itself.
void ask_for_all_pairs(StudyProblem& problem, const Deck& deck) {
  read_layout(problem.spectrum, deck);
  problem.spectrum.request.vectors = true;
  problem.tail = TailMethod::gram;
}

void read_solver_section(StudyProblem& problem, const Deck& deck) {
  SpectrumProblem& spectrum = problem.spectrum;
  read_layout(spectrum, deck);
  spectrum.request.vectors = deck.flag("solver.eigenvectors");
  if (!deck.is_word("solver.eigenvalues"))
    spectrum.request.count = deck.integer("solver.eigenvalues");
  if (spectrum.request.count > spectrum.n)
    throw Error(ExitCode::deck, "solver.eigenvalues = {}, but the matrix has only {} rows",
                spectrum.request.count, spectrum.n);
  problem.tail = parse_tail_method(deck.text("solver.tail"));
  problem.extended_precision =
      deck.has("solver.precision") && deck.text("solver.precision") == "extended";
  problem.matrix_free = deck.has("solver.matrix") && deck.text("solver.matrix") == "matrix_free";
}

}  // namespace

StudyProblem make_problem(const StudyContext& context, const Deck& deck) {
  StudyProblem problem;
  context.world.agree([&] { problem.shape = problem_shape(deck, context.inputs); });
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
  FATHOM_ASSERT(problem.shape.n == problem.spectrum.n, "a plan for n = {}, a problem of {}",
                problem.shape.n, problem.spectrum.n);
  if (deck.has("solver.eigenvalues"))
    read_solver_section(problem, deck);
  else if (deck.has("solver.backend"))
    ask_for_all_pairs(problem, deck);
  return problem;
}

StudyProblem make_kernel_problem(const StudyContext& context, const Deck& deck,
                                 const ProblemShape& shape, Assemble assemble) {
  StudyProblem problem;
  problem.shape = shape;
  set_source(problem, context, deck, std::move(assemble));
  ask_for_all_pairs(problem, deck);
  return problem;
}

StudyProblem make_data_covariance(const StudyContext& context, const Deck& deck,
                                  const InputData& data) {
  StudyProblem problem;
  context.world.agree([&] { problem.shape = *problem_shape(deck, context.inputs).covariance; });
  problem.data = data;
  problem.spectrum.n = data.rows->dim();
  problem.spectrum.rank_bound = std::min(data.rows->count(), data.rows->dim());
  set_source(problem, context, deck,
             [data](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
               return assemble_data_covariance(grid, block, *data.rows, assembly);
             });
  problem.factor = [data] { return FactorChoice{data_covariance_factor(*data.rows), ""}; };
  // Its own size, so its own layout: the deck's grid and block are meant for the kernel's matrix.
  problem.spectrum.verify = verify_options(deck);
  problem.tail = parse_tail_method(deck.text("solver.tail"));
  return problem;
}

}  // namespace fathom
