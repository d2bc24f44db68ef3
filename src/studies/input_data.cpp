#include "studies/input_data.hpp"

#include "dist/operations.hpp"
#include "store/matrix_file.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace fathom {
namespace {

/// Every rank holds whole rows, so that scaling them is local.
ProcessGrid row_grid(const Communicator& comm) {
  return {comm, GridShape{comm.size(), 1}};
}

constexpr std::int64_t row_block = 32;

std::int64_t rows_wanted(const Deck& deck, const MatrixFile& file) {
  if (!deck.has("data.n")) return file.rows();
  const std::int64_t n = deck.integer("data.n");
  if (n > file.rows())
    throw Error(ExitCode::input, "{}: data.n = {} samples were asked for, the file has {} rows",
                file.what(), n, file.rows());
  return n;
}

/// Each row to length one; a zero row stays as it is.
void scale_rows_to_unit(DistMatrix& x) {
  const MatrixView<double> local = x.local();
  for (std::int64_t i = 0; i < local.rows; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < local.cols; ++k)
      sum += local(i, k) * local(i, k);
    if (sum == 0) continue;
    const double factor = 1 / std::sqrt(sum);
    for (std::int64_t k = 0; k < local.cols; ++k)
      local(i, k) *= factor;
  }
}

/// Each coordinate to mean zero and variance one; a constant coordinate to zero.
void standardise_columns(const Communicator& comm, DistMatrix& x) {
  const MatrixView<double> local = x.local();
  const auto cols = static_cast<std::size_t>(x.cols());
  std::vector<double> mean(cols), variance(cols);
  const auto n = static_cast<double>(x.rows());
  for (std::int64_t k = 0; k < local.cols; ++k)
    for (std::int64_t i = 0; i < local.rows; ++i)
      mean[static_cast<std::size_t>(k)] += local(i, k) / n;
  comm.sum(mean);
  for (std::int64_t k = 0; k < local.cols; ++k)
    for (std::int64_t i = 0; i < local.rows; ++i) {
      const double centred = local(i, k) - mean[static_cast<std::size_t>(k)];
      variance[static_cast<std::size_t>(k)] += centred * centred / n;
    }
  comm.sum(variance);
  for (std::int64_t k = 0; k < local.cols; ++k) {
    const double deviation = std::sqrt(variance[static_cast<std::size_t>(k)]);
    const double factor = deviation > 0 ? 1 / deviation : 0;
    for (std::int64_t i = 0; i < local.rows; ++i)
      local(i, k) = factor * (local(i, k) - mean[static_cast<std::size_t>(k)]);
  }
}

void require_finite(const DistMatrix& x, const std::string& what) {
  const NonFinite bad = count_nonfinite(x);
  if (bad.count > 0)
    throw Error(ExitCode::numeric,
                "{}: {} entries are NaN or infinite, one of them at row {}, column {} (from 0)",
                what, bad.count, bad.row, bad.col);
}

InputData held_rows(const Communicator& comm, const MatrixFile& file, std::int64_t n,
                    const std::string& scale) {
  auto matrix = std::make_shared<DistMatrix>(
      file.read(row_grid(comm), row_block, std::max<std::int64_t>(1, file.cols()), n));
  require_finite(*matrix, file.what());
  if (scale == "unit") scale_rows_to_unit(*matrix);
  if (scale == "standard") standardise_columns(comm, *matrix);
  std::string description = fmt::format("{} ({} x {})", file.what(), n, file.cols());
  if (scale != "none")
    description += scale == "unit" ? ", rows of length one" : ", coordinates standardised";
  std::shared_ptr<const DataRows> rows = given_rows(*matrix, file.input_epsilon(), description);
  return {matrix, rows, file.what()};
}

bool from_file(const Deck& deck) {
  return deck.text("data.source") == "hdf5" || deck.text("data.source") == "npy";
}

}  // namespace

std::string path_from_deck(const Deck& deck, const std::string& path) {
  const std::filesystem::path given(path);
  return given.is_absolute()
             ? path
             : (std::filesystem::path(deck.source().path).parent_path() / given).string();
}

InputData read_data(const Communicator& comm, const Deck& deck) {
  const std::string& source = deck.text("data.source");
  const auto seed = static_cast<std::uint64_t>(deck.integer("run.seed"));
  if (from_file(deck)) {
    const std::string dataset = deck.has("data.dataset") ? deck.text("data.dataset") : "";
    const MatrixFile file =
        MatrixFile::open(comm, path_from_deck(deck, deck.text("data.file")), dataset);
    return held_rows(comm, file, rows_wanted(deck, file),
                     deck.has("data.scale") ? deck.text("data.scale") : "none");
  }
  const std::int64_t n = deck.integer("data.n");
  if (source == "power_law")
    return {nullptr, power_law_rows(n, deck.integer("data.dim"), deck.real("data.alpha"), seed),
            source};
  if (source == "sphere") return {nullptr, sphere_rows(n, deck.integer("data.dim"), seed), source};
  const CircleSpacing spacing =
      deck.text("data.spacing") == "equispaced" ? CircleSpacing::equispaced : CircleSpacing::random;
  return {nullptr, circle_rows(n, spacing, seed), source};
}

InputData read_features(const Communicator& comm, const Deck& deck) {
  const std::string dataset = deck.has("kernel.dataset") ? deck.text("kernel.dataset") : "";
  const MatrixFile file =
      MatrixFile::open(comm, path_from_deck(deck, deck.text("kernel.file")), dataset);
  return held_rows(comm, file, file.rows(), "none");
}

std::optional<Targets> read_targets(const Communicator& comm, const Deck& deck, std::int64_t n) {
  if (!deck.has("data.targets")) return std::nullopt;
  const std::string& name = deck.text("data.targets");
  // A .npy path stands for itself; any other name is a dataset beside the data or the kernel's
  // matrix.
  const bool npy = name.ends_with(".npy");
  const std::string holder =
      npy ? name : deck.text(deck.has("data.file") ? "data.file" : "kernel.file");
  const MatrixFile file = MatrixFile::open(comm, path_from_deck(deck, holder), npy ? "" : name);
  const bool capped = deck.has("data.n");
  if (file.rows() < n || (!capped && file.rows() != n))
    throw Error(ExitCode::input, "{}: {} rows of targets for {} samples", file.what(), file.rows(),
                n);
  Targets targets{n, file.cols(), file.read_replicated(comm, n)};
  if (!std::all_of(targets.value.begin(), targets.value.end(),
                   [](double y) { return std::isfinite(y); }))
    throw Error(ExitCode::numeric, "{}: a target is NaN or infinite", file.what());
  return targets;
}

}  // namespace fathom
