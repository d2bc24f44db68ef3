// Keys of networks and of how they are trained.

#include "deck/key_table_problem.hpp"
#include "deck/transitions.hpp"

namespace fathom::deck {

namespace {

const Requirement reach{"study.kind", {"spectral_reach"}};
const Requirement network{"kernel.type", {"network"}};
const Requirement untrained{"study.kind", {"spectrum", "density"}};
const Requirement mlp{"kernel.architecture", {"mlp"}};
const Requirement transformer{"kernel.architecture", {"transformer"}};
const Requirement teacher{"data.source", {"power_law"}};
const Requirement sequences{"data.source", {"hidden_markov"}};
const Requirement heavy_ball{"training.optimiser", {"momentum"}};
const Requirement decoupled{"training.optimiser", {"adamw"}};

std::optional<DeckValue> architecture_from_source(const Known& known) {
  const auto source = known.text("data.source");
  if (!source) return std::nullopt;
  return std::string(*source == "hidden_markov" ? "transformer" : "mlp");
}

std::optional<DeckValue> loss_from_source(const Known& known) {
  const auto source = known.text("data.source");
  if (!source) return std::nullopt;
  return std::string(*source == "hidden_markov" ? "cross_entropy" : "squared_error");
}

std::optional<DeckValue> head_size_from_width(const Known& known) {
  const auto width = known.integer("kernel.width"), heads = known.integer("kernel.heads");
  if (!width || !heads || *heads > *width) return std::nullopt;
  return *width / *heads;
}

std::optional<DeckValue> mlp_width_from_width(const Known& known) {
  const auto width = known.integer("kernel.width");
  return width ? std::optional<DeckValue>(4 * *width) : std::nullopt;
}

std::optional<DeckValue> batch_of_sequences(const Known& known) {
  if (known.text("data.source") == "hidden_markov") return std::int64_t{128};
  return std::string("full");
}

}  // namespace

std::vector<Key> study_of_network_keys() {
  return {
      {.path = "study.positions",
       .type = Type::integer_list,
       .doc =
           "Positions of the context, counted from 1, whose predictions the tangent kernel, its "
           "gradient and the loss of a snapshot are taken over: the loss is the mean over these. "
           "\"last\": the one that sees the whole context. Training is on all of them.",
       .words = {"all", "last"},
       .range = {1, 1024},
       .fallback = "all",
       .belongs = {{reach, network, sequences}},
       .sweepable = true},
      {.path = "study.classes",
       .type = Type::integer_list,
       .doc =
           "Outputs of a position, counted from 0 as labels are, that the tangent kernel and the "
           "gradient of a snapshot are restricted to. The loss of squared error is then the sum "
           "over these outputs alone; a cross entropy needs them all, and it is what these "
           "outputs take off it that is followed. Training is on all of them.",
       .words = {"all"},
       .range = {0, 1e6},
       .fallback = "all",
       .belongs = {{reach, network, {"data.source", {"hidden_markov", "hdf5", "npy"}}}},
       .sweepable = true},
  };
}

std::vector<Key> data_of_training_keys() {
  return {
      {.path = "data.target_exponent",
       .type = Type::real,
       .doc = "Exponent beta of the teacher: in the eigenbasis of the data's covariance the "
              "coefficient of mode j is j^-beta, scaled to targets of variance 1.",
       .range = {0, 100},
       .fallback = 1.0,
       .belongs = {{reach, teacher}},
       .sweepable = true},
      {.path = "data.noise",
       .type = Type::real,
       .doc = "Standard deviation of the label noise, known to the study apart from the signal.",
       .range = {0, 1e6},
       .fallback = 0.0,
       .belongs = {{reach, teacher}},
       .sweepable = true},
      {.path = "data.second_order",
       .type = Type::real,
       .doc = "Share of the targets' variance in the second Hermite polynomial of the teacher's "
              "linear part.",
       .range = {0, 1},
       .fallback = 0.0,
       .belongs = {{reach, teacher}},
       .sweepable = true},
      {.path = "data.process",
       .type = Type::word,
       .doc = "The hidden Markov model that makes the sequences; custom: the one of "
              "data.transitions.",
       .words = {"mess3", "rrxor", "z1r", "custom"},
       .fallback = "mess3",
       .belongs = {{sequences}},
       .sweepable = true},
      {.path = "data.process_alpha",
       .type = Type::real,
       .doc = "The parameter alpha of Mess3.",
       .range = {0, 1, true, true},
       .fallback = 0.85,
       .belongs = {{sequences, {"data.process", {"mess3"}}}},
       .sweepable = true},
      {.path = "data.process_x",
       .type = Type::real,
       .doc = "The parameter x of Mess3.",
       .range = {0, 0.5, true, true},
       .fallback = 0.05,
       .belongs = {{sequences, {"data.process", {"mess3"}}}},
       .sweepable = true},
      {.path = "data.transitions",
       .type = Type::real_tensor,
       .doc =
           "The transition tensors T[symbol][from][to] of the model: the probability to emit the "
           "symbol and go to that state, in a state. All count from 0. As many states to come "
           "from as to go to, and two symbols at least; over symbols and next states the "
           "probabilities of a state sum to 1 within 1e-9 and are divided by their sum; the "
           "stationary distribution must be unique, and every sequence starts in it.",
       .range = {0, 1},
       .examine = examine_transitions,
       .required = true,
       .belongs = {{sequences, {"data.process", {"custom"}}}}},
      {.path = "data.context",
       .type = Type::integer,
       .doc = "Symbols that the model sees at most; every position predicts the next one.",
       .range = {1, 1024},
       .unit = "symbols",
       .fallback = std::int64_t{10},
       .belongs = {{sequences}},
       .sweepable = true},
  };
}

std::vector<Key> network_keys() {
  return {
      {.path = "kernel.architecture",
       .type = Type::word,
       .doc = "The network: fully connected, or a decoder-only transformer (pre-norm, learned "
              "positions).",
       .words = {"mlp", "transformer"},
       .derive = architecture_from_source,
       .default_text = "\"transformer\" for sequences, otherwise \"mlp\"",
       .belongs = {{network}},
       .narrowed = {{{sequences}, {"transformer"}},
                    {{{"data.source", {"power_law", "hdf5", "npy"}}}, {"mlp"}}}},
      {.path = "kernel.width",
       .type = Type::integer,
       .doc = "Width of the hidden layers, or of a transformer's residual stream.",
       .range = {1, 1000000},
       .unit = "neurons",
       .required = true,
       .belongs = {{network}},
       .sweepable = true},
      {.path = "kernel.parametrisation",
       .type = Type::word,
       .doc = "How initial values and learning rates scale with the width: standard, ntk (the "
              "kernel keeps its limit), or maximal_update (features move at any width).",
       .words = {"standard", "ntk", "maximal_update"},
       .fallback = "standard",
       .belongs = {{network}},
       .sweepable = true},
      {.path = "kernel.biases",
       .type = Type::boolean,
       .doc = "Biases in the layers of an MLP.",
       .fallback = true,
       .belongs = {{network, mlp}},
       .sweepable = true},
      {.path = "kernel.heads",
       .type = Type::integer,
       .doc = "Attention heads of a block.",
       .range = {1, 1024},
       .fallback = std::int64_t{1},
       .belongs = {{network, transformer}},
       .sweepable = true},
      {.path = "kernel.head_size",
       .type = Type::integer,
       .doc = "Width of an attention head.",
       .range = {1, 100000},
       .derive = head_size_from_width,
       .default_text = "kernel.width / kernel.heads",
       .belongs = {{network, transformer}},
       .sweepable = true},
      {.path = "kernel.mlp_width",
       .type = Type::integer,
       .doc = "Width of the hidden layer of a block's MLP.",
       .range = {1, 1000000},
       .derive = mlp_width_from_width,
       .default_text = "4 x kernel.width",
       .belongs = {{network, transformer}},
       .sweepable = true},
      {.path = "kernel.tied_output",
       .type = Type::boolean,
       .doc = "The embedding of the symbols is the output layer too.",
       .fallback = false,
       .belongs = {{network, transformer}},
       .sweepable = true},
      {.path = "kernel.outputs",
       .type = Type::word,
       .doc =
           "What becomes of a network's C outputs in its tangent kernel. all: nC x nC, a row for "
           "each sample and output; trace: n x n, the mean of the outputs' own kernels; sum: "
           "n x n, the kernel of the sum of the outputs.",
       .words = {"all", "trace", "sum"},
       .fallback = "all",
       .belongs = {{network, untrained}},
       .sweepable = true},
  };
}

std::vector<Key> training_keys() {
  return {
      {.path = "training.loss",
       .type = Type::word,
       .doc = "Squared error, sum of (f - y)^2 / 2 over the outputs, mean over samples; or cross "
              "entropy in nats, mean over samples and positions.",
       .words = {"squared_error", "cross_entropy"},
       .derive = loss_from_source,
       .default_text = "cross_entropy for sequences, otherwise squared_error",
       .belongs = {{reach, network}},
       .narrowed = {{{teacher}, {"squared_error"}}, {{sequences}, {"cross_entropy"}}},
       .sweepable = true},
      {.path = "training.optimiser",
       .type = Type::word,
       .doc = "The optimiser of the parameters.",
       .words = {"sgd", "momentum", "adam", "adamw"},
       .fallback = "sgd",
       .belongs = {{reach, network}},
       .sweepable = true},
      {.path = "training.learning_rate",
       .type = Type::real,
       .doc = "Learning rate at its peak. For random features, trained by gradient flow, the time "
              "of one step.",
       .range = {0, 1e9, true},
       .required = true,
       .belongs = {{reach}},
       .sweepable = true},
      {.path = "training.steps",
       .type = Type::integer,
       .doc = "Number of steps.",
       .range = {1, 1e12},
       .unit = "steps",
       .required = true,
       .belongs = {{reach}},
       .sweepable = true},
      {.path = "training.batch",
       .type = Type::integer,
       .doc = "Samples a step; \"full\" takes all of them.",
       .words = {"full"},
       .range = {1, largest_size},
       .unit = "samples",
       .derive = batch_of_sequences,
       .default_text = "\"full\"; 128 for sequences, which are new in every step",
       .belongs = {{reach, network}},
       .sweepable = true},
      {.path = "training.decay",
       .type = Type::word,
       .doc = "How the learning rate falls behind its warm-up, to training.final_fraction of its "
              "peak.",
       .words = {"constant", "linear", "cosine"},
       .fallback = "constant",
       .belongs = {{reach, network}},
       .sweepable = true},
      {.path = "training.final_fraction",
       .type = Type::real,
       .doc = "Learning rate of the last step over its peak.",
       .range = {0, 1},
       .fallback = 0.0,
       .belongs = {{reach, network, {"training.decay", {"linear", "cosine"}}}},
       .sweepable = true},
      {.path = "training.warmup",
       .type = Type::integer,
       .doc = "Steps over which the learning rate rises.",
       .range = {0, 1e12},
       .unit = "steps",
       .fallback = std::int64_t{0},
       .belongs = {{reach, network}},
       .sweepable = true},
      {.path = "training.momentum",
       .type = Type::real,
       .doc = "Share of the last step that is kept.",
       .range = {0, 1, false, true},
       .fallback = 0.9,
       .belongs = {{reach, network, heavy_ball}},
       .sweepable = true},
      {.path = "training.weight_decay",
       .type = Type::real,
       .doc = "Decoupled weight decay a step, times the learning rate.",
       .range = {0, 1e6},
       .fallback = 0.01,
       .belongs = {{reach, network, decoupled}},
       .sweepable = true},
      {.path = "training.precision",
       .type = Type::word,
       .doc = "Numbers of the training; the kernel is always evaluated in double precision.",
       .words = {"double", "single"},
       .fallback = "double",
       .belongs = {{reach, network}},
       .sweepable = true},
  };
}

}  // namespace fathom::deck
