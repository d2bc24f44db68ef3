#include "studies/trained_model.hpp"

#include "kernels/hidden_markov_entropy.hpp"
#include "kernels/hidden_markov_sequences.hpp"
#include "networks/mlp.hpp"
#include "networks/transformer.hpp"
#include "studies/deck_numbers.hpp"
#include "studies/sample_models.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fathom {
namespace {

/// Held-out sequences are numbered from here on: no training reaches them.
constexpr std::int64_t held_out = std::int64_t{1} << 42;

bool sequences(const Deck& deck) {
  return deck.text("data.source") == "hidden_markov";
}
bool teacher(const Deck& deck) {
  return deck.text("data.source") == "power_law";
}

Parametrisation parametrisation_of(const Deck& deck) {
  const std::string& word = deck.text("kernel.parametrisation");
  return word == "ntk"              ? Parametrisation::ntk
         : word == "maximal_update" ? Parametrisation::maximal_update
                                    : Parametrisation::standard;
}

MlpShape mlp_shape(const Deck& deck, std::int64_t input, std::int64_t classes) {
  return {.input = input,
          .hidden = std::vector<std::int64_t>(
              static_cast<std::size_t>(deck.integer("kernel.depth")), deck.integer("kernel.width")),
          .classes = classes,
          .activation = parse_activation(deck.text("kernel.activation")),
          .biases = deck.flag("kernel.biases"),
          .parametrisation = parametrisation_of(deck),
          .weight_variance = deck.real("kernel.weight_variance"),
          .bias_variance = deck.real("kernel.bias_variance")};
}

TransformerShape transformer_shape(const Deck& deck, std::int64_t symbols) {
  TransformerShape shape;
  shape.vocabulary = symbols;
  shape.context = deck.integer("data.context");
  shape.blocks = deck.integer("kernel.depth");
  shape.width = deck.integer("kernel.width");
  shape.heads = deck.integer("kernel.heads");
  shape.head_size = deck.integer("kernel.head_size");
  shape.mlp_width = deck.integer("kernel.mlp_width");
  shape.activation = parse_activation(deck.text("kernel.activation"));
  shape.tied_output = deck.flag("kernel.tied_output");
  shape.parametrisation = parametrisation_of(deck);
  shape.weight_deviation = std::sqrt(deck.real("kernel.weight_variance"));
  shape.query_deviation = shape.weight_deviation;
  shape.bias_deviation = std::sqrt(deck.real("kernel.bias_variance"));
  // The table of a tied output is a weight of fan-in width as well.
  if (shape.tied_output && shape.parametrisation == Parametrisation::standard)
    shape.embedding_deviation = 1 / std::sqrt(static_cast<double>(shape.width));
  return shape;
}

template <class T>
std::unique_ptr<Network<T>> make_network(const Deck& deck, std::int64_t input,
                                         std::int64_t classes) {
  if (deck.text("kernel.architecture") == "transformer")
    return make_transformer<T>(transformer_shape(deck, classes));
  return make_mlp<T>(mlp_shape(deck, input, classes));
}

/// Rows of a distributed matrix as columns, whole on every rank.
std::vector<double> replicated_columns(const Communicator& comm, const DistMatrix& x) {
  std::vector<double> all(static_cast<std::size_t>(x.rows() * x.cols()), 0.0);
  const MatrixView<const double> local = x.local();
  for (std::int64_t j = 0; j < local.cols; ++j)
    for (std::int64_t i = 0; i < local.rows; ++i)
      all[static_cast<std::size_t>(x.global_row(LocalIndex(i)).value() * x.cols() +
                                   x.global_col(LocalIndex(j)).value())] = local(i, j);
  // In pieces: a reduction in place may copy all that it is given.
  constexpr std::size_t piece = std::size_t{1} << 20;
  for (std::size_t first = 0; first < all.size(); first += piece)
    comm.sum(std::span(all).subspan(first, std::min(piece, all.size() - first)));
  return all;
}

/// The class of a row of targets: the column of the largest value, or the value where there is one
/// column.
std::int32_t label_of(const Targets& targets, std::int64_t i) {
  if (targets.count == 1) {
    const double value = targets(i, 0);
    if (value != std::round(value) || value < 0 || value > 1e6)
      throw Error(ExitCode::input,
                  "cross_entropy needs classes 0, 1, 2 …; the target of sample {} is {}", i, value);
    return static_cast<std::int32_t>(value);
  }
  const double* row = &targets.value[static_cast<std::size_t>(i * targets.count)];
  return static_cast<std::int32_t>(std::max_element(row, row + targets.count) - row);
}

struct StoredData {
  SampleBatch<double> batch;
  std::int64_t classes = 1;
  std::string what;
  double input_epsilon = 0x1p-53;
};

StoredData read_stored(const StudyContext& context, const Deck& deck) {
  const InputData data = read_data(context.world, deck);
  const std::int64_t n = data.rows->count(), dim = data.rows->dim();
  const std::optional<Targets> targets = read_targets(context.world, deck, n);
  StoredData stored;
  stored.what = data.source;
  stored.batch.samples = n;
  stored.batch.dim = dim;
  stored.batch.features = replicated_columns(context.world, *data.held);
  stored.input_epsilon = data.rows->input_epsilon();
  if (!targets) return stored;
  if (cross_entropy(deck)) {
    for (std::int64_t i = 0; i < n; ++i)
      stored.batch.labels.push_back(label_of(*targets, i));
    stored.classes = std::max<std::int64_t>(
        targets->count,
        *std::max_element(stored.batch.labels.begin(), stored.batch.labels.end()) + 1);
    if (stored.classes < 2)
      throw Error(ExitCode::input,
                  "{}: cross_entropy needs two classes or more, but every target of the {} samples "
                  "is class 0: give labels 0, 1, 2 … or one column a class",
                  deck.text("data.targets"), n);
    return stored;
  }
  stored.classes = targets->count;
  stored.batch.outputs = targets->count;
  stored.batch.values = targets->value;  // n × count row-major: outputs × samples by columns
  return stored;
}

template <class T>
SampleBatch<T> converted(const SampleBatch<double>& from) {
  SampleBatch<T> to;
  to.samples = from.samples;
  to.dim = from.dim;
  to.outputs = from.outputs;
  to.features.assign(from.features.begin(), from.features.end());
  to.values.assign(from.values.begin(), from.values.end());
  to.tokens = from.tokens;
  to.labels = from.labels;
  return to;
}

std::vector<std::int64_t> indices(SampleRange set) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(set.count));
  std::iota(index.begin(), index.end(), set.first);
  return index;
}

std::string process_text(const Deck& deck) {
  const std::string& process = deck.text("data.process");
  if (process != "custom") return process;
  const HiddenMarkov source = hidden_markov_of(deck);
  return fmt::format("process of {} states and {} symbols", source.states(), source.symbols());
}

/// The mean loss of the optimal predictor on these very sequences, at these positions.
double bayes_loss_on(const Deck& deck, SampleRange set, std::span<const std::int64_t> positions) {
  const HiddenMarkov source = hidden_markov_of(deck);
  const std::int64_t context = deck.integer("data.context"), length = context + 1;
  const std::vector<std::int64_t> index = indices(set);
  std::vector<std::int32_t> symbols(index.size() * static_cast<std::size_t>(length));
  fill_sequences(source, {seed_of(deck), Stream::sequences}, index, length, symbols);
  std::vector<double> losses(symbols.size());
  fill_bayes_losses(source, symbols, length, losses);
  double sum = 0;
  // Position t predicts symbol t + 1.
  for (std::int64_t i = 0; i < set.count; ++i)
    for (const std::int64_t t : positions)
      sum += losses[static_cast<std::size_t>(i * length + t + 1)];
  return sum / static_cast<double>(set.count * std::ssize(positions));
}

/// Labels, or one-hot values, group the rows of the gradient by class; else two halves.
void add_groups(TrainedModel& model, const SampleBatch<double>& batch) {
  const std::int64_t classes = model.exact.network->classes(),
                     positions = model.exact.network->positions();
  const std::size_t rows = model.outputs.classes.size();
  const bool labelled = !batch.labels.empty(), one_hot = !labelled && batch.outputs > 1;
  for (std::int64_t i = 0; i < batch.samples; ++i)
    for (const std::int64_t t : model.outputs.positions) {
      std::int32_t group = i < (batch.samples + 1) / 2 ? 0 : 1;
      if (labelled) group = batch.labels[static_cast<std::size_t>(t + positions * i)];
      if (one_hot) {
        const double* row = &batch.values[static_cast<std::size_t>(i * batch.outputs)];
        group = static_cast<std::int32_t>(std::max_element(row, row + batch.outputs) - row);
      }
      model.group.insert(model.group.end(), rows, group);
    }
  if (labelled || one_hot)
    for (std::int64_t c = 0; c < classes; ++c)
      model.group_names.push_back(fmt::format("class {}", c));
  else
    model.group_names = {"first half", "second half"};
}

std::unique_ptr<NetworkInputs> kernel_inputs(const Deck& deck, SampleBatch<double> batch,
                                             const std::string& what, double input_epsilon) {
  if (batch.dim > 0)
    return replicated_features(std::move(batch.features), batch.dim, what, input_epsilon);
  return replicated_tokens(std::move(batch.tokens), deck.integer("data.context"), what);
}

void add_known_facts(TrainedModel& model, const Deck& deck, double input_epsilon) {
  const std::vector<std::int64_t> index = indices(model.set);
  if (teacher(deck)) model.noise = Teacher(teacher_of(deck), seed_of(deck)).targets(index).noise;
  if (sequences(deck)) model.best_loss = bayes_loss_on(deck, model.set, model.outputs.positions);
  SampleBatch<double> batch;
  model.exact.samples->fill(index, batch);
  add_groups(model, batch);
  model.inputs = kernel_inputs(deck, std::move(batch), model.data, input_epsilon);
}

template <class T>
std::unique_ptr<Network<T>> network_on(const Deck& deck, const std::optional<StoredData>& stored) {
  if (stored) return make_network<T>(deck, stored->batch.dim, stored->classes);
  if (sequences(deck)) return make_network<T>(deck, 0, hidden_markov_of(deck).symbols());
  return make_network<T>(deck, deck.integer("data.dim"), 1);
}

/// Without samples of a file: those are moved, once.
template <class T>
std::unique_ptr<SampleSource<T>> made_by_key(const Deck& deck) {
  return sequences(deck) ? sequence_samples<T>(deck) : teacher_samples<T>(deck);
}

std::optional<StoredData> stored_data(const StudyContext& context, const Deck& deck) {
  if (sequences(deck) || teacher(deck)) return std::nullopt;
  return read_stored(context, deck);
}

std::string data_text(const Deck& deck, const std::optional<StoredData>& stored) {
  if (stored) return stored->what;
  if (sequences(deck))
    return fmt::format("{}, context {}", process_text(deck), deck.integer("data.context"));
  if (!deck.has("data.target_exponent"))
    return fmt::format("power-law data, alpha = {}", deck.real("data.alpha"));
  return fmt::format("power-law teacher, alpha = {}, beta = {}", deck.real("data.alpha"),
                     deck.real("data.target_exponent"));
}

/// Targets as functions on the rows of the kernel; `values` are outputs × samples.
Targets targets_on_rows(std::vector<double> values, std::int64_t outputs, NtkKind kind) {
  const std::int64_t count = std::ssize(values), samples = count / outputs;
  if (kind == NtkKind::all_outputs) return {count, 1, std::move(values)};
  if (kind == NtkKind::trace_kernel) return {samples, outputs, std::move(values)};
  Targets sum{samples, 1, std::vector<double>(static_cast<std::size_t>(samples), 0.0)};
  for (std::int64_t k = 0; k < count; ++k)
    sum.value[static_cast<std::size_t>(k / outputs)] += values[static_cast<std::size_t>(k)];
  return sum;
}

}  // namespace

std::unique_ptr<Network<double>> network_of(const Deck& deck, std::int64_t input,
                                            std::int64_t classes) {
  return make_network<double>(deck, input, classes);
}

TrainedModel make_trained_model(const StudyContext& context, const Deck& deck) {
  TrainedModel model;
  std::optional<StoredData> stored = stored_data(context, deck);
  model.loss = cross_entropy(deck) ? LossKind::cross_entropy : LossKind::squared_error;
  context.world.agree([&] {
    const bool single = deck.text("training.precision") == "single";
    model.data = data_text(deck, stored);
    model.exact = {network_on<double>(deck, stored), nullptr};
    if (single) model.single = {network_on<float>(deck, stored), nullptr};
    if (stored) {
      if (single)
        model.single.samples =
            std::make_unique<StoredSamples<float>>(converted<float>(stored->batch));
      model.exact.samples = std::make_unique<StoredSamples<double>>(std::move(stored->batch));
    } else {
      model.exact.samples = made_by_key<double>(deck);
      if (single) model.single.samples = made_by_key<float>(deck);
    }
    const std::int64_t count = deck.integer("study.samples"), n = model.exact.samples->samples();
    if (n >= 0 && deck.is_default("study.samples"))
      model.set = {0, std::min(count, n)};
    else if (n >= 0 && count > n)
      throw Error(ExitCode::deck, "study.samples = {}, but the data have {} samples", count, n);
    else
      model.set = {n < 0 ? held_out : 0, count};
    model.outputs = chosen_outputs(deck, *model.exact.network);
    model.measured = at_positions(*model.exact.samples, model.outputs);
    add_known_facts(model, deck, stored ? stored->input_epsilon : 0x1p-53);
    model.shape = std::make_shared<ProblemShape>(problem_shape(deck, context.inputs));
  });
  return model;
}

InitialNetwork make_initial_network(const StudyContext& context, const Deck& deck) {
  InitialNetwork made;
  std::optional<StoredData> stored = stored_data(context, deck);
  context.world.agree([&] {
    made.network = network_on<double>(deck, stored);
    made.parameters = initial_parameters(*made.network, seed_of(deck));
    const std::string text = data_text(deck, stored);
    SampleBatch<double> batch;
    if (stored) {
      batch = std::move(stored->batch);
    } else {
      const SampleRange set{sequences(deck) ? held_out : 0, deck.integer("data.n")};
      made_by_key<double>(deck)->fill(indices(set), batch);
    }
    if (!batch.values.empty())
      made.targets = targets_on_rows(std::move(batch.values), batch.outputs, ntk_kind(deck));
    made.inputs =
        kernel_inputs(deck, std::move(batch), text, stored ? stored->input_epsilon : 0x1p-53);
  });
  return made;
}

TrainingOptions training_options(const Deck& deck, const TrainedModel& model) {
  TrainingOptions options;
  const std::string& optimiser = deck.text("training.optimiser");
  options.optimiser.kind = optimiser == "momentum" ? OptimiserKind::momentum
                           : optimiser == "adam"   ? OptimiserKind::adam
                           : optimiser == "adamw"  ? OptimiserKind::adamw
                                                   : OptimiserKind::sgd;
  if (deck.has("training.momentum")) options.optimiser.momentum = deck.real("training.momentum");
  if (deck.has("training.weight_decay"))
    options.optimiser.weight_decay = deck.real("training.weight_decay");
  options.steps = deck.integer("training.steps");
  const std::string& decay = deck.text("training.decay");
  options.rate = {.peak = deck.real("training.learning_rate"),
                  .decay = decay == "linear"   ? Decay::linear
                           : decay == "cosine" ? Decay::cosine
                                               : Decay::constant,
                  .warmup = deck.integer("training.warmup"),
                  .steps = options.steps};
  if (deck.has("training.final_fraction"))
    options.rate.final_fraction = deck.real("training.final_fraction");
  const std::int64_t n = model.exact.samples->samples();
  const bool full = deck.is_word("training.batch");
  options.batches = {.kind = n < 0  ? BatchKind::fresh
                             : full ? BatchKind::full
                                    : BatchKind::permutation,
                     .samples = n,
                     .size = full ? n : deck.integer("training.batch"),
                     .seed = seed_of(deck)};
  options.snapshots =
      log_spaced_steps(options.steps, static_cast<int>(deck.integer("study.snapshots")));
  return options;
}

std::vector<double> training_times(const LearningRate& rate,
                                   const std::vector<std::int64_t>& steps) {
  std::vector<double> times;
  double time = 0;
  std::int64_t done = 0;
  for (const std::int64_t step : steps) {
    for (; done < step; ++done)
      time += rate.at(done);
    times.push_back(time);
  }
  return times;
}

}  // namespace fathom
