#include "studies/network_shape.hpp"

#include "studies/deck_numbers.hpp"
#include "studies/sample_models.hpp"
#include "studies/trained_model.hpp"
#include "training/optimiser.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace fathom {
namespace {

/// What the samples are: how many (−1: as many as are asked for), how wide, how many classes.
struct SamplesShape {
  std::int64_t count = -1, dim = 0, classes = 1;
  std::int64_t target_columns = 0;
  bool stored = false;
  bool labels = false;  ///< classes of a cross entropy
};

SamplesShape samples_shape(const Deck& deck, const InputShapes& inputs) {
  const std::string& source = deck.text("data.source");
  if (source == "hidden_markov") return {.classes = hidden_markov_of(deck).symbols()};
  if (source == "power_law")
    return {.count = deck.integer("data.n"), .dim = deck.integer("data.dim"), .target_columns = 1};
  const FileShape& data = inputs.data(deck);
  const std::int64_t n = deck.has("data.n") ? deck.integer("data.n") : data.rows;
  SamplesShape shape{.count = n, .dim = data.cols, .stored = true};
  if (!deck.has("data.targets")) return shape;
  const FileShape& targets = inputs.targets(deck);
  shape.target_columns = targets.cols;
  shape.labels = cross_entropy(deck);
  shape.classes = shape.labels ? std::max(targets.cols, targets.classes) : targets.cols;
  return shape;
}

std::int64_t samples_of_kernel(const Deck& deck, const SamplesShape& samples) {
  if (!deck.has("study.samples")) return samples.count < 0 ? deck.integer("data.n") : samples.count;
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

/// Zeros that are only read take no memory: the system maps one page of them for all.
class Zeros {
 public:
  explicit Zeros(std::int64_t count)
      : size_(static_cast<std::size_t>(count)),
        data_(static_cast<double*>(std::calloc(size_, sizeof(double))), std::free) {
    if (!data_) throw std::bad_alloc();
  }
  std::span<const double> view() const { return {data_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<double, decltype(&std::free)> data_;
};

/// Signals have the same shape whatever parameters and inputs are.
EntkCounts count_kernel(const Network<double>& network, std::int64_t dim,
                        std::vector<OutputChoice> outputs, NtkKind kind) {
  const Zeros zeros(network.parameters());
  const std::span<const double> parameters = zeros.view();
  const auto inputs =
      dim > 0 ? replicated_features(std::vector<double>(static_cast<std::size_t>(dim)), dim, "")
              : replicated_tokens(
                    std::vector<std::int32_t>(static_cast<std::size_t>(network.positions())),
                    network.positions(), "");
  return EntkCounts({network, parameters, *inputs, std::move(outputs), kind});
}

TrainingShape training_shape(const Deck& deck, const SamplesShape& samples) {
  TrainingShape shape;
  shape.number_bytes = deck.text("training.precision") == "single" ? 4 : 8;
  shape.moments = moments_of(deck.text("training.optimiser"));
  shape.batch = deck.is_word("training.batch") ? samples.count : deck.integer("training.batch");
  shape.steps = deck.integer("training.steps");
  shape.snapshots = snapshot_count(deck);
  shape.lanczos_steps = deck.integer("study.lanczos_steps");
  shape.trace_probes = deck.integer("study.probes_of_trace");
  return shape;
}

/// Inputs and labels or values of so many samples, numbers of so many bytes.
double batch_bytes(const SamplesShape& samples, std::int64_t count, double number) {
  const double targets =
      samples.labels ? sizeof(std::int32_t) : number * static_cast<double>(samples.target_columns);
  return static_cast<double>(count) * (number * static_cast<double>(samples.dim) + targets);
}

double bytes_of_data(const NetworkShape& shape, const SamplesShape& samples) {
  const std::int64_t of_kernel = shape.kernel.samples;
  if (!shape.training) return batch_bytes(samples, of_kernel, 8);
  double bytes = 8.0 * static_cast<double>(of_kernel * samples.dim);
  if (!samples.stored) return bytes;
  bytes += batch_bytes(samples, samples.count, 8);
  if (shape.training->number_bytes == 4) bytes += batch_bytes(samples, samples.count, 4);
  return bytes;
}

}  // namespace

NetworkShape network_shape(const Deck& deck, const InputShapes& inputs) {
  const SamplesShape samples = samples_shape(deck, inputs);
  const auto network = network_of(deck, samples.dim, samples.classes);
  NetworkShape shape;
  if (deck.has("training.steps")) shape.training = training_shape(deck, samples);
  shape.kernel = count_kernel(
      *network, samples.dim,
      shape.training ? chosen_outputs(deck, *network).choices() : every_output(*network),
      ntk_kind(deck));
  shape.kernel.samples = samples_of_kernel(deck, samples);
  shape.data_bytes = bytes_of_data(shape, samples);
  if (samples.stored)
    shape.stored_doubles = static_cast<double>(samples.count) * static_cast<double>(samples.dim);
  return shape;
}

}  // namespace fathom
