#include "run/result_block.hpp"

#include "run/run_log.hpp"

#include <cmath>

namespace fathom {
namespace {

double gflops(const PhaseTime& phase) {
  return phase.flops > 0 && phase.max > 0 ? phase.flops / phase.max / 1e9 : std::nan("");
}

/// Seconds of a phase as planned; NaN where the plan has none of this name.
double planned_seconds(const std::vector<PlannedPhase>& planned, const std::string& phase) {
  double seconds = 0;
  for (const PlannedPhase& p : planned)
    if (p.name == phase) seconds += p.seconds;
  return seconds > 0 ? seconds : std::nan("");
}

std::string phase_line(const PhaseTime& phase, const std::vector<PlannedPhase>& planned) {
  const double foreseen = planned_seconds(planned, phase.name);
  const double imbalance = phase.mean > 0 ? phase.max / phase.mean : 1;
  const double rate = gflops(phase);
  return fmt::format("  {:<24} {:>9.3f} {:>9.3f} {:>9.3f} {:>9}  {:>8.2f}  {}", phase.name,
                     phase.min, phase.mean, phase.max,
                     std::isnan(foreseen) ? std::string("-") : fmt::format("{:.3f}", foreseen),
                     imbalance, std::isnan(rate) ? std::string("-") : fmt::format("{:.1f}", rate));
}

}  // namespace

std::vector<std::string> result_block(const StudyOutcome& outcome,
                                      const std::vector<PhaseTime>& phases,
                                      const std::vector<PlannedPhase>& planned,
                                      const MemoryUse& memory, const std::string& folder,
                                      double seconds) {
  std::vector<std::string> lines = {"", fmt::format("certificate {}", name(outcome.certificate))};
  for (const std::string& line : outcome.lines)
    lines.push_back("  " + line);
  for (const std::string& verdict : outcome.verdicts)
    lines.push_back("finding: " + verdict);
  lines.push_back(fmt::format("  {:<24} {:>9} {:>9} {:>9} {:>9}  {:>8}  {}", "phase (seconds)",
                              "min", "mean", "max", "planned", "max/mean", "GFLOP/s"));
  for (const PhaseTime& phase : phases)
    lines.push_back(phase_line(phase, planned));
  lines.push_back(
      fmt::format("memory a rank: {}peak predicted {}, measured {} (above {} of the empty program)",
                  memory.matrix > 0 ? "matrix " + size_text(memory.matrix) + ", " : "",
                  size_text(memory.predicted_peak), size_text(memory.measured_peak),
                  size_text(memory.baseline)));
  lines.push_back(fmt::format("done in {}: {}/run.h5", duration_text(seconds), folder));
  lines.push_back(fmt::format("next: fathom-report {}", folder));
  return lines;
}

void write_timing(RunFile& file, const std::vector<PhaseTime>& phases,
                  const std::vector<PlannedPhase>& planned) {
  const RunGroup group = file.group("timing");
  std::vector<std::string> names;
  std::vector<double> min, mean, max, rate, predicted;
  for (const PhaseTime& phase : phases) {
    names.push_back(phase.name);
    min.push_back(phase.min);
    mean.push_back(phase.mean);
    max.push_back(phase.max);
    rate.push_back(gflops(phase));
    predicted.push_back(planned_seconds(planned, phase.name));
  }
  group.counting_scale("phase", static_cast<std::int64_t>(phases.size()));
  group.variable("name", std::span<const std::string>(names), {"phase"});
  group.variable("min", std::span<const double>(min), {"phase"});
  group.variable("mean", std::span<const double>(mean), {"phase"});
  group.variable("max", std::span<const double>(max), {"phase"});
  group.variable("gflops", std::span<const double>(rate), {"phase"});
  group.variable("predicted", std::span<const double>(predicted), {"phase"});
  for (const char* seconds : {"min", "mean", "max", "predicted"})
    group.attribute_of(seconds, "units", std::string("s"));
}

void write_memory(RunFile& file, const MemoryUse& memory) {
  const RunGroup group = file.group("memory");
  group.attribute("matrix_bytes", memory.matrix);
  group.attribute("predicted_peak_bytes", memory.predicted_peak);
  group.attribute("measured_peak_bytes", memory.measured_peak);
  group.attribute("baseline_bytes", memory.baseline);
}

}  // namespace fathom
