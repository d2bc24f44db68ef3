// Keys that are each possible but do not go together.

#include "deck/resolver.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

struct SizeBound {
  std::int64_t rows = 0;
  std::string why;  ///< the key that says so
};

/// The largest order that the matrix can have, where the deck says it.
std::optional<SizeBound> matrix_size(const Known& deck) {
  const auto bound = [&](std::string_view key) -> std::optional<SizeBound> {
    const auto value = deck.integer(key);
    if (!value) return std::nullopt;
    return SizeBound{*value, fmt::format("{} = {}", key, *value)};
  };
  const auto type = deck.text("kernel.type");
  // The outputs of a network are known here where the data have no file, nor symbols.
  const bool one_output = type == "network" && deck.text("data.source") == "power_law" &&
                          deck.text("study.kind") != "spectral_reach";
  if (type == "nngp" || type == "ntk" || one_output) return bound("data.n");
  if (type != "random_features") return std::nullopt;
  if (deck.text("kernel.expectation") == "population") return bound("kernel.features");
  const auto side = deck.text("kernel.side");
  if (side == "gram" || deck.find("data.targets")) return bound("data.n");
  if (side == "covariance") return bound("kernel.features");
  const auto samples = bound("data.n");
  const auto features = bound("kernel.features");
  if (!samples || !features) return samples ? samples : features;
  return samples->rows < features->rows ? samples : features;
}

void check_eigenvalue_count(Resolver& deck) {
  const auto count = deck.integer("solver.eigenvalues");
  const auto size = matrix_size(deck);
  if (count && size && *count > size->rows)
    deck.complain("solver.eigenvalues",
                  fmt::format("solver.eigenvalues = {} is more than the matrix has: its order is "
                              "at most {}",
                              *count, size->why),
                  {"write \"all\" for all of them"});
  if (deck.text("solver.backend") == "slepc" && deck.text("solver.eigenvalues") == "all")
    deck.complain("solver.backend",
                  "solver.backend = \"slepc\" computes only the largest eigenvalues: it needs "
                  "solver.eigenvalues = k");
}

void check_fit_range(Resolver& deck) {
  const auto* value = deck.find("study.fit_range");
  if (!value) return;
  const auto& range = std::get<std::vector<std::int64_t>>(*value);
  const std::string shown = "study.fit_range = " + to_toml(*value);
  if (range[0] >= range[1]) {
    deck.complain("study.fit_range",
                  shown + " is empty: the first mode must be below the last one");
    return;
  }
  const auto size = matrix_size(deck);
  const auto count = deck.integer("solver.eigenvalues");
  if (size && range[1] > size->rows)
    deck.complain("study.fit_range",
                  shown + " ends past the last mode: the matrix has at most " + size->why);
  else if (count && range[1] > *count)
    deck.complain("study.fit_range",
                  fmt::format("{} ends past the last eigenvalue that is computed: "
                              "solver.eigenvalues = {}",
                              shown, *count));
}

void check_eigenvectors(Resolver& deck) {
  const auto on = [&](std::string_view key) {
    const auto* value = deck.find(key);
    return value ? std::optional(std::get<bool>(*value)) : std::nullopt;
  };
  if (on("solver.eigenvectors") != false) return;
  if (on("run.store_eigenvectors") == true)
    deck.complain("run.store_eigenvectors",
                  "run.store_eigenvectors = true needs solver.eigenvectors = true");
  if (deck.find("data.targets"))
    deck.complain("solver.eigenvectors",
                  "solver.eigenvectors = false, but data.targets are projected on eigenvectors",
                  {"remove one of the two"});
}

void check_side(Resolver& deck) {
  if (deck.find("data.targets") && deck.text("kernel.side") == "covariance")
    deck.complain("kernel.side",
                  "kernel.side = \"covariance\" has one mode a feature, but data.targets have one "
                  "value a sample",
                  {"with targets it must be \"gram\" or \"auto\""});
}

/// Why the deck's kernel has no factor; empty where it has one.
std::string why_no_factor(const Known& deck) {
  const auto type = deck.text("kernel.type"), activation = deck.text("kernel.activation");
  if (type == "nngp" || type == "ntk")
    return fmt::format("kernel.type = \"{}\" has no factor: its entries come from a closed form",
                       *type);
  if (type == "gram_file")
    return "kernel.type = \"gram_file\" has no factor: only the matrix is given";
  if (type == "random_features" && deck.text("kernel.expectation") == "population" && activation &&
      activation != "monomial" && activation != "linear")
    return fmt::format("the population kernel of kernel.activation = \"{}\" has no finite factor",
                       *activation);
  return "";
}

void check_tail(Resolver& deck) {
  const auto tail = deck.text("solver.tail");
  const bool by_factor = tail == "cascade" || tail == "svd";
  const bool extended = deck.text("solver.precision") == "extended";
  const std::string missing = why_no_factor(deck);
  if (by_factor && !missing.empty())
    deck.complain("solver.tail",
                  fmt::format("solver.tail = \"{}\" needs a factor: {}", *tail, missing),
                  {"use \"gram\" or \"auto\"",
                   "solver.precision = \"extended\" goes deeper for erf and monomial kernels"});
  if (by_factor && extended)
    deck.complain(
        "solver.precision",
        fmt::format("solver.precision = \"extended\" diagonalises the matrix itself; it does not "
                    "go with solver.tail = \"{}\"",
                    *tail),
        {"remove one of the two"});
  if (extended && tail == "gram" && deck.is_given("solver.tail"))
    deck.complain("solver.precision",
                  "solver.precision = \"extended\" goes below the floor at which solver.tail = "
                  "\"gram\" stops",
                  {"remove one of the two"});
  if (by_factor && deck.text("solver.backend") == "slepc")
    deck.complain(
        "solver.tail",
        fmt::format(
            "solver.tail = \"{}\" computes all eigenvalues; solver.backend = \"slepc\" only "
            "the largest",
            *tail));
  const auto activation = deck.text("kernel.activation");
  if (extended && activation && activation != "erf" && activation != "monomial" &&
      activation != "linear")
    deck.complain(
        "solver.precision",
        fmt::format(
            "solver.precision = \"extended\" is for kernels whose spectra fall faster than any "
            "power law; that of kernel.activation = \"{}\" does not",
            *activation),
        {"extended kernels: erf (nngp, ntk), monomial and linear (population)"});
  if (extended && deck.text("kernel.type") == "random_features" && activation == "erf")
    deck.complain("solver.precision",
                  "solver.precision = \"extended\" knows population kernels of monomial and linear "
                  "activations, and erf for nngp and ntk");
  if (extended && deck.integer("solver.eigenvalues"))
    deck.complain("solver.precision", "solver.precision = \"extended\" computes all eigenvalues",
                  {"remove solver.eigenvalues"});
  if (extended && deck.text("solver.backend") == "slepc")
    deck.complain(
        "solver.precision",
        "solver.precision = \"extended\" needs a dense solver, solver.backend is \"slepc\"");
}

/// Products without a matrix need features.
void check_matrix_free(Resolver& deck) {
  if (deck.text("solver.matrix") == "matrix_free" && deck.text("solver.tail") == "gram")
    deck.complain("solver.tail",
                  "solver.tail = \"gram\" needs the matrix that solver.matrix = \"matrix_free\" "
                  "never makes",
                  {"remove one of the two"});
  const std::string missing = why_no_factor(deck);
  if (missing.empty()) return;
  if (deck.text("solver.matrix") == "matrix_free")
    deck.complain("solver.matrix", "solver.matrix = \"matrix_free\" needs a factor: " + missing);
  const auto matrix = deck.text("study.matrix");
  if (matrix == "matrix_free" || matrix == "factor")
    deck.complain("study.matrix",
                  fmt::format("study.matrix = \"{}\" needs a factor: {}", *matrix, missing),
                  {"use \"gram\" or \"auto\""});
}

void check_layout(Resolver& deck) {
  if (deck.text("solver.backend") == "lapack" && deck.find("solver.grid") &&
      deck.text("solver.grid") != "auto")
    deck.complain("solver.grid",
                  "solver.grid = " + to_toml(*deck.find("solver.grid")) +
                      " has no meaning for solver.backend = \"lapack\", which runs on one rank",
                  {"remove it, or choose a distributed backend"});
}

bool is_npy(const std::string& path) {
  return path.ends_with(".npy");
}

void check_files(Resolver& deck) {
  const auto file = deck.text("kernel.file");
  if (file && is_npy(*file) && deck.find("kernel.dataset"))
    deck.complain("kernel.dataset", "kernel.dataset has no meaning for a .npy file",
                  {fmt::format("kernel.file = {}", toml_string(printable(*file)))});
  if (file && !is_npy(*file) && !deck.is_given("kernel.dataset"))
    deck.complain("kernel.dataset",
                  "kernel.dataset is missing: the path of a dataset within the HDF5 file",
                  {fmt::format("required because kernel.file = {} does not end in .npy",
                               toml_string(printable(*file)))});
  const auto targets = deck.text("data.targets");
  const bool from_npy = deck.text("data.source") == "npy" || (file && is_npy(*file));
  if (targets && from_npy && !is_npy(*targets))
    deck.complain(
        "data.targets",
        "data.targets must be the path of a .npy file, not " + toml_string(printable(*targets)),
        {"a dataset can be named only where the data come from HDF5"});
}

void check_limits(Resolver& deck) {
  const auto* warn = deck.find("verify.warn");
  const auto* fail = deck.find("verify.fail");
  if (!warn || !fail || std::get<double>(*warn) <= std::get<double>(*fail)) return;
  const auto key = deck.is_given("verify.warn") ? "verify.warn" : "verify.fail";
  deck.complain(key, fmt::format("verify.warn = {} is above verify.fail = {}", to_toml(*warn),
                                 to_toml(*fail)));
}

/// A default that is made from another key can lie beyond its own largest value.
void check_default_from(Resolver& deck, std::string_view key, std::string_view from,
                        std::string_view rule, std::string hint) {
  const auto value = deck.integer(key), source = deck.integer(from);
  const auto limit = all_keys()[*find_key(key)].range.max;
  if (value && source && static_cast<double>(*value) > *limit)
    deck.complain(from,
                  fmt::format("{} = {} makes {} = {} = {}, above its largest value {:.0f}", from,
                              *source, key, rule, *value, *limit),
                  {std::move(hint)});
}

/// Symbols of the process that makes the sequences, where the deck says it.
std::optional<std::int64_t> symbols_of(const Known& deck) {
  const auto process = deck.text("data.process");
  if (process == "mess3") return 3;
  if (process == "rrxor" || process == "z1r") return 2;
  const auto* transitions = deck.find("data.transitions");
  return transitions ? std::optional(std::get<RealTensor>(*transitions).extent[0]) : std::nullopt;
}

/// The largest entry of a list; none where the key holds a word or nothing.
std::optional<std::int64_t> largest_of(const Known& deck, std::string_view key) {
  const auto* value = deck.find(key);
  const auto* list = value ? std::get_if<std::vector<std::int64_t>>(value) : nullptr;
  return list ? std::optional(*std::max_element(list->begin(), list->end())) : std::nullopt;
}

/// Positions and classes that a snapshot is taken over.
void check_outputs(Resolver& deck) {
  const auto position = largest_of(deck, "study.positions"), context = deck.integer("data.context");
  if (position && context && *position > *context)
    deck.complain("study.positions",
                  fmt::format("study.positions = {} goes beyond the last position, data.context = "
                              "{}",
                              to_toml(*deck.find("study.positions")), *context));
  const auto output = largest_of(deck, "study.classes"), symbols = symbols_of(deck);
  if (output && symbols && *output >= *symbols) {
    const auto* process = deck.find("data.process");  // none where it is at fault itself
    deck.complain("study.classes",
                  fmt::format("study.classes = {} has more than the symbols of {}: 0 to {}",
                              to_toml(*deck.find("study.classes")),
                              process ? "data.process = " + to_toml(*process) : "data.transitions",
                              *symbols - 1));
  }
  const auto frozen = deck.integer("study.frozen");
  if (output && frozen.value_or(0) > 0 && deck.is_given("study.frozen"))
    deck.complain("study.frozen",
                  fmt::format("study.frozen = {} continues the training of all outputs, and "
                              "study.classes = {} is a list, whatever it holds",
                              *frozen, to_toml(*deck.find("study.classes"))),
                  {"study.frozen needs all classes: leave study.classes out"});
}

void check_training(Resolver& deck) {
  if (deck.text("study.kind") != "spectral_reach") return;
  const auto n = deck.integer("data.n");
  for (const std::string_view key : {"study.samples", "training.batch"}) {
    const auto value = deck.integer(key);
    if (value && n && *value > *n)
      deck.complain(key, fmt::format("{} = {} is more than data.n = {}", key, *value, *n));
  }
  const auto steps = deck.integer("training.steps"), warmup = deck.integer("training.warmup");
  if (steps && warmup && *warmup >= *steps)
    deck.complain("training.warmup", fmt::format("training.warmup = {} leaves no step of "
                                                 "training.steps = {} at the full rate",
                                                 *warmup, *steps));
  if (deck.text("data.source") == "hidden_markov" && deck.text("training.batch") == "full")
    deck.complain("training.batch", "training.batch = \"full\", but sequences are made without end",
                  {"give the number of sequences a step"});
  const auto frozen = deck.integer("study.frozen"), samples = deck.integer("study.samples");
  if (frozen.value_or(0) > 0 && deck.is_given("study.frozen") &&
      (deck.text("training.batch") != "full" || (n && samples && *samples != *n)))
    deck.complain(
        "study.frozen",
        fmt::format("study.frozen = {} continues a training on the kernel's samples alone",
                    *frozen),
        {"it needs training.batch = \"full\" and study.samples = data.n"});
  const auto source = deck.text("data.source");
  if ((source == "hdf5" || source == "npy") && !deck.find("data.targets"))
    deck.complain("data.targets", "data.targets is missing: what the model is trained to give",
                  {fmt::format("required because study.kind = \"spectral_reach\" and data.source = "
                               "\"{}\"",
                               *source)});
}

}  // namespace

void check_together(Resolver& deck) {
  check_eigenvalue_count(deck);
  check_fit_range(deck);
  check_eigenvectors(deck);
  check_side(deck);
  check_tail(deck);
  check_matrix_free(deck);
  check_layout(deck);
  check_files(deck);
  check_limits(deck);
  check_default_from(deck, "data.dim", "kernel.features", "4 x kernel.features",
                     "set data.dim, or fewer features");
  check_default_from(deck, "kernel.head_size", "kernel.width", "kernel.width / kernel.heads",
                     "set kernel.head_size, or more kernel.heads");
  check_default_from(deck, "kernel.mlp_width", "kernel.width", "4 x kernel.width",
                     "set kernel.mlp_width, or a smaller width");
  check_training(deck);
  check_outputs(deck);
}

}  // namespace fathom::deck
