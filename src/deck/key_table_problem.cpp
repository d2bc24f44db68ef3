#include "deck/key_table_problem.hpp"

namespace fathom::deck {

namespace {

const Requirement spectrum{"study.kind", {"spectrum"}};
const Requirement features_kernel{"kernel.type", {"random_features"}};
const Requirement population{"kernel.expectation", {"population"}};
const Requirement empirical{"kernel.expectation", {"empirical"}};
const Requirement mlp_kernel{"kernel.type", {"nngp", "ntk"}};
const Requirement kernel_of_data{"kernel.type", {"random_features", "nngp", "ntk"}};
const Requirement network{"kernel.type", {"network"}};
const Requirement reach{"study.kind", {"spectral_reach"}};
const Requirement untrained{"study.kind", {"spectrum", "density"}};
const Requirement kernel_file{"kernel.type", {"features_file", "gram_file"}};
const Requirement data_file{"data.source", {"hdf5", "npy"}};

std::optional<DeckValue> expectation_from_source(const Known& known) {
  const auto source = known.text("data.source");
  if (!source) return std::nullopt;
  const bool samples = known.text("study.kind") == "spectral_reach" || *source != "power_law";
  return std::string(samples ? "empirical" : "population");
}

std::optional<DeckValue> dim_from_features(const Known& known) {
  const auto features = known.integer("kernel.features");
  if (!features || known.text("data.source") != "power_law") return std::nullopt;
  return 4 * *features;
}

std::optional<DeckValue> critical_weight_variance(const Known& known) {
  return known.text("kernel.activation") == "relu" ? 2.0 : 1.0;
}

}  // namespace

std::vector<Key> data_keys() {
  return {
      {.path = "data.source",
       .type = Type::word,
       .doc = "Where the data come from: Gaussian with covariance eigenvalues j^-alpha, uniform on "
              "a sphere, points on the unit circle, sequences of a hidden Markov model, or a file.",
       .words = {"power_law", "sphere", "circle", "hidden_markov", "hdf5", "npy"},
       .required = true,
       .belongs = {{kernel_of_data}, {network}},
       .narrowed = {{{{"study.kind", {"random_features"}}}, {"power_law"}},
                    {{kernel_of_data}, {"power_law", "sphere", "circle", "hdf5", "npy"}},
                    {{reach, features_kernel}, {"power_law"}},
                    {{network}, {"power_law", "hidden_markov", "hdf5", "npy"}}},
       .sweepable = true},
      {.path = "data.n",
       .type = Type::integer,
       .doc = "Number of samples. Required for generated data; for a file it caps the number of "
              "rows that are read. A population kernel has no samples.",
       .range = {1, largest_size},
       .unit = "samples",
       .default_text = "required; unset for a file: all of its rows",
       .required = true,
       .belongs = {{features_kernel, empirical},
                   {mlp_kernel},
                   {network, {"data.source", {"power_law", "hdf5", "npy"}}},
                   {untrained, network}},
       .sweepable = true},
      {.path = "data.dim",
       .type = Type::integer,
       .doc = "Ambient dimension v of the generated data.",
       .range = {1, largest_size},
       .unit = "coordinates",
       .derive = dim_from_features,
       .default_text = "4 x kernel.features for power-law data under random features, otherwise "
                       "required",
       .required = true,
       .belongs = {{{"data.source", {"power_law", "sphere"}}}},
       .sweepable = true},
      {.path = "data.alpha",
       .type = Type::real,
       .doc = "Exponent of the power law: the covariance of the data has eigenvalues j^-alpha. "
              "Its trace stays finite only above 1.",
       .range = {1, 100, true},
       .required = true,
       .belongs = {{{"data.source", {"power_law"}}}},
       .sweepable = true},
      {.path = "data.spacing",
       .type = Type::word,
       .doc = "Points of the circle at equal distances, whose kernel matrix is circulant with a "
              "spectrum known exactly, or at random angles.",
       .words = {"equispaced", "random"},
       .fallback = "equispaced",
       .belongs = {{{"data.source", {"circle"}}}},
       .sweepable = true},
      {.path = "data.file",
       .type = Type::path,
       .doc = "File of the data, one sample a row, float32 or float64, relative to the folder "
              "of the deck.",
       .required = true,
       .belongs = {{data_file}},
       .sweepable = true,
       .input_file = true},
      {.path = "data.dataset",
       .type = Type::text,
       .doc = "Path of the two-dimensional dataset within the HDF5 file.",
       .required = true,
       .belongs = {{{"data.source", {"hdf5"}}}},
       .sweepable = true},
      {.path = "data.scale",
       .type = Type::word,
       .doc = "What is done to the data that were read: nothing, every row to norm 1, or every "
              "column to mean 0 and variance 1.",
       .words = {"none", "unit", "standard"},
       .fallback = "none",
       .belongs = {{data_file}},
       .sweepable = true},
      {.path = "data.targets",
       .type = Type::text,
       .doc = "Targets whose power over the modes is reported: a dataset of the same HDF5 file, or "
              "a .npy file beside the deck. Rows as in the data, one column a target. A network "
              "has an output a column, and one without targets.",
       .default_text = "unset: no targets",
       .belongs = {{spectrum, data_file},
                   {spectrum, kernel_file},
                   {reach, data_file},
                   {{"study.kind", {"density"}}, network, data_file}},
       .sweepable = true,
       .input_file = true},
  };
}

std::vector<Key> kernel_keys() {
  return {
      {.path = "kernel.type",
       .type = Type::word,
       .doc = "The kernel: a layer of random features, the infinite-width Gaussian process (nngp) "
              "or tangent kernel (ntk) of an MLP, the tangent kernel of a network of finite width, "
              "at its initial values or while it is trained, or your own features or Gram matrix.",
       .words = {"random_features", "nngp", "ntk", "network", "features_file", "gram_file"},
       .required = true,
       .narrowed = {{{{"study.kind", {"random_features"}}}, {"random_features"}},
                    {{{"study.kind", {"spectrum", "density"}}},
                     {"random_features", "nngp", "ntk", "network", "features_file", "gram_file"}},
                    {{reach}, {"random_features", "network"}}},
       .sweepable = true},
      {.path = "kernel.expectation",
       .type = Type::word,
       .doc = "Take the covariance of the features over the population of the data, exactly and "
              "without samples, or over data.n samples.",
       .words = {"population", "empirical"},
       .derive = expectation_from_source,
       .default_text = "\"population\" for power-law data, otherwise \"empirical\"",
       .belongs = {{features_kernel}},
       .narrowed = {{{reach}, {"empirical"}},
                    {{{"data.source", {"sphere", "circle", "hdf5", "npy"}}}, {"empirical"}}},
       .sweepable = true},
      {.path = "kernel.features",
       .type = Type::integer,
       .doc = "Number d of random features.",
       .range = {1, largest_size},
       .unit = "features",
       .required = true,
       .belongs = {{features_kernel}},
       .sweepable = true},
      {.path = "kernel.activation",
       .type = Type::word,
       .doc = "The nonlinearity of the layer. The infinite-width kernels have closed forms for "
              "relu and erf.",
       .words = {"monomial", "linear", "relu", "abs", "erf", "tanh", "sigmoid", "gelu", "softplus",
                 "sin"},
       .required = true,
       .belongs = {{kernel_of_data}, {network}},
       .narrowed = {{{mlp_kernel}, {"relu", "erf"}},
                    {{network}, {"linear", "relu", "erf", "tanh", "gelu"}}},
       .sweepable = true},
      {.path = "kernel.degree",
       .type = Type::integer,
       .doc = "Degree p of the monomial activation y^p.",
       .range = {1, 8},
       .required = true,
       .belongs = {{features_kernel, {"kernel.activation", {"monomial"}}}},
       .sweepable = true},
      {.path = "kernel.hermite_terms",
       .type = Type::integer,
       .doc = "Number of Hermite orders of an activation without a closed form. What is cut "
              "off joins the error bound of every eigenvalue.",
       .range = {2, 1000},
       .unit = "terms",
       .fallback = std::int64_t{128},
       .belongs = {{features_kernel,
                    population,
                    {"kernel.activation", {"tanh", "sigmoid", "gelu", "softplus"}}}},
       .sweepable = true},
      {.path = "kernel.truncation",
       .type = Type::real,
       .doc = "The factor of a monomial kernel has one row a product of coordinates; the smallest "
              "are left out as long as all of them together stay below this share of the largest "
              "eigenvalue. What is left out joins the error bound. \"auto\" leaves room for the "
              "smallest eigenvalue that theory expects.",
       .words = {"auto"},
       .range = {0, 1e-3, true},
       .fallback = "auto",
       .belongs = {{features_kernel, population, {"kernel.activation", {"monomial", "linear"}}}},
       .sweepable = true},
      {.path = "kernel.side",
       .type = Type::word,
       .doc = "Which matrix is diagonalised: the Gram matrix of the samples, the covariance of the "
              "features, or the smaller of them. Both have the same nonzero spectrum.",
       .words = {"auto", "gram", "covariance"},
       .fallback = "auto",
       .belongs = {{{"study.kind", {"spectrum", "density"}}, features_kernel, empirical},
                   {{"kernel.type", {"features_file"}}}},
       .sweepable = true},
      {.path = "kernel.depth",
       .type = Type::integer,
       .doc = "Number of hidden layers of an MLP, of blocks of a transformer.",
       .range = {1, 1000},
       .unit = "layers",
       .fallback = std::int64_t{1},
       .belongs = {{mlp_kernel}, {network}},
       .sweepable = true},
      {.path = "kernel.weight_variance",
       .type = Type::real,
       .doc = "Variance of the weights of the MLP, times the fan-in.",
       .range = {0, 1e6, true},
       .derive = critical_weight_variance,
       .default_text = "2 for relu, otherwise 1",
       .belongs = {{mlp_kernel}, {network}},
       .sweepable = true},
      {.path = "kernel.bias_variance",
       .type = Type::real,
       .doc = "Variance of the biases of the MLP.",
       .range = {0, 1e6},
       .fallback = 0.0,
       .belongs = {{mlp_kernel}, {network}},
       .sweepable = true},
      {.path = "kernel.file",
       .type = Type::path,
       .doc = "File of your own features (n x d) or symmetric Gram matrix (n x n), HDF5 or .npy, "
              "float32 or float64, relative to the folder of the deck.",
       .required = true,
       .belongs = {{kernel_file}},
       .sweepable = true,
       .input_file = true},
      {.path = "kernel.dataset",
       .type = Type::text,
       .doc = "Path of the two-dimensional dataset within the HDF5 file; a .npy file has none.",
       .default_text = "required unless kernel.file ends in .npy",
       .belongs = {{kernel_file}},
       .sweepable = true},
      {.path = "kernel.assembly",
       .type = Type::word,
       .doc = "How rows and columns of signals reach the block that needs them: each rank makes "
              "its own in place, or each is made once and panels travel. \"auto\" counts the cost "
              "of both.",
       .words = {"auto", "in_place", "made_once"},
       .fallback = "auto",
       .belongs = {{kernel_of_data}, {network}},
       .sweepable = true},
      {.path = "kernel.chunk",
       .type = Type::integer,
       .doc = "Number of features or coordinates that are assembled at a time; it bounds the "
              "memory beside the matrix.",
       .words = {"auto"},
       .range = {1, largest_size},
       .fallback = "auto",
       .belongs = {{kernel_of_data}},
       .sweepable = true},
  };
}

}  // namespace fathom::deck
