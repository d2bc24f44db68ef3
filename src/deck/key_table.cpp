#include "deck/key_table.hpp"

#include "deck/key_table_problem.hpp"
#include "deck/key_table_run.hpp"

#include <algorithm>
#include <unordered_map>

namespace fathom::deck {

namespace {

const Requirement spectrum{"study.kind", {"spectrum"}};
const Requirement features_kernel{"kernel.type", {"random_features"}};
const Requirement empirical{"kernel.expectation", {"empirical"}};
const Requirement population{"kernel.expectation", {"population"}};
const Requirement mlp_kernel{"kernel.type", {"nngp", "ntk"}};
const Requirement density{"study.kind", {"density"}};
const Requirement diagonalised{"study.kind", {"spectrum", "random_features"}};
const Requirement solved{"study.kind", {"spectrum", "random_features", "spectral_reach"}};
const Requirement reach{"study.kind", {"spectral_reach"}};
const Requirement trained{"kernel.type", {"network"}};

std::optional<DeckValue> samples_from_data(const Known& known) {
  if (known.text("data.source") == "hidden_markov") return std::int64_t{200};
  const auto n = known.integer("data.n");
  return n ? std::optional<DeckValue>(std::min<std::int64_t>(*n, 500)) : std::int64_t{500};
}

std::optional<DeckValue> frozen_of_full_batches(const Known& known) {
  const auto n = known.integer("data.n");
  const auto* classes = known.find("study.classes");
  const bool listed = classes && !std::holds_alternative<std::string>(*classes);
  const bool whole =
      known.text("training.batch") == "full" && n && known.integer("study.samples") == n && !listed;
  return std::int64_t{whole ? 2 : 0};
}

std::optional<DeckValue> vectors_for_targets(const Known& known) {
  return known.find("data.targets") != nullptr;
}

std::optional<DeckValue> tail_of_study(const Known& known) {
  const bool snapshots =
      known.text("study.kind") == "spectral_reach" && known.text("kernel.type") == "network";
  return std::string(snapshots ? "gram" : "auto");
}

std::vector<Key> study() {
  return {
      {.path = "study.kind",
       .type = Type::word,
       .doc = "What is done: \"spectrum\" diagonalises one kernel and reports its certified "
              "spectrum; \"random_features\" compares the random-feature kernel on power-law data "
              "with the law that theory predicts; \"density\" estimates counts, trace and "
              "effective dimension with error bars, without diagonalising, at any size; "
              "\"spectral_reach\" trains a model and follows which eigenvalues of its tangent "
              "kernel drive the loss down.",
       .words = {"spectrum", "random_features", "density", "spectral_reach"},
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
       .belongs = {{spectrum}, {density}}},
      {.path = "study.fit_range",
       .type = Type::integer_pair,
       .doc = "First and last mode, counted from 1, over which the exponent is fitted. Only "
              "trusted modes within it are used.",
       .range = {1, largest_size},
       .default_text = "unset: chosen by the study and reported"},
      {.path = "study.probes",
       .type = Type::integer,
       .doc = "Number of independent random vectors; standard errors come from their spread.",
       .range = {2, 10000},
       .unit = "vectors",
       .fallback = std::int64_t{8},
       .belongs = {{density}}},
      {.path = "study.steps",
       .type = Type::integer,
       .doc = "Lanczos steps of each probe: products with the matrix, all probes together.",
       .range = {2, 100000},
       .unit = "steps",
       .fallback = std::int64_t{40},
       .belongs = {{density}}},
      {.path = "study.thresholds",
       .type = Type::integer,
       .doc = "Number of thresholds, evenly spaced in the logarithm, above which eigenvalues are "
              "counted.",
       .range = {2, 100000},
       .fallback = std::int64_t{40},
       .belongs = {{density}}},
      {.path = "study.matrix",
       .type = Type::word,
       .doc = "What is multiplied with: the assembled matrix (\"gram\"), features held in memory "
              "(\"factor\"), or features made again for every product (\"matrix_free\"). \"auto\" "
              "takes the cheapest that fits into memory, by counted work, and the log says why.",
       .words = {"auto", "gram", "factor", "matrix_free"},
       .fallback = "auto",
       .belongs = {{density}}},
      {.path = "study.samples",
       .type = Type::integer,
       .doc = "Number of samples that the tangent kernel and the loss of a snapshot are taken on: "
              "the first ones of the data. The kernel's order is this times the outputs of a "
              "sample.",
       .range = {1, largest_size},
       .unit = "samples",
       .derive = samples_from_data,
       .default_text = "data.n, at most 500; 200 for sequences",
       .belongs = {{reach, trained}},
       .sweepable = true},
      {.path = "study.share",
       .type = Type::real,
       .doc =
           "Reach is the depth below which this share of the current decrease of the loss comes.",
       .range = {0, 1, true, true},
       .fallback = 0.1,
       .belongs = {{reach}}},
      {.path = "study.snapshots",
       .type = Type::integer,
       .doc = "Snapshots a decade of training steps at which the kernel is diagonalised, the first "
              "and the last step besides.",
       .range = {1, 100},
       .fallback = std::int64_t{3},
       .belongs = {{reach}}},
      {.path = "study.frozen",
       .type = Type::integer,
       .doc =
           "Number of steps, evenly spaced in the logarithm, from which the run is continued with "
           "its kernel frozen, to the end of training: gradient flow in function space. It needs "
           "training on the kernel's samples and outputs alone, all of them in every step.",
       .range = {0, 100},
       .derive = frozen_of_full_batches,
       .default_text =
           "2 where training.batch = \"full\", study.samples = data.n and study.classes "
           "is no list, otherwise 0",
       .belongs = {{reach, trained}}},
      {.path = "study.lanczos_steps",
       .type = Type::integer,
       .doc = "Products with the kernel from the gradient on, without forming it, that every "
              "snapshot is checked by. 0: none.",
       .range = {0, 10000},
       .fallback = std::int64_t{20},
       .belongs = {{reach, trained}}},
      {.path = "study.probes_of_trace",
       .type = Type::integer,
       .doc = "Random signs for the trace of the kernel by gradients alone; 0: every gradient, "
              "exactly.",
       .range = {0, 100000},
       .fallback = std::int64_t{0},
       .belongs = {{reach, trained}}},
      {.path = "study.comparator",
       .type = Type::boolean,
       .doc = "Compute the finite-size chaos comparator beside the asymptotic law (monomial and "
              "linear "
              "features).",
       .fallback = true,
       .belongs = {{{"study.kind", {"random_features"}}}}},
      {.path = "study.confidence",
       .type = Type::real,
       .doc = "Coverage of the stated intervals.",
       .range = {0, 1, true, true},
       .fallback = 0.95,
       .belongs = {{{"study.kind", {"random_features", "density", "spectral_reach"}}}}},
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
       .belongs = {{solved}},
       .sweepable = true},
      {.path = "solver.eigenvalues",
       .type = Type::integer,
       .doc = "All eigenvalues, or the number of largest ones.",
       .words = {"all"},
       .range = {1, largest_size},
       .fallback = "all",
       .belongs = {{diagonalised}},
       .sweepable = true},
      {.path = "solver.eigenvectors",
       .type = Type::boolean,
       .doc = "Compute eigenvectors too. Every residual is then checked, and targets can be "
              "projected; it takes about three times as long.",
       .derive = vectors_for_targets,
       .default_text = "true where data.targets is set, otherwise false",
       .belongs = {{diagonalised}},
       .sweepable = true},
      {.path = "solver.tail",
       .type = Type::word,
       .doc =
           "Route to the small eigenvalues. \"gram\" diagonalises the assembled matrix and "
           "trusts eigenvalues down to about 1e-14 of the largest. Where the kernel has a "
           "factor F, K = F^T F, \"cascade\" (repeated deflation) and \"svd\" (singular values) "
           "go down to about 1e-28. \"auto\" is gram first, then, where trusted modes are "
           "missing and a factor exists, the cascade (svd for small matrices that are not graded). "
           "Snapshots of a training are many and go deeper only where this is set.",
       .words = {"auto", "gram", "cascade", "svd"},
       .derive = tail_of_study,
       .default_text = "\"gram\" for the snapshots of a training, otherwise (random features in "
                       "spectral_reach too) \"auto\"",
       .belongs = {{solved}},
       .sweepable = true},
      {.path = "solver.precision",
       .type = Type::word,
       .doc = "\"extended\" evaluates the kernel in double-double and diagonalises it as a sum of "
              "two doubles: eigenvalues down to about 1e-28 of the largest for closed-form kernels "
              "without a factor, at the price of some hundred matrix products.",
       .words = {"double", "extended"},
       .fallback = "double",
       .belongs = {{diagonalised, mlp_kernel}, {diagonalised, features_kernel, population}},
       .sweepable = true},
      {.path = "solver.matrix",
       .type = Type::word,
       .doc = "Hold the matrix in memory, or (\"matrix_free\") make its features again for every "
              "product: for the largest eigenvalues by slepc at sizes that do not fit.",
       .words = {"held", "matrix_free"},
       .fallback = "held",
       .belongs = {{{"solver.backend", {"slepc"}}}},
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
       .doc = "How much is spent on the certificate: \"full\" makes the Krylov space that the "
              "eigenvalues are held against twice as large.",
       .words = {"standard", "full"},
       .fallback = "standard",
       .belongs = {{solved}}},
      {.path = "verify.probes",
       .type = Type::integer,
       .doc = "Number of random vectors that the Krylov space of the certificate starts from.",
       .range = {1, 1000},
       .unit = "vectors",
       .fallback = std::int64_t{4},
       .belongs = {{solved}}},
      {.path = "verify.warn",
       .type = Type::real,
       .doc = "A check warns where its ratio to n x machine epsilon x norm exceeds this.",
       .range = {0, 1e6, true},
       .fallback = 10.0,
       .belongs = {{solved}}},
      {.path = "verify.fail",
       .type = Type::real,
       .doc = "A check fails, and the run ends with exit code 80, where its ratio exceeds this. "
              "Not below verify.warn.",
       .range = {0, 1e6, true},
       .fallback = 60.0,
       .belongs = {{solved}}},
  };
}

std::vector<Key> build_table() {
  std::vector<Key> table;
  for (auto part :
       {run_keys(), study(), study_of_network_keys(), data_keys(), data_of_training_keys(),
        kernel_keys(), network_keys(), training_keys(), solver_and_verify()})
    table.insert(table.end(), part.begin(), part.end());
  return table;
}

const std::vector<Section> sections = {
    {"", "Keys above all sections."},
    {"run", "The run: where its results go, its random numbers, how long it may last."},
    {"study", "What is measured."},
    {"data", "The data that the kernel is evaluated on."},
    {"kernel", "The kernel whose matrix is assembled."},
    {"training", "How the network is trained."},
    {"solver", "How the matrix is diagonalised."},
    {"verify", "The certificate."},
    {"sweep",
     "A grid of runs: any key that can be swept, of [study], [data], [kernel], [training] and "
     "[solver], and run.seed, with a list of its values, such as kernel.degree = [1, 2, 3]. All "
     "combinations are run, the "
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
  // A sweep of thousands of points asks some thousand times a point.
  static const std::unordered_map<std::string_view, std::size_t> position = [] {
    std::unordered_map<std::string_view, std::size_t> map;
    for (std::size_t i = 0; i < all_keys().size(); ++i)
      map.emplace(all_keys()[i].path, i);
    return map;
  }();
  const auto found = position.find(path);
  return found == position.end() ? std::nullopt : std::optional(found->second);
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
