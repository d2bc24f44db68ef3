#include "deck/key_table.hpp"

#include <algorithm>

namespace fathom::deck {

namespace {

constexpr double largest_size = 1e9;  // its square times 8 bytes still fits 64 bits

const Requirement spectrum{"study.kind", {"spectrum"}};
const Requirement features_kernel{"kernel.type", {"random_features"}};
const Requirement population{"kernel.expectation", {"population"}};
const Requirement empirical{"kernel.expectation", {"empirical"}};
const Requirement mlp_kernel{"kernel.type", {"nngp", "ntk"}};
const Requirement kernel_of_data{"kernel.type", {"random_features", "nngp", "ntk"}};
const Requirement kernel_file{"kernel.type", {"features_file", "gram_file"}};
const Requirement data_file{"data.source", {"hdf5", "npy"}};

std::optional<DeckValue> title_from_file(const Known& known) {
  return known.stem();
}

std::optional<DeckValue> output_from_file(const Known& known) {
  return "output/" + known.stem();
}

std::optional<DeckValue> expectation_from_source(const Known& known) {
  const auto source = known.text("data.source");
  if (!source) return std::nullopt;
  return std::string(*source == "power_law" ? "population" : "empirical");
}

std::optional<DeckValue> dim_from_features(const Known& known) {
  const auto features = known.integer("kernel.features");
  if (!features || known.text("data.source") != "power_law") return std::nullopt;
  return 4 * *features;
}

std::optional<DeckValue> critical_weight_variance(const Known& known) {
  return known.text("kernel.activation") == "relu" ? 2.0 : 1.0;
}

std::optional<DeckValue> vectors_for_targets(const Known& known) {
  return known.find("data.targets") != nullptr;
}

std::vector<Key> top_and_run() {
  return {
      {.path = "schema",
       .type = Type::integer,
       .doc = "Version of the deck's language. This fathom reads schema 1.",
       .range = {1, 1},
       .required = true},
      {.path = "title",
       .type = Type::text,
       .doc = "One line that says what the run is for; it heads the log and the report.",
       .derive = title_from_file,
       .default_text = "name of the deck file without its suffix"},
      {.path = "run.output",
       .type = Type::path,
       .doc = "Folder of the run, relative to the folder where fathom is started.",
       .derive = output_from_file,
       .default_text = "\"output/\" and the name of the deck file without its suffix"},
      {.path = "run.overwrite",
       .type = Type::boolean,
       .doc = "Replace an existing output folder. Otherwise an existing one ends the run with "
              "exit code 73 before anything is computed.",
       .fallback = false},
      {.path = "run.seed",
       .type = Type::integer,
       .doc = "Seed of every random number of the run. Numbers are keyed by global index, so they "
              "depend neither on the number of ranks nor on the block size.",
       .range = {0, {}},
       .fallback = std::int64_t{1},
       .sweepable = true},
      {.path = "run.store_eigenvectors",
       .type = Type::boolean,
       .doc = "Write the eigenvectors to the run file as well: 8 n^2 bytes. Needs "
              "solver.eigenvectors = true.",
       .fallback = false},
  };
}

std::vector<Key> study() {
  return {
      {.path = "study.kind",
       .type = Type::word,
       .doc = "What is done: \"spectrum\" diagonalises one kernel and reports its certified "
              "spectrum; \"random_features\" compares the random-feature kernel on power-law data "
              "with the law that theory predicts.",
       .words = {"spectrum", "random_features"},
       .required = true},
      {.path = "study.data_covariance",
       .type = Type::boolean,
       .doc = "Diagonalise the covariance of the data before the layer too, and report the "
              "exponent that goes in beside the exponent that comes out.",
       .fallback = false,
       .belongs = {{spectrum, features_kernel, empirical}}},
      {.path = "study.lambda_points",
       .type = Type::integer,
       .doc = "Number of ridge values, evenly spaced in the logarithm, at which the effective "
              "dimension is evaluated.",
       .range = {2, 100000},
       .fallback = std::int64_t{60},
       .belongs = {{spectrum}}},
      {.path = "study.fit_range",
       .type = Type::integer_pair,
       .doc = "First and last mode, counted from 1, over which the exponent is fitted. Only "
              "trusted modes within it are used.",
       .range = {1, largest_size},
       .default_text = "unset: chosen by the study and reported"},
      {.path = "study.comparator",
       .type = Type::boolean,
       .doc = "Compute the finite-size chaos comparator beside the asymptotic law.",
       .fallback = true,
       .belongs = {{{"study.kind", {"random_features"}}}}},
      {.path = "study.confidence",
       .type = Type::real,
       .doc = "Coverage of the interval of the fitted exponent.",
       .range = {0, 1, true, true},
       .fallback = 0.95,
       .belongs = {{{"study.kind", {"random_features"}}}}},
  };
}

std::vector<Key> data() {
  return {
      {.path = "data.source",
       .type = Type::word,
       .doc = "Where the data come from: Gaussian with covariance eigenvalues j^-alpha, uniform on "
              "a sphere, points on the unit circle, or a file.",
       .words = {"power_law", "sphere", "circle", "hdf5", "npy"},
       .required = true,
       .belongs = {{kernel_of_data}},
       .narrowed = {{{{"study.kind", {"random_features"}}}, {"power_law"}}},
       .sweepable = true},
      {.path = "data.n",
       .type = Type::integer,
       .doc = "Number of samples. Required for generated data; for a file it caps the number of "
              "rows that are read. A population kernel has no samples.",
       .range = {1, largest_size},
       .unit = "samples",
       .default_text = "required; unset for a file: all of its rows",
       .required = true,
       .belongs = {{features_kernel, empirical}, {mlp_kernel}},
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
              "where fathom is started.",
       .required = true,
       .belongs = {{data_file}},
       .sweepable = true},
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
              "the path of a .npy file. Rows as in the data, one column a target.",
       .default_text = "unset: no targets",
       .belongs = {{data_file}, {kernel_file}},
       .sweepable = true},
  };
}

std::vector<Key> kernel() {
  return {
      {.path = "kernel.type",
       .type = Type::word,
       .doc = "The kernel: a layer of random features, the infinite-width Gaussian process (nngp) "
              "or tangent kernel (ntk) of an MLP, or your own features or Gram matrix.",
       .words = {"random_features", "nngp", "ntk", "features_file", "gram_file"},
       .required = true,
       .narrowed = {{{{"study.kind", {"random_features"}}}, {"random_features"}}},
       .sweepable = true},
      {.path = "kernel.expectation",
       .type = Type::word,
       .doc = "Take the covariance of the features over the population of the data, exactly and "
              "without samples, or over data.n samples.",
       .words = {"population", "empirical"},
       .derive = expectation_from_source,
       .default_text = "\"population\" for power-law data, otherwise \"empirical\"",
       .belongs = {{features_kernel}},
       .narrowed = {{{{"data.source", {"sphere", "circle", "hdf5", "npy"}}}, {"empirical"}}},
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
       .words = {"monomial", "relu", "erf", "tanh", "gelu", "sigmoid", "sin", "softplus", "linear"},
       .required = true,
       .belongs = {{kernel_of_data}},
       .narrowed = {{{mlp_kernel}, {"relu", "erf"}}},
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
       .doc = "Number of Hermite coefficients of an activation without a closed form. What is cut "
              "off joins the error bound of every eigenvalue.",
       .range = {1, 1000},
       .unit = "terms",
       .fallback = std::int64_t{60},
       .belongs = {{features_kernel,
                    population,
                    {"kernel.activation", {"tanh", "gelu", "sigmoid", "sin", "softplus"}}}},
       .sweepable = true},
      {.path = "kernel.side",
       .type = Type::word,
       .doc = "Which matrix is diagonalised: the Gram matrix of the samples, the covariance of the "
              "features, or the smaller of them. Both have the same nonzero spectrum.",
       .words = {"auto", "gram", "covariance"},
       .fallback = "auto",
       .belongs = {{features_kernel, empirical}, {{"kernel.type", {"features_file"}}}},
       .sweepable = true},
      {.path = "kernel.depth",
       .type = Type::integer,
       .doc = "Number of hidden layers of the infinitely wide MLP.",
       .range = {1, 1000},
       .unit = "layers",
       .fallback = std::int64_t{1},
       .belongs = {{mlp_kernel}},
       .sweepable = true},
      {.path = "kernel.weight_variance",
       .type = Type::real,
       .doc = "Variance of the weights of the MLP, times the fan-in.",
       .range = {0, 1e6, true},
       .derive = critical_weight_variance,
       .default_text = "2 for relu, 1 for erf",
       .belongs = {{mlp_kernel}},
       .sweepable = true},
      {.path = "kernel.bias_variance",
       .type = Type::real,
       .doc = "Variance of the biases of the MLP.",
       .range = {0, 1e6},
       .fallback = 0.0,
       .belongs = {{mlp_kernel}},
       .sweepable = true},
      {.path = "kernel.file",
       .type = Type::path,
       .doc = "File of your own features (n x d) or symmetric Gram matrix (n x n), HDF5 or .npy, "
              "float32 or float64, relative to the folder where fathom is started.",
       .required = true,
       .belongs = {{kernel_file}},
       .sweepable = true},
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
       .belongs = {{kernel_of_data}},
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

std::vector<Key> solver_and_verify() {
  return {
      {.path = "solver.backend",
       .type = Type::word,
       .doc = "The eigensolver. \"auto\" chooses by size, rank count and what is asked for, and "
              "the log says why. lapack runs on one rank.",
       .words = {"auto", "elpa2", "elpa1", "scalapack", "slepc", "lapack"},
       .fallback = "auto",
       .sweepable = true},
      {.path = "solver.eigenvalues",
       .type = Type::integer,
       .doc = "All eigenvalues, or the number of largest ones.",
       .words = {"all"},
       .range = {1, largest_size},
       .fallback = "all",
       .sweepable = true},
      {.path = "solver.eigenvectors",
       .type = Type::boolean,
       .doc = "Compute eigenvectors too. Every residual is then checked, and targets can be "
              "projected; it takes about three times as long.",
       .derive = vectors_for_targets,
       .default_text = "true where data.targets is set, otherwise false",
       .sweepable = true},
      {.path = "solver.tail",
       .type = Type::word,
       .doc = "Route to the small eigenvalues. \"gram\" diagonalises the assembled matrix and "
              "trusts eigenvalues down to about 1e-15 of the largest; \"auto\" takes the best "
              "route there is.",
       .words = {"auto", "gram"},
       .fallback = "auto",
       .sweepable = true},
      {.path = "solver.grid",
       .type = Type::integer_pair,
       .doc = "Process grid [nprow, npcol]; their product may not exceed the number of ranks, "
              "ranks beyond it stay idle.",
       .words = {"auto"},
       .range = {1, 1000000},
       .unit = "ranks",
       .fallback = "auto",
       .sweepable = true},
      {.path = "solver.block",
       .type = Type::integer,
       .doc = "Block size of the block-cyclic layout. \"auto\" takes what was measured best for "
              "the solve that is asked for.",
       .words = {"auto"},
       .range = {1, 10000},
       .unit = "rows",
       .fallback = "auto",
       .sweepable = true},
      {.path = "verify.level",
       .type = Type::word,
       .doc = "How much is spent on the certificate: \"standard\" uses random probes and "
              "invariants, \"full\" checks every residual where eigenvectors exist.",
       .words = {"standard", "full"},
       .fallback = "standard"},
      {.path = "verify.probes",
       .type = Type::integer,
       .doc = "Number of random probe vectors kept from before the solve.",
       .range = {1, 1000},
       .unit = "vectors",
       .fallback = std::int64_t{4}},
      {.path = "verify.warn",
       .type = Type::real,
       .doc = "A check warns where its ratio to n x machine epsilon x norm exceeds this.",
       .range = {0, 1e6, true},
       .fallback = 10.0},
      {.path = "verify.fail",
       .type = Type::real,
       .doc = "A check fails, and the run ends with exit code 80, where its ratio exceeds this. "
              "Not below verify.warn.",
       .range = {0, 1e6, true},
       .fallback = 60.0},
  };
}

std::vector<Key> build_table() {
  std::vector<Key> table;
  for (auto part : {top_and_run(), study(), data(), kernel(), solver_and_verify()})
    table.insert(table.end(), part.begin(), part.end());
  return table;
}

const std::vector<Section> sections = {
    {"", "Keys above all sections."},
    {"run", "The run: where its results go and its random numbers."},
    {"study", "What is measured."},
    {"data", "The data that the kernel is evaluated on."},
    {"kernel", "The kernel whose matrix is assembled."},
    {"solver", "How the matrix is diagonalised."},
    {"verify", "The certificate."},
    {"sweep",
     "A grid of runs: any key of [data], [kernel] and [solver], and run.seed, with a list "
     "of its values, such as kernel.degree = [1, 2, 3]. All combinations are run, the "
     "last key fastest."},
};

}  // namespace

std::optional<std::int64_t> Known::integer(std::string_view key) const {
  const DeckValue* value = find(key);
  const auto* number = value ? std::get_if<std::int64_t>(value) : nullptr;
  return number ? std::optional(*number) : std::nullopt;
}

std::optional<std::string> Known::text(std::string_view key) const {
  const DeckValue* value = find(key);
  const auto* word = value ? std::get_if<std::string>(value) : nullptr;
  return word ? std::optional(*word) : std::nullopt;
}

std::span<const Key> all_keys() {
  static const std::vector<Key> table = build_table();
  return table;
}

std::span<const Section> all_sections() {
  return sections;
}

std::optional<std::size_t> find_key(std::string_view path) {
  const auto keys = all_keys();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](auto& k) { return k.path == path; });
  if (found == keys.end()) return std::nullopt;
  return static_cast<std::size_t>(found - keys.begin());
}

std::string_view section_of(std::string_view path) {
  const auto dot = path.find('.');
  return dot == path.npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view leaf_of(std::string_view path) {
  const auto dot = path.find('.');
  return dot == path.npos ? path : path.substr(dot + 1);
}

}  // namespace fathom::deck
