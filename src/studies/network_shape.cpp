#include "studies/network_shape.hpp"

#include "gram/signal_panel.hpp"
#include "studies/deck_numbers.hpp"
#include "studies/sample_models.hpp"
#include "studies/trained_model.hpp"
#include "training/optimiser.hpp"

#include <algorithm>

namespace fathom {
namespace {

/// What the samples are: how many (−1: as many as are asked for), how wide, how many classes.
struct SamplesShape {
  std::int64_t count = -1, dim = 0, classes = 1;
  bool stored = false;
};

SamplesShape samples_shape(const Deck& deck, const InputShapes& inputs) {
  const std::string& source = deck.text("data.source");
  if (source == "hidden_markov") return {-1, 0, hidden_markov_of(deck).symbols(), false};
  if (source == "power_law") return {deck.integer("data.n"), deck.integer("data.dim"), 1, false};
  const FileShape &data = inputs.data(deck), &targets = inputs.targets(deck);
  const std::int64_t n = deck.has("data.n") ? deck.integer("data.n") : data.rows;
  return {n, data.cols, std::max(targets.cols, targets.classes), true};
}

std::int64_t samples_of_kernel(const Deck& deck, const SamplesShape& samples) {
  const std::int64_t wanted = deck.integer("study.samples"), n = samples.count;
  if (n < 0) return wanted;
  if (wanted > n && !deck.is_default("study.samples"))
    throw Error(ExitCode::deck, "study.samples = {}, but the data have {} samples", wanted, n);
  return std::min(wanted, n);
}

int moments_of(const std::string& optimiser) {
  return moments(optimiser == "momentum" ? OptimiserKind::momentum
                 : optimiser == "adam"   ? OptimiserKind::adam
                 : optimiser == "adamw"  ? OptimiserKind::adamw
                                         : OptimiserKind::sgd);
}

/// Signals have the same shape whatever parameters and inputs are.
void count_signals(NetworkShape& shape, const Network<double>& network, std::int64_t dim,
                   const ChosenOutputs& outputs) {
  const std::vector<double> parameters(static_cast<std::size_t>(network.parameters()));
  const auto inputs =
      dim > 0 ? replicated_features(std::vector<double>(static_cast<std::size_t>(dim)), dim, "")
              : replicated_tokens(
                    std::vector<std::int32_t>(static_cast<std::size_t>(network.positions())),
                    network.positions(), "");
  const EmpiricalNtk ntk{network, parameters, *inputs, outputs.choices(), NtkKind::all_outputs};
  const SignalLayout layout(ntk);
  shape.signals = {.rows_a_sample = ntk.rows_a_sample(),
                   .sample_length = layout.sample_length,
                   .row_length = layout.row_length,
                   .sample_flops = SignalMaker::sample_flops(ntk)};
  shape.entry_flops = layout.entry_flops(ntk.rows_a_sample());
  shape.choices = ntk.choices();
  for (const SignalLayout::Linear& l : layout.linear) {
    shape.pass_doubles += 2 * l.positions * (l.in + l.out);
    shape.row_doubles += l.positions * l.out;
  }
  for (const SignalLayout::Direct& d : layout.direct)
    shape.row_doubles += d.entries;
}

}  // namespace

NetworkShape network_shape(const Deck& deck, const InputShapes& inputs) {
  const SamplesShape samples = samples_shape(deck, inputs);
  const auto network = network_of(deck, samples.dim, samples.classes);
  NetworkShape shape;
  count_signals(shape, *network, samples.dim, chosen_outputs(deck, *network));
  shape.samples = samples_of_kernel(deck, samples);
  shape.parameters = network->parameters();
  shape.outputs = network->outputs();
  shape.positions = network->positions();
  shape.forward_flops = network->forward_flops();
  const bool single = deck.text("training.precision") == "single";
  shape.number_bytes = single ? 4 : 8;
  shape.moments = moments_of(deck.text("training.optimiser"));
  shape.batch = deck.is_word("training.batch") ? samples.count : deck.integer("training.batch");
  shape.steps = deck.integer("training.steps");
  shape.snapshots = snapshot_count(deck);
  shape.lanczos_steps = deck.integer("study.lanczos_steps");
  shape.trace_probes = deck.integer("study.probes_of_trace");
  // As read, and once in each precision; the inputs of the kernel's samples besides.
  const auto width = static_cast<double>(samples.dim + samples.classes);
  if (samples.stored)
    shape.data_bytes = (single ? 12.0 : 8.0) * static_cast<double>(samples.count) * width;
  shape.data_bytes += 8.0 * static_cast<double>(shape.samples) *
                      static_cast<double>(std::max(samples.dim, shape.positions));
  return shape;
}

}  // namespace fathom
