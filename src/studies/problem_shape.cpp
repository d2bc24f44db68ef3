#include "studies/problem_shape.hpp"

#include "gram/data_rows.hpp"
#include "gram/factor.hpp"
#include "gram/gram_side.hpp"
#include "studies/deck_numbers.hpp"

#include <algorithm>

namespace fathom {
namespace {

// As row_sources.cpp has them.
constexpr std::int64_t longest_slab = 512;
constexpr double activation_seconds = 2e-9;
// Counted, an entry: a closed form; a sum of Hermite orders takes its number of them.
constexpr double map_seconds = 4e-9, hermite_seconds = 1.5e-9, chord_seconds = 6e-9;

/// Rows of data: how many, how wide, what they cost to make, whether a file holds them.
struct RowsShape {
  std::int64_t count = 0, dim = 0;
  double seconds = 0;
  bool held = false;
  bool knows_chords = false;
};

RowsShape data_shape(const Deck& deck, const InputShapes& inputs) {
  const std::string& source = deck.text("data.source");
  if (source == "hdf5" || source == "npy") {
    const FileShape& file = inputs.data(deck);
    const std::int64_t n = deck.has("data.n") ? deck.integer("data.n") : file.rows;
    return {n, file.cols, 1e-9, true, false};
  }
  const std::int64_t n = deck.integer("data.n");
  if (source == "circle") return {n, 2, 1e-8, false, true};
  const std::int64_t dim = deck.integer("data.dim");
  const double once = normal_weights(1, 1, 0)->seconds_per_value();
  return {n, dim, source == "sphere" ? 2 * once : once, false, false};
}

SignalShape signals_of_rows(const RowsShape& rows) {
  return {.items = rows.count,
          .inner = rows.dim,
          .cost = {0.0, rows.seconds},
          .anywhere = !rows.held,
          .brought_per_item = rows.held ? rows.dim : 0};
}

SignalShape signals_of_columns(const RowsShape& rows) {
  return {.items = rows.dim,
          .inner = rows.count,
          .cost = {0.0, rows.seconds + 1e-9},
          .workspace_per_inner = rows.held ? 2 * rows.dim : rows.dim,
          .dealt_doubles =
              rows.held ? static_cast<double>(rows.count) * static_cast<double>(rows.dim) : 0.0};
}

FactorShape factor_of_coordinates(const RowsShape& rows) {
  return {.rows = rows.dim,
          .cols = rows.count,
          .flops = static_cast<double>(rows.dim) * static_cast<double>(rows.count) * rows.seconds *
                   MachineRates{}.flops_per_second};
}

FactorShape factor_of_samples(const RowsShape& rows) {
  FactorShape factor = factor_of_coordinates(rows);
  std::swap(factor.rows, factor.cols);
  return factor;
}

void hold(ProblemShape& shape, const RowsShape& rows) {
  if (rows.held)
    shape.held_doubles = static_cast<double>(rows.count) * static_cast<double>(rows.dim);
}

void population_shape(ProblemShape& shape, const Deck& deck) {
  const PopulationSpec spec = population_spec(deck);
  shape.n = spec.features;
  shape.signals = signals_of_rows(
      {spec.features, spec.dim, normal_weights(1, 1, 0)->seconds_per_value(), false, false});
  shape.signals->map_seconds = deck.has("kernel.hermite_terms")
                                   ? hermite_seconds * static_cast<double>(spec.hermite_terms)
                                   : map_seconds;
  const FactorOptions options = factor_options(deck);
  const FactorEstimate estimate = estimate_population_factor(spec, options);
  if (!estimate.exists) return;
  shape.factor = FactorShape{.rows = estimate.rows,
                             .cols = estimate.cols,
                             .graded = true,
                             .decay = spec.alpha,
                             .flops = estimate.flops,
                             .keeps = [spec, options](std::int64_t local_cols) {
                               return population_factor_keeps(spec, options, local_cols);
                             }};
}

void empirical_shape(ProblemShape& shape, const Deck& deck, const RowsShape& data, bool targets) {
  const std::int64_t n = data.count, d = deck.integer("kernel.features");
  const GramSide side = choose_side(wished_side(deck, targets), n, d);
  const bool gram = side == GramSide::gram;
  shape.n = gram ? n : d;
  SignalShape signals;
  signals.items = gram ? n : d;
  signals.inner = gram ? d : n;
  signals.cost = {2.0 * static_cast<double>(data.dim), activation_seconds};
  const bool items_held = gram && data.held, inner_held = !gram && data.held;
  const std::int64_t slab = std::min(data.dim, longest_slab);
  signals.anywhere = !items_held;
  signals.held_per_item = items_held ? 0 : data.dim;
  signals.brought_per_item = items_held ? data.dim : 0;
  signals.workspace_per_inner = inner_held ? 2 * data.dim : slab;
  signals.slab_per_item = slab;
  if (inner_held) signals.dealt_doubles = static_cast<double>(n) * static_cast<double>(data.dim);
  shape.signals = signals;
  shape.factor = FactorShape{.rows = signals.inner,
                             .cols = signals.items,
                             .flops = static_cast<double>(n) * static_cast<double>(d) *
                                      (2.0 * static_cast<double>(data.dim) +
                                       activation_seconds * MachineRates{}.flops_per_second)};
}

void mlp_shape(ProblemShape& shape, const Deck& deck, const RowsShape& data) {
  shape.n = data.count;
  shape.signals = signals_of_rows(data);
  if (data.knows_chords) shape.signals->inner = 1;  // nothing is multiplied
  const auto depth = static_cast<double>(deck.integer("kernel.depth"));
  shape.signals->map_seconds = chord_seconds * (1 + 2 * depth);
}

void features_file_shape(ProblemShape& shape, const Deck& deck, const RowsShape& rows,
                         bool targets) {
  const GramSide side = choose_side(wished_side(deck, targets), rows.count, rows.dim);
  const bool gram = side == GramSide::gram;
  shape.n = gram ? rows.count : rows.dim;
  shape.signals = gram ? signals_of_rows(rows) : signals_of_columns(rows);
  shape.factor = gram ? factor_of_coordinates(rows) : factor_of_samples(rows);
}

void tangent_kernel_shape(ProblemShape& shape, const Deck& deck, const InputShapes& inputs) {
  shape.network = network_shape(deck, inputs);
  const EntkCounts& kernel = shape.network->kernel;
  shape.n = kernel.order();
  shape.assembly_flops = kernel.assembly_flops();
  shape.factor = FactorShape{
      .rows = kernel.factor_rows(),
      .cols = shape.n,
      .flops = kernel.factor_flops(),
      .keeps = [kernel](std::int64_t local_cols) { return kernel.factor_bytes(local_cols); }};
  shape.products = ProductShape{kernel.operator_flops(), [kernel](int ranks, std::int64_t columns) {
                                  return kernel.operator_bytes(ranks, columns);
                                }};
}

void read_layout(ProblemShape& shape, const Deck& deck) {
  if (deck.has("solver.backend"))
    shape.request.backend = parse_backend(deck.text("solver.backend"));
  shape.layout = layout_wish(deck);
}

void read_solver(ProblemShape& shape, const Deck& deck) {
  read_layout(shape, deck);
  if (deck.has("verify.level")) shape.verify = verify_options(deck);
  if (deck.has("solver.tail")) shape.tail = parse_tail_method(deck.text("solver.tail"));
  if (!deck.has("solver.eigenvalues")) {
    // A study of all eigenpairs says so itself.
    shape.request.vectors = true;
    return;
  }
  shape.request.vectors = deck.flag("solver.eigenvectors");
  if (!deck.is_word("solver.eigenvalues")) shape.request.count = deck.integer("solver.eigenvalues");
  if (shape.request.count > shape.n)
    throw Error(ExitCode::deck, "solver.eigenvalues = {}, but the matrix has only {} rows",
                shape.request.count, shape.n);
  shape.extended = deck.has("solver.precision") && deck.text("solver.precision") == "extended";
  shape.matrix_free = deck.has("solver.matrix") && deck.text("solver.matrix") == "matrix_free";
  shape.store_vectors = deck.has("run.store_eigenvectors") && deck.flag("run.store_eigenvectors");
}

ProblemShape covariance_shape(const Deck& deck, const RowsShape& data) {
  ProblemShape shape;
  shape.n = data.dim;
  shape.signals = signals_of_columns(data);
  shape.factor = factor_of_samples(data);
  shape.verify = verify_options(deck);
  shape.tail = parse_tail_method(deck.text("solver.tail"));
  hold(shape, data);
  return shape;
}

}  // namespace

ProblemShape problem_shape(const Deck& deck, const InputShapes& inputs) {
  ProblemShape shape;
  const std::string& type = deck.text("kernel.type");
  const bool density = deck.text("study.kind") == "density";
  const bool targets = deck.has("data.targets");
  const AssemblyOptions assembly = assembly_options(deck);
  shape.movement = assembly.movement;
  shape.chunk = assembly.chunk;
  RowsShape rows;
  if (type == "network") {
    tangent_kernel_shape(shape, deck, inputs);
  } else if (type == "random_features" && deck.text("kernel.expectation") == "population") {
    population_shape(shape, deck);
  } else if (type == "gram_file") {
    shape.n = inputs.kernel(deck).rows;
    shape.given = true;
  } else if (type == "features_file") {
    rows = {inputs.kernel(deck).rows, inputs.kernel(deck).cols, 1e-9, true, false};
    features_file_shape(shape, deck, rows, targets);
  } else {
    rows = data_shape(deck, inputs);
    if (type == "random_features")
      empirical_shape(shape, deck, rows, targets);
    else
      mlp_shape(shape, deck, rows);
  }
  hold(shape, rows);
  if (targets && !shape.network)
    shape.replicated_bytes = 8.0 * static_cast<double>(inputs.targets(deck).cols) *
                             static_cast<double>(rows.count > 0 ? rows.count : shape.n);
  if (density) {
    shape.density = DensityShape{deck.integer("study.probes"), deck.integer("study.steps"),
                                 deck.text("study.matrix")};
    read_layout(shape, deck);
    return shape;
  }
  read_solver(shape, deck);
  if (deck.text("study.kind") == "spectral_reach" && !shape.network)
    shape.flow_snapshots = snapshot_count(deck);
  if (deck.has("study.data_covariance") && deck.flag("study.data_covariance"))
    shape.covariance = std::make_shared<ProblemShape>(covariance_shape(deck, rows));
  return shape;
}

}  // namespace fathom
