// How a run of the study "spectral_reach" stands in run.h5.

#include "studies/reach_run.hpp"

#include <cmath>
#include <functional>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using OfMoment = std::function<double(const KernelMoment&)>;

void write_column(const RunGroup& group, const std::vector<KernelMoment>& moments, const char* name,
                  const OfMoment& value, const char* meaning) {
  std::vector<double> column;
  for (const KernelMoment& moment : moments)
    column.push_back(value(moment));
  group.variable(name, std::span<const double>(column), {"snapshot"});
  group.attribute_of(name, "long_name", std::string(meaning));
}

void write_scalars(const RunGroup& group, const ReachRun& run) {
  using M = const KernelMoment&;
  const auto write = [&](const char* name, const OfMoment& value, const char* meaning) {
    write_column(group, run.moments, name, value, meaning);
  };
  write(
      "step", [](M m) { return double(m.step); }, "training step");
  write(
      "time", [](M m) { return m.time; }, "sum of the learning rates so far");
  write(
      "compute", [](M m) { return m.compute; }, "flops of training so far, 6 N D");
  write(
      "loss", [](M m) { return m.loss; }, "mean loss over the samples and positions of the kernel");
  write(
      "excess_loss", [&](M m) { return m.loss - run.best_loss; },
      "loss above the optimal predictor's on the same samples; NaN where that is not known");
  write(
      "chi_loss", [](M m) { return m.position.chi_loss; }, "squared norm of the loss gradient");
  write(
      "chi_net", [](M m) { return m.position.chi_net; }, "trace of the tangent kernel");
  write(
      "chi_pos", [](M m) { return m.position.chi_pos; }, "spectral position, raw");
  write(
      "chi_pos_trusted", [](M m) { return m.position.chi_pos_trusted; },
      "spectral position with the gradient projected on trusted modes");
  write(
      "unreachable_fraction", [](M m) { return m.position.unreachable_fraction; },
      "share of the squared gradient in modes untrusted or null by rank");
  write(
      "null_level", [](M m) { return m.position.null_level; },
      "spectral position of a random direction, 1/N_out");
  write(
      "top_level", [](M m) { return m.position.top_level; },
      "spectral position of the top mode, lambda_1 over the trace");
  write(
      "depth_half_mode", [](M m) { return double(m.position.half.mode()); },
      "mode down to which half of the trusted loss decrease lies; 0: none");
  write(
      "depth_90_mode", [](M m) { return double(m.position.ninety.mode()); },
      "mode down to which 90 % of the trusted loss decrease lies; 0: none");
  write(
      "depth_half_relative", [](M m) { return m.position.half.relative_eigenvalue; },
      "its eigenvalue over the largest");
  write(
      "depth_90_relative", [](M m) { return m.position.ninety.relative_eigenvalue; },
      "its eigenvalue over the largest");
  write(
      "floor_relative", [](M m) { return m.floor / m.eigenvalue.front(); },
      "smallest value that can be trusted over the largest eigenvalue");
  write(
      "trusted", [](M m) { return double(m.position.trusted); }, "trusted modes");
  write(
      "largest", [](M m) { return m.eigenvalue.front(); }, "largest eigenvalue");
  write(
      "chi_pos_lanczos", [](M m) { return m.lanczos; },
      "spectral position by Lanczos from the gradient, without the kernel");
  write(
      "chi_pos_gradients", [](M m) { return m.gradients; }, "spectral position by gradients alone");
  write(
      "chi_pos_gradients_standard_error", [](M m) { return m.gradients_error; },
      "its standard error; 0: exact");
  write(
      "signal_share", [](M m) { return m.signal_share; },
      "share of the loss decrease that the signal takes; NaN where the noise is not known");
  write(
      "noise_share", [](M m) { return m.noise_share; },
      "share of the loss decrease that the label noise takes");
}

void write_modes(const RunGroup& group, const std::vector<KernelMoment>& moments) {
  const std::size_t modes = moments.front().eigenvalue.size();
  std::vector<double> eigenvalue, bound, power;
  std::vector<std::int8_t> state;
  for (const KernelMoment& m : moments)
    for (std::size_t k = 0; k < modes; ++k) {
      eigenvalue.push_back(m.eigenvalue[k]);
      bound.push_back(m.error_bound[k]);
      state.push_back(static_cast<std::int8_t>(m.state[k]));
      power.push_back(
          m.gradient_squared > 0 ? m.projection[k] * m.projection[k] / m.gradient_squared : nan);
    }
  group.counting_scale("mode", static_cast<std::int64_t>(modes));
  const std::vector<std::string> axes{"snapshot", "mode"};
  group.variable("eigenvalue", std::span<const double>(eigenvalue), axes);
  group.variable("error_bound", std::span<const double>(bound), axes);
  group.variable("state", std::span<const std::int8_t>(state), axes);
  group.variable("gradient_power", std::span<const double>(power), axes);
  group.attribute_of("eigenvalue", "long_name", "eigenvalue of the tangent kernel J J^T");
  group.attribute_of("state", "long_name", "0 untrusted, 1 trusted, 2 null by rank");
  group.attribute_of("gradient_power", "long_name",
                     "(u_k . g)^2 / |g|^2, g the gradient of the loss in function space");
}

void write_frozen(const RunGroup& point, const ReachRun& run) {
  if (run.frozen.empty()) return;
  const RunGroup group = point.group("frozen");
  std::vector<std::int64_t> starts;
  std::vector<double> loss, mode;
  for (const FrozenCurve& curve : run.frozen) {
    starts.push_back(curve.start);
    loss.insert(loss.end(), curve.loss.begin(), curve.loss.end());
    for (const DepthSnapshot& at : curve.depth)
      mode.push_back(at.depth.found() ? double(at.depth.mode()) : nan);
  }
  const std::vector<double> times = run.times(), learning = run.snapshot_losses();
  group.scale("frozen_start", std::span<const std::int64_t>(starts));
  group.scale("frozen_time", std::span<const double>(times));
  group.variable("loss", std::span<const double>(loss), {"frozen_start", "frozen_time"});
  group.variable("depth_mode", std::span<const double>(mode), {"frozen_start", "frozen_time"});
  group.variable("learning_loss", std::span<const double>(learning), {"frozen_time"});
  group.attribute_of("frozen_start", "long_name", "step from which on the kernel is frozen");
  group.attribute_of("frozen_time", "long_name", "sum of the learning rates");
  group.attribute_of("loss", "long_name",
                     "loss under gradient flow in function space with the kernel of that step");
  group.attribute_of("learning_loss", "long_name", "loss of the run itself");
}

/// Which outputs of a sample the rows of the kernel are.
void write_outputs(const RunGroup& point, const ChosenOutputs& outputs) {
  if (outputs.classes.empty()) return;
  const RunGroup group = point.group("outputs");
  std::vector<std::int64_t> positions = outputs.positions;
  for (std::int64_t& t : positions)
    ++t;
  group.scale("position", std::span<const std::int64_t>(positions));
  group.scale("class", std::span<const std::int64_t>(outputs.classes));
  group.attribute_of("position", "long_name", "positions of the kernel's rows, counted from 1");
  group.attribute_of("class", "long_name",
                     "outputs of a position that the kernel's rows are of, counted from 0");
  group.attribute("text", outputs.text());
}

/// At the first and the last snapshot: how groups of samples help or hinder one another.
void write_between_groups(const RunGroup& point, const ReachRun& run) {
  if (run.groups.empty()) return;
  const auto count = static_cast<std::int64_t>(run.groups.size());
  const RunGroup group = point.group("between_groups");
  group.counting_scale("group", count);
  group.counting_scale("other_group", count);
  group.variable("name", std::span<const std::string>(run.groups), {"group"});
  const auto write = [&](const char* name, const KernelMoment& m, const char* when) {
    group.variable(name, std::span<const double>(m.cross_decrease), {"group", "other_group"});
    group.attribute_of(
        name, "long_name",
        fmt::format("g_A . K g_B {}: what a step on group A takes off the loss of B; negative: "
                    "they interfere",
                    when));
  };
  write("decrease_first", run.moments.front(), "at the first snapshot");
  write("decrease_last", run.moments.back(), "at the last snapshot");
}

}  // namespace

void ReachRun::keep_depths(double share) {
  for (KernelMoment& m : moments) {
    depth.push_back(m.depth(m.projection, m.compute, share));
    m.eigenvalue = m.error_bound = m.projection = {};
    m.state = {};
  }
}

std::vector<double> ReachRun::compute() const {
  std::vector<double> values;
  for (const KernelMoment& m : moments)
    values.push_back(m.compute);
  return values;
}

std::vector<double> ReachRun::times() const {
  std::vector<double> values;
  for (const KernelMoment& m : moments)
    values.push_back(m.time);
  return values;
}

std::vector<double> ReachRun::snapshot_losses() const {
  std::vector<double> values;
  for (const KernelMoment& m : moments)
    values.push_back(m.loss);
  return values;
}

void write_reach_run(const RunGroup& point, const ReachRun& run) {
  point.attribute("size", run.size);
  point.attribute("size_name", run.size_name);
  point.attribute("parameters", run.parameters);
  point.attribute("n", run.samples);
  point.attribute("classes", run.classes);
  point.attribute("optimiser", run.optimiser);
  point.attribute("model", run.model);
  point.attribute("data", run.data);
  if (std::isfinite(run.best_loss)) point.attribute("best_loss", run.best_loss);
  if (run.diverged_at >= 0) point.attribute("diverged_at", run.diverged_at);
  if (!run.losses.empty()) {
    const RunGroup training = point.group("training");
    training.counting_scale("step", static_cast<std::int64_t>(run.losses.size()));
    training.variable("loss", std::span<const double>(run.losses), {"step"});
    training.attribute_of("loss", "long_name", "loss of the batch before the step");
  }
  if (run.moments.empty()) return;
  point.attribute("rows", run.moments.front().outputs);
  write_outputs(point, run.outputs);
  const RunGroup group = point.group("reach_snapshots");
  group.counting_scale("snapshot", static_cast<std::int64_t>(run.moments.size()));
  write_scalars(group, run);
  write_modes(group, run.moments);
  write_frozen(point, run);
  write_between_groups(point, run);
}

}  // namespace fathom
