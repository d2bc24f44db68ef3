#include "bindings/hdf5.hpp"
#include "run/plan_command.hpp"

#include <algorithm>

namespace fathom {
namespace {

constexpr double least_seconds = 0.05;

struct PastRun {
  std::vector<std::string> phase;
  std::vector<double> measured, predicted;  ///< seconds, as the run's own file has them
};

PastRun read_past(const std::string& path) {
  PastRun past;
  try {
    const hdf5::Object file = hdf5::open_file(path);
    const hdf5::Object names = hdf5::open_dataset(file, "timing/name");
    past.phase = hdf5::read_text(names);
    for (auto& [dataset, column] : {std::pair{"timing/max", &past.measured},
                                    std::pair{"timing/predicted", &past.predicted}}) {
      column->resize(past.phase.size());
      hdf5::read(hdf5::open_dataset(file, dataset), hdf5::Type::float64, column->data());
    }
  } catch (const hdf5::Failure& failure) {
    throw Error(ExitCode::input, "{}: is no run file with a plan in it: {}", path, failure.what());
  }
  return past;
}

}  // namespace

PastRates PastRates::read(const std::filesystem::path& run) {
  const std::filesystem::path file = std::filesystem::is_directory(run) ? run / "run.h5" : run;
  const PastRun past = read_past(file.string());
  PastRates rates;
  rates.source_ = "the rates of " + file.string();
  double measured = 0, predicted = 0;
  for (std::size_t p = 0; p < past.phase.size(); ++p) {
    if (!(past.predicted[p] > 0)) continue;
    measured += past.measured[p];
    predicted += past.predicted[p];
    if (past.measured[p] > least_seconds && past.predicted[p] > least_seconds)
      rates.factors_.push_back({past.phase[p], past.measured[p] / past.predicted[p]});
  }
  if (predicted > 0 && measured > 0) rates.all_ = measured / predicted;
  return rates;
}

void PastRates::apply(std::vector<PlannedPhase>& phases) const {
  for (PlannedPhase& phase : phases) {
    const auto it = std::ranges::find_if(
        factors_, [&](const Factor& factor) { return factor.phase == phase.name; });
    phase.seconds *= it == factors_.end() ? all_ : it->slower;
  }
}

}  // namespace fathom
