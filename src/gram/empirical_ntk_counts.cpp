#include "gram/empirical_ntk_counts.hpp"

#include <algorithm>

namespace fathom {
namespace {

constexpr double number = 8;               // bytes of a double
constexpr double seconds_an_entry = 1e-9;  // of a gradient, bound by memory
constexpr std::int64_t batch_doubles = std::int64_t{1} << 22;
constexpr std::int64_t longest_pass_batch = 128, longest_signal_batch = 256;

/// As many samples as `batch_doubles` hold, or one.
std::int64_t batch(std::int64_t doubles_a_sample, std::int64_t longest) {
  return std::clamp<std::int64_t>(batch_doubles / std::max<std::int64_t>(1, doubles_a_sample), 1,
                                  longest);
}

double real(std::int64_t n) {
  return static_cast<double>(n);
}

}  // namespace

EntkCounts::EntkCounts(const EmpiricalNtk& ntk, const SignalLayout& layout)
    : kind(ntk.kind),
      samples(ntk.samples.samples()),
      dim(ntk.samples.dim()),
      outputs(ntk.network.outputs()),
      choices(ntk.choices()),
      parameters(ntk.network.parameters()),
      forward_flops(ntk.network.forward_flops()),
      signals{ntk.rows_a_sample(), layout.sample_length, layout.row_length,
              SignalMaker::sample_flops(ntk), layout.entry_flops(ntk.rows_a_sample())} {
  for (const SignalLayout::Linear& l : layout.linear) {
    layer_inputs += l.positions * l.in;
    layer_outputs += l.positions * l.out;
  }
  for (const SignalLayout::Direct& d : layout.direct)
    direct += d.entries;
}

std::int64_t EntkCounts::pass_batch() const {
  return batch(pass_doubles(), longest_pass_batch);
}
std::int64_t EntkCounts::signal_batch() const {
  return batch(made_doubles(), longest_signal_batch);
}

double EntkCounts::assembly_flops() const {
  const double n = real(order());
  return 0.5 * n * n * signals.entry_flops + real(samples) * signals.sample_flops;
}

double EntkCounts::assembly_bytes(const Distribution& distribution,
                                  const AssemblyOptions& options) const {
  const EntkPlan plan = plan_empirical_ntk(signals, distribution, options.movement, options.chunk);
  const std::int64_t outer_samples =
      samples_of_rows(plan.outer, signals.rows_a_sample,
                      (plan.rows_outer ? distribution.rows : distribution.cols).block());
  // As in the assembly: one panel serves both sides where they are the same.
  const bool one_panel = plan.copies && distribution.rows == distribution.cols;
  const std::int64_t panels =
      one_panel ? signals.sample_length * outer_samples + signals.row_length * plan.outer
                : plan.workspace_doubles;
  return number * real(panels + std::min(signal_batch(), outer_samples) * (dim + made_doubles()));
}

double EntkCounts::factor_flops() const {
  return real(factor_rows()) * real(order()) * seconds_an_entry * MachineRates{}.flops_per_second +
         real(samples) * signals.sample_flops;
}

double EntkCounts::factor_bytes(std::int64_t local_cols, const EntkFactorOptions& options) const {
  const std::int64_t held = std::min(local_cols, samples);
  const double all = number * real(held * kept_doubles());
  if (all <= static_cast<double>(options.hold_bytes)) return all;
  return number * real(std::min(held, signal_batch()) * kept_doubles());
}

double EntkCounts::operator_flops() const {
  constexpr double passes = 2 + 2 + 2;  // backward, tangent, forward twice
  return real(copies() * samples) * passes * forward_flops;
}

double EntkCounts::operator_bytes(int ranks, std::int64_t columns,
                                  const EntkOperatorOptions& options) const {
  const double half = 0.5 * static_cast<double>(options.workspace_bytes);
  const std::int64_t share = (samples + ranks - 1) / ranks;
  const std::int64_t at_once = options.batch > 0 ? options.batch : pass_batch();
  const double sample = number * real(pass_doubles());
  const double all = sample * real(share);
  const double direction = number * real(parameters);
  const double directions = direction * real(columns * copies());
  return (all <= half ? all : sample * real(std::min(share, at_once))) +
         std::min(directions, std::max(half, direction));
}

}  // namespace fathom
