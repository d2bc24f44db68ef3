#include "studies/problem.hpp"

#include "base/assert.hpp"
#include "gram/factor.hpp"
#include "gram/given_matrix.hpp"
#include "gram/mlp_gram.hpp"
#include "gram/population.hpp"
#include "gram/random_features.hpp"
#include "kernels/mlp_kernel.hpp"
#include "store/hash.hpp"
#include "store/matrix_file.hpp"
#include "studies/deck_numbers.hpp"
#include "studies/trained_model.hpp"

#include <algorithm>
#include <functional>

namespace fathom {
namespace {

/// Makes the matrix on the solver's grid and block.
using Assemble =
    std::function<Assembly(const ProcessGrid&, std::int64_t block, const AssemblyOptions&)>;

/// As the deck says; tells the log how far it is.
AssemblyOptions noted_options(const StudyContext& context, const Deck& deck) {
  AssemblyOptions options = assembly_options(deck);
  options.progress = [&progress = context.progress](std::int64_t done, std::int64_t total) {
    progress.advance(static_cast<double>(done), static_cast<double>(total));
  };
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
                             options = noted_options(context, deck), kept = problem.kept,
                             n = problem.spectrum.n](const ProcessGrid& grid, std::int64_t block) {
    context.progress.begin("assembly");
    const Timer timer;
    std::optional<Assembly> whole;
    if (kept) whole = kept->finished(grid, block, n);
    AssemblyOptions with_keeper = options;
    with_keeper.keeper = kept.get();
    Assembly assembly = whole ? std::move(*whole) : assemble(grid, block, with_keeper);
    context.progress.end("assembly", timer.seconds());
    note_assembly(context, assembly.report);
    *report = assembly.report;
    return std::move(assembly.symmetric);
  };
}

/// To be called before set_source, where something is to be kept.
void keep_as(StudyProblem& problem, const StudyContext& context, const Deck& deck,
             const std::string& key, const std::string& name, std::string subject) {
  if (key.empty() || !context.checkpoint.on() || deck.is_word("run.checkpoint")) return;
  problem.kept = std::make_shared<KeptAssembly>(context, key + "." + name, std::move(subject),
                                                deck.seconds("run.checkpoint"));
}

void set_extended(
    StudyProblem& problem, const StudyContext& context, const Deck& deck,
    std::function<ExtendedAssembly(const ProcessGrid&, std::int64_t, const AssemblyOptions&)>
        assemble) {
  problem.extended = [&context, assemble = std::move(assemble), report = problem.assembly,
                      options = noted_options(context, deck)](const ProcessGrid& grid,
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
  problem.factor = [&context, spec, factor = factor_options(deck)] {
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

/// What `kernel` refers to stays as long as a copy of the pointer does.
void tangent_kernel_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck,
                            std::shared_ptr<const EmpiricalNtk> kernel, const std::string& key) {
  problem.spectrum.n = kernel->order();
  // At other parameters it is another kernel.
  std::string subject;
  context.world.agree([&] {
    subject = fmt::format("{}; parameters {:016x}", empirical_ntk_text(*kernel),
                          hash_bytes_64(kernel->parameters.data(), 8 * kernel->parameters.size()));
  });
  keep_as(problem, context, deck, key, "gram", std::move(subject));
  problem.spectrum.rank_bound = std::min(kernel->order(), kernel->factor_rows());
  set_source(
      problem, context, deck,
      [kernel](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
        return assemble_empirical_ntk(grid, block, *kernel, assembly);
      });
  problem.factor = [&context, kernel] {
    FactorChoice choice;
    context.world.agree([&] { choice.factor = empirical_ntk_factor(*kernel); });
    return choice;
  };
  problem.products = [&context, kernel] { return empirical_ntk_operator(context.world, *kernel); };
}

/// A network at its initial values.
void network_problem(StudyProblem& problem, const StudyContext& context, const Deck& deck,
                     const std::string& key) {
  struct Held {
    InitialNetwork of;
    EmpiricalNtk kernel;
    Held(InitialNetwork made, NtkKind kind)
        : of(std::move(made)),
          kernel{*of.network, of.parameters, *of.inputs, every_output(*of.network), kind} {}
  };
  const auto held = std::make_shared<Held>(make_initial_network(context, deck), ntk_kind(deck));
  problem.targets = std::move(held->of.targets);
  tangent_kernel_problem(problem, context, deck, {held, &held->kernel}, key);
}

/// What is asked for, as its shape has it.
void take_request(StudyProblem& problem) {
  FATHOM_ASSERT(problem.shape.n == problem.spectrum.n, "a plan for n = {}, a problem of {}",
                problem.shape.n, problem.spectrum.n);
  problem.spectrum.request = problem.shape.request;
  problem.spectrum.layout = problem.shape.layout;
  problem.spectrum.verify = problem.shape.verify;
}

}  // namespace

StudyProblem make_problem(const StudyContext& context, const Deck& deck, const std::string& key) {
  StudyProblem problem;
  context.world.agree([&] { problem.shape = problem_shape(deck, context.inputs); });
  const std::string& type = deck.text("kernel.type");
  const bool population =
      type == "random_features" && deck.text("kernel.expectation") == "population";
  if (type == "features_file")
    problem.data = read_features(context.world, deck);
  else if (type != "gram_file" && type != "network" && !population)
    problem.data = read_data(context.world, deck);
  if (problem.data.rows)
    problem.targets = read_targets(context.world, deck, problem.data.rows->count());

  if (type != "network" && type != "gram_file")
    keep_as(problem, context, deck, key, "gram", "kernel of the deck");
  if (population)
    population_problem(problem, context, deck);
  else if (type == "random_features")
    empirical_problem(problem, context, deck);
  else if (type == "nngp" || type == "ntk")
    mlp_problem(problem, context, deck);
  else if (type == "network")
    network_problem(problem, context, deck, key);
  else if (type == "features_file")
    features_problem(problem, context, deck);
  else
    gram_file_problem(problem, context, deck);
  take_request(problem);
  return problem;
}

StudyProblem make_tangent_kernel_problem(const StudyContext& context, const Deck& deck,
                                         const EmpiricalNtk& kernel, const ProblemShape& shape,
                                         const std::string& key) {
  StudyProblem problem;
  problem.shape = shape;
  tangent_kernel_problem(problem, context, deck, std::make_shared<const EmpiricalNtk>(kernel), key);
  take_request(problem);
  return problem;
}

StudyProblem make_data_covariance(const StudyContext& context, const Deck& deck,
                                  const InputData& data, const std::string& key) {
  StudyProblem problem;
  context.world.agree([&] { problem.shape = *problem_shape(deck, context.inputs).covariance; });
  problem.data = data;
  problem.spectrum.n = data.rows->dim();
  keep_as(problem, context, deck, key, "covariance", "covariance of the data");
  problem.spectrum.rank_bound = std::min(data.rows->count(), data.rows->dim());
  set_source(problem, context, deck,
             [data](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& assembly) {
               return assemble_data_covariance(grid, block, *data.rows, assembly);
             });
  problem.factor = [data] { return FactorChoice{data_covariance_factor(*data.rows), ""}; };
  take_request(problem);
  return problem;
}

}  // namespace fathom
