#include "gram/population.hpp"

#include "gram/activation_text.hpp"
#include "gram/data_rows.hpp"
#include "gram/entry_map_pass.hpp"
#include "gram/gram_assembler.hpp"
#include "gram/rounding.hpp"
#include "gram/row_sources.hpp"

#include <fmt/format.h>

namespace fathom {

std::string population_text(const PopulationSpec& spec) {
  return fmt::format("random features, population covariance: {}, d = {}, v = {}, alpha = {}",
                     description(spec.activation), spec.features, spec.dim, spec.alpha);
}

Assembly assemble_population(const ProcessGrid& grid, std::int64_t block,
                             const PopulationSpec& spec, const AssemblyOptions& options) {
  const auto rows = power_law_weights(spec.features, spec.dim, spec.alpha, spec.seed);
  RowSignals signals(*rows, grid, block);
  GramAssembler assembler(grid, block, signals, options);
  assembler.accumulate(1.0);
  const PopulationMap map(spec.activation, {.scale = 1.0 / static_cast<double>(spec.features),
                                            .hermite_terms = spec.hermite_terms});
  const double error = apply_entry_map(assembler, map, assembler.diagonal());
  assembler.report().kernel = population_text(spec);
  assembler.report().normalization = population_normalization;
  return assembler.finish(error, unit_roundoff);
}

Assembly assemble_population_overlap(const ProcessGrid& grid, std::int64_t block,
                                     const PopulationSpec& spec, const AssemblyOptions& options) {
  const auto rows = power_law_weights(spec.features, spec.dim, spec.alpha, spec.seed);
  RowSignals signals(*rows, grid, block);
  GramAssembler assembler(grid, block, signals, options);
  assembler.accumulate(1.0);
  assembler.report().kernel = fmt::format("overlap of random weights: d = {}, v = {}, alpha = {}",
                                          spec.features, spec.dim, spec.alpha);
  assembler.report().normalization = "S = W^T H W, d x d";
  return assembler.finish(product_error(assembler), unit_roundoff);
}

}  // namespace fathom
