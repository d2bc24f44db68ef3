#include "gram/sample_passes.hpp"

#include "gram/empirical_ntk_counts.hpp"
#include "gram/movement.hpp"

#include <algorithm>
#include <utility>

namespace fathom {

SamplePasses::Pass::Pass(const EmpiricalNtk& ntk, std::vector<std::int64_t> list)
    : samples(std::move(list)),
      inputs(ntk.samples, samples),
      pass(ntk.network.forward(ntk.parameters, inputs.batch())) {}

SamplePasses::SamplePasses(const Communicator& comm, const EmpiricalNtk& ntk, std::int64_t batch)
    : ntk_(ntk) {
  const Share share = local_share(ntk.samples.samples(), comm.size(), comm.rank());
  first_ = share.first;
  end_ = share.first + share.count;
  const SignalLayout layout(ntk);
  rounding_ = layout.signal_rounding();
  const EntkCounts counts(ntk, layout);
  sample_doubles_ = counts.pass_doubles();
  row_doubles_ = counts.row_doubles();
  batch_ = batch > 0 ? batch : counts.pass_batch();
}

double SamplePasses::held_doubles() const {
  return static_cast<double>(sample_doubles_) * static_cast<double>(end_ - first_);
}

std::vector<std::int64_t> SamplePasses::list(std::int64_t first) const {
  std::vector<std::int64_t> samples;
  for (std::int64_t s = first; s < std::min(first + batch_, end_); ++s)
    samples.push_back(s);
  return samples;
}

void SamplePasses::hold() {
  for (std::int64_t at = first_; at < end_; at += batch_)
    passes_.push_back(std::make_unique<Pass>(ntk_, list(at)));
  held_ = true;
}

void SamplePasses::for_each(const Action& action) const {
  if (held_) {
    for (const auto& pass : passes_)
      action(pass->samples, *pass->pass);
    return;
  }
  for (std::int64_t at = first_; at < end_; at += batch_) {
    const Pass pass(ntk_, list(at));
    action(pass.samples, *pass.pass);
  }
}

std::int64_t output_number(const EmpiricalNtk& ntk, std::int64_t choice) {
  const OutputChoice& output = ntk.outputs[static_cast<std::size_t>(choice)];
  return output.position * ntk.network.classes() + output.output_class;
}

}  // namespace fathom
