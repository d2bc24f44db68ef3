#include "gram/empirical_ntk.hpp"

#include "base/timer.hpp"
#include "gram/empirical_ntk_assembler.hpp"
#include "gram/empirical_ntk_counts.hpp"

#include <optional>

#include <fmt/format.h>

namespace fathom {
const char* name(NtkKind kind) {
  switch (kind) {
    case NtkKind::all_outputs:
      return "all outputs";
    case NtkKind::trace_kernel:
      return "trace kernel";
    case NtkKind::sum_of_outputs:
      return "sum of outputs";
  }
  return "?";
}

std::vector<OutputChoice> every_output(const Network<double>& network) {
  std::vector<OutputChoice> all;
  for (std::int64_t t = 0; t < network.positions(); ++t)
    for (std::int64_t c = 0; c < network.classes(); ++c)
      all.push_back({t, c});
  return all;
}

std::string empirical_ntk_text(const EmpiricalNtk& ntk) {
  return fmt::format("empirical NTK, {}, {} of {} outputs a sample: {}; n = {}, {}", name(ntk.kind),
                     ntk.choices(), ntk.network.outputs(), ntk.network.description(),
                     ntk.samples.samples(), ntk.samples.description());
}

std::string empirical_ntk_normalization(const EmpiricalNtk& ntk) {
  switch (ntk.kind) {
    case NtkKind::all_outputs:
      return "K = J J^T, rows (sample, output), nothing divided";
    case NtkKind::trace_kernel:
      return fmt::format("K = sum over outputs of J_c J_c^T, divided by their number {}",
                         ntk.choices());
    case NtkKind::sum_of_outputs:
      return "K = J J^T of the sum of outputs, nothing divided";
  }
  return "?";
}

Assembly assemble_empirical_ntk(const ProcessGrid& grid, std::int64_t block,
                                const EmpiricalNtk& ntk, const AssemblyOptions& options) {
  FATHOM_ASSERT(ntk.order() >= 1 && std::ssize(ntk.parameters) == ntk.network.parameters(),
                "{} samples, {} outputs, {} of {} parameters", ntk.samples.samples(), ntk.choices(),
                ntk.parameters.size(), ntk.network.parameters());
  const Timer timer;
  std::optional<SignalLayout> layout;
  grid.parent().agree([&] { layout.emplace(ntk); });
  EntkAssembler assembler(grid, block, ntk, options, *layout);
  assembler.run();
  Assembly assembly = assembler.finish();
  assembly.report.kernel = empirical_ntk_text(ntk);
  assembly.report.normalization = empirical_ntk_normalization(ntk);
  assembly.report.useful_flops = EntkCounts(ntk, *layout).assembly_flops();
  assembly.report.seconds.total = timer.seconds();
  return assembly;
}

}  // namespace fathom
