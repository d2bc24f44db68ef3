// What is said of the runs of a study "spectral_reach" together: over sizes and seeds, at equal
// compute.

#include "spectral/loss_fit.hpp"
#include "spectral/reach_verdict.hpp"
#include "spectral/student.hpp"
#include "studies/reach_run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What a run is compared by.
struct Compared {
  Reach reach;
  Reach whole;               ///< over the run's own training
  double loss = nan;         ///< at the compute that all have
  double final_loss = nan;   ///< at its own end
  double frozen_loss = nan;  ///< at its own end, the kernel frozen at the first snapshot
  double frozen_mode = nan;  ///< reach of that continuation
};

struct Series {
  std::string name;
  std::vector<const ReachRun*> runs;
  ComputeWindow window;
  std::vector<Compared> compared;  ///< one a run
  std::vector<double> sizes;       ///< rising
  std::vector<std::int64_t> seeds;
};

Compared compare(const ReachRun& run, const ComputeWindow& window, const Reach& reach) {
  Compared c;
  c.reach = reach;
  std::vector<double> compute = run.compute(), loss = run.snapshot_losses();
  if (loss.empty()) return c;
  c.final_loss = loss.back();
  c.whole =
      sustained_reach(run.depth, common_window(std::vector<std::vector<DepthSnapshot>>{run.depth}));
  const auto spent = std::find_if(compute.begin(), compute.end(), [](double x) { return x > 0; });
  const auto idle = spent - compute.begin();
  compute.erase(compute.begin(), spent);
  loss.erase(loss.begin(), loss.begin() + idle);
  if (!compute.empty() && window.last > 0) c.loss = value_at_compute(compute, loss, window.last);
  if (run.frozen.empty()) return c;
  const FrozenCurve& first = run.frozen.front();
  c.frozen_loss = first.loss.back();
  c.frozen_mode =
      double(sustained_reach(first.depth,
                             common_window(std::vector<std::vector<DepthSnapshot>>{run.depth}))
                 .mode);
  return c;
}

Series make_series(const std::string& name, std::vector<const ReachRun*> runs,
                   const ComputeWindow& window) {
  Series series;
  series.name = name;
  series.runs = std::move(runs);
  series.window = window;
  std::set<double> sizes;
  std::set<std::int64_t> seeds;
  for (const ReachRun* run : series.runs) {
    sizes.insert(run->size);
    seeds.insert(run->seed);
    series.compared.push_back(compare(*run, window, sustained_reach(run->depth, window)));
  }
  series.sizes.assign(sizes.begin(), sizes.end());
  series.seeds.assign(seeds.begin(), seeds.end());
  return series;
}

/// Of one size: what its seeds reached.
std::string one_size_sentence(const Series& series, double share, double confidence) {
  std::vector<double> mode, loss;
  for (const Compared& c : series.compared) {
    mode.push_back(c.reach.mode > 0 ? double(c.reach.mode) : nan);
    loss.push_back(c.loss);
  }
  const auto said = [&](const std::vector<double>& values) {
    const MeanInterval m = mean_interval(values, confidence);
    return m.known() ? fmt::format("{:.4g} [{:.4g}, {:.4g}]", m.mean, m.low, m.high)
                     : fmt::format("{:.4g}", m.mean);
  };
  return fmt::format(
      "{:.0f} % of the decrease came beyond mode {} during half of the training; loss {} at the "
      "compute that all have, over {} seed{}",
      100 * share, said(mode), said(loss), series.seeds.size(),
      series.seeds.size() == 1 ? "" : "s");
}

/// A quantity by size, the same seed at the same place; NaN where a run is not there.
template <class Value>
std::vector<SizeRuns> by_size(const Series& series, Value&& value) {
  std::vector<SizeRuns> table;
  for (const double size : series.sizes) {
    SizeRuns row{size, std::vector<double>(series.seeds.size(), nan)};
    for (std::size_t i = 0; i < series.runs.size(); ++i) {
      if (series.runs[i]->size != size) continue;
      const auto at = std::find(series.seeds.begin(), series.seeds.end(), series.runs[i]->seed);
      row.value[static_cast<std::size_t>(at - series.seeds.begin())] = value(series.compared[i]);
    }
    table.push_back(std::move(row));
  }
  return table;
}

/// At equal compute, and (whole) over each run's own training: equally many steps.
struct SizeTable {
  SizeTrend mode, inverse_eigenvalue, loss, whole_mode, end_loss;
};

SizeTable trends(const Series& series, double confidence) {
  const auto mode = [](const Compared& c) { return c.reach.mode > 0 ? double(c.reach.mode) : nan; };
  const auto inverse = [](const Compared& c) { return 1 / c.reach.relative_eigenvalue; };
  const auto loss = [](const Compared& c) { return c.loss; };
  const auto whole = [](const Compared& c) {
    return c.whole.mode > 0 ? double(c.whole.mode) : nan;
  };
  const auto end = [](const Compared& c) { return c.final_loss; };
  return {trend_over_sizes(by_size(series, mode), confidence),
          trend_over_sizes(by_size(series, inverse), confidence),
          trend_over_sizes(by_size(series, loss), confidence),
          trend_over_sizes(by_size(series, whole), confidence),
          trend_over_sizes(by_size(series, end), confidence)};
}

void write_trend(const RunGroup& group, const std::string& name, const SizeTrend& trend,
                 bool inverse, const char* meaning) {
  std::vector<double> value, low, high;
  for (const MeanInterval& m : trend.mean) {
    value.push_back(inverse ? 1 / m.mean : m.mean);
    low.push_back(inverse ? 1 / m.high : m.low);
    high.push_back(inverse ? 1 / m.low : m.high);
  }
  group.variable(name, std::span<const double>(value), {"size"});
  group.variable(name + "_low", std::span<const double>(low), {"size"});
  group.variable(name + "_high", std::span<const double>(high), {"size"});
  group.attribute_of(name, "long_name", std::string(meaning));
}

/// E + A x^-a through these points into reach/`name`, with how far it lies off them; a sentence,
/// empty where nothing is determined.
std::string write_loss_fit(const RunGroup& group, const std::string& name, const std::string& words,
                           const std::vector<LossPoint>& points, double confidence) {
  LossFitOptions options;
  options.confidence = confidence;
  const LossFit fit = fit_saturating_law(points, options);
  if (!fit.found() || fit.at_bound || std::isnan(fit.exponent.low)) return "";
  const RunGroup written = group.group(name);
  const auto put = [&](const char* key, const FittedValue& value) {
    written.attribute(key, value.value);
    written.attribute(std::string(key) + "_low", value.low);
    written.attribute(std::string(key) + "_high", value.high);
  };
  put("floor", fit.floor);
  put("amplitude", fit.amplitude);
  put("exponent", fit.exponent);
  written.attribute("misfit", fit.residual);
  written.attribute("describes", fit.describes() ? 1 : 0);
  written.attribute("method", fit.method);
  if (!fit.describes())
    return fmt::format("loss against {}: no law E + A x^-a; the nearest one misses by {:.0f} %",
                       words, 100 * fit.residual);
  return fmt::format("loss against {}: {:.4g} + {:.3g} x^-a, a = {:.3g} [{:.3g}, {:.3g}]", words,
                     fit.floor.value, fit.amplitude.value, fit.exponent.value, fit.exponent.low,
                     fit.exponent.high);
}

/// Every run at its own end, against its parameters.
std::vector<LossPoint> against_parameters(const Series& series) {
  std::vector<LossPoint> points;
  for (std::size_t i = 0; i < series.runs.size(); ++i)
    if (std::isfinite(series.compared[i].final_loss))
      points.push_back({double(series.runs[i]->parameters), series.compared[i].final_loss});
  return points;
}

/// The largest models' snapshots, against the samples (times positions) seen, D = C/(6N).
std::vector<LossPoint> against_data(const Series& series) {
  std::vector<LossPoint> points;
  for (const ReachRun* run : series.runs)
    for (const KernelMoment& m : run->moments)
      if (run->size == series.sizes.back() && m.compute > 0)
        points.push_back({m.compute / (6 * double(run->parameters)), m.loss});
  return points;
}

/// Of every seed's snapshots those that no other run of that seed undercuts with as little compute.
std::vector<LossPoint> against_compute(const Series& series) {
  std::vector<LossPoint> points;
  for (const std::int64_t seed : series.seeds) {
    std::vector<LossPoint> all;
    for (const ReachRun* run : series.runs)
      for (const KernelMoment& m : run->moments)
        if (run->seed == seed && m.compute > 0) all.push_back({m.compute, m.loss});
    std::sort(all.begin(), all.end(),
              [](const LossPoint& x, const LossPoint& y) { return x.size < y.size; });
    double lowest = std::numeric_limits<double>::infinity();
    for (const LossPoint& point : all)
      if (point.loss < lowest) points.push_back(point), lowest = point.loss;
  }
  return points;
}

struct Sentences {
  std::string depth, loss, whole_depth, end_loss, frozen, frozen_depth;

  std::vector<std::string> all() const {
    return {depth, loss, whole_depth, end_loss, frozen, frozen_depth};
  }
};

/// Mean over the sizes of one seed: runs of a seed share data, so a seed is one observation.
std::vector<double> a_seed(const Series& series, double (*value)(const Compared&)) {
  std::vector<double> means;
  for (const std::int64_t seed : series.seeds) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < series.runs.size(); ++i)
      if (series.runs[i]->seed == seed) sum += value(series.compared[i]), ++count;
    means.push_back(sum / count);
  }
  return means;
}

Sentences verdicts(const Series& series, const SizeTable& table, double confidence) {
  const std::string sizes = series.runs.front()->size_name == "features" ? "numbers of features"
                            : series.runs.front()->size_name == "depth"  ? "depths"
                                                                         : "widths";
  Sentences said;
  said.depth = "at equal compute: " + larger_reach_deeper(table.mode, sizes).sentence;
  said.loss = "at equal compute: " + larger_end_lower(table.loss, sizes).sentence;
  said.whole_depth =
      "after equally many steps: " + larger_reach_deeper(table.whole_mode, sizes).sentence;
  said.end_loss = "after equally many steps: " + larger_end_lower(table.end_loss, sizes).sentence;
  const std::vector<double> frozen =
      a_seed(series, [](const Compared& c) { return c.frozen_loss; });
  if (std::none_of(frozen.begin(), frozen.end(), [](double x) { return std::isfinite(x); }))
    return said;
  said.frozen = learning_ends_lower(a_seed(series, [](const Compared& c) { return c.final_loss; }),
                                    frozen, confidence)
                    .sentence;
  said.frozen_depth =
      learning_reaches_deeper(
          a_seed(series, [](const Compared& c) { return double(c.whole.mode); }),
          a_seed(series, [](const Compared& c) { return c.frozen_mode; }), confidence)
          .sentence;
  return said;
}

/// How much of the window each size spent with its depth at the last trusted mode, mean over seeds.
void write_at_floor(const RunGroup& group, const Series& series) {
  std::vector<double> at_floor;
  for (const SizeRuns& row : by_size(series, [](const Compared& c) { return c.reach.at_floor; }))
    at_floor.push_back(mean_spread(row.value).mean);
  group.variable("at_floor", std::span<const double>(at_floor), {"size"});
  group.attribute_of("at_floor", "long_name",
                     "part of the window in which the depth was the last trusted mode: what lies "
                     "deeper was hidden");
}

void write_series(const RunGroup& group, const Series& series, const SizeTable& table,
                  const Sentences& said, double share) {
  group.scale("size", std::span<const double>(series.sizes));
  group.attribute_of("size", "long_name", series.runs.front()->size_name);
  write_trend(group, "mode", table.mode, false,
              "reach: mode beyond which the share of the loss decrease still came during half of "
              "the training, geometric mean over seeds");
  write_trend(group, "relative_eigenvalue", table.inverse_eigenvalue, true,
              "reach: its eigenvalue over the largest");
  write_trend(group, "final_loss", table.loss, false, "loss at the compute that all runs have");
  write_at_floor(group, series);
  group.attribute("compute", series.window.last);
  group.attribute("seeds", std::ssize(series.seeds));
  group.attribute("share", share);
  group.attribute("slope", table.mode.slope.mean);
  group.attribute("slope_low", table.mode.slope.low);
  group.attribute("slope_high", table.mode.slope.high);
  group.attribute("verdict_depth", said.depth);
  group.attribute("verdict_loss", said.loss);
  group.attribute("verdict_depth_steps", said.whole_depth);
  group.attribute("verdict_loss_steps", said.end_loss);
  if (!said.frozen.empty()) {
    group.attribute("verdict_frozen", said.frozen);
    group.attribute("verdict_frozen_depth", said.frozen_depth);
  }
}

using SeriesRuns = std::map<std::string, std::vector<const ReachRun*>>;

ComputeWindow window_of_all(const SeriesRuns& by_series) {
  std::vector<std::vector<DepthSnapshot>> depths;
  for (const auto& [name, members] : by_series)
    for (const ReachRun* run : members)
      depths.push_back(run->depth);
  return common_window(depths);
}

}  // namespace

std::vector<std::string> summarise_reach(RunFile& file, const std::vector<ReachRun>& runs,
                                         double share, double confidence) {
  SeriesRuns by_series;
  for (const ReachRun& run : runs)
    if (run.diverged_at < 0 && !run.moments.empty()) by_series[run.series].push_back(&run);
  const ComputeWindow window = window_of_all(by_series);
  std::vector<std::string> sentences;
  for (const auto& [name, members] : by_series) {
    const Series series = make_series(name, members, window);
    const std::string prefix = name.empty() ? "" : name + ": ";
    if (series.sizes.size() < 2) {
      if (runs.size() > 1)
        sentences.push_back(prefix + one_size_sentence(series, share, confidence));
      continue;
    }
    const SizeTable table = trends(series, confidence);
    const Sentences said = verdicts(series, table, confidence);
    std::vector<std::string> lines = said.all();
    if (by_series.size() == 1) {
      const RunGroup group = file.group("reach");
      write_series(group, series, table, said, share);
      if (series.sizes.size() >= 4)
        lines.push_back(write_loss_fit(group, "loss_against_parameters", "parameters",
                                       against_parameters(series), confidence));
      lines.push_back(write_loss_fit(group, "loss_against_data", "data, largest size",
                                     against_data(series), confidence));
      lines.push_back(write_loss_fit(group, "loss_against_compute", "compute, best of the sizes",
                                     against_compute(series), confidence));
    }
    for (const std::string& line : lines)
      if (!line.empty()) sentences.push_back(prefix + line);
  }
  return sentences;
}

std::string reach_sentence(const ReachRun& run, double share) {
  if (run.moments.empty()) return "no snapshot was taken";
  const std::vector<std::vector<DepthSnapshot>> depths{run.depth};
  const KernelMoment& last = run.moments.back();
  const Reach reach = sustained_reach(depths.front(), common_window(depths));
  std::string text = fmt::format("loss {:.4g} after {} steps; ", last.loss, last.step);
  if (reach.found())
    text += fmt::format(
        "{:.0f} % of the decrease came beyond mode {} (lambda/lambda_1 = {:.2g}) during half of "
        "the training",
        100 * share, reach.mode, reach.relative_eigenvalue);
  else
    text += "nothing was learned on trusted modes";
  text += fmt::format("; at the end {:.2g} of the squared gradient lies where nothing is trusted",
                      last.position.unreachable_fraction);
  return text;
}

}  // namespace fathom
