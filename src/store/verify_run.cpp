#include "store/verify_run.hpp"

#include "bindings/hdf5.hpp"
#include "store/posix_file.hpp"
#include "store/seal.hpp"

#include <algorithm>
#include <limits>
#include <sstream>
#include <system_error>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr const char* manifest = "/provenance/hashes";

fs::path find_run_file(const fs::path& path) {
  std::error_code problem;
  if (!fs::exists(path, problem)) throw Error(ExitCode::input, "{}: does not exist", path.string());
  if (!fs::is_directory(path, problem)) return path;
  if (!fs::exists(path / "run.h5", problem))
    throw Error(ExitCode::input, "{}: holds no run.h5: {}", path.string(),
                fs::exists(path / "status.json", problem)
                    ? "its run did not finish (status.json says why)"
                    : "it is no folder of a run");
  return path / "run.h5";
}

/// What is to be read back of a dataset, from its shape and its manifest entry.
WrittenDataset expected(const hdf5::Object& file, const std::string& path,
                        const std::string& hashes) {
  const hdf5::DatasetInfo info = hdf5::describe(hdf5::open_dataset(file, path));
  WrittenDataset written{path, std::nullopt, info.shape, {}};
  if (info.element == hdf5::ElementClass::floating) written.type = hdf5::Type::float64;
  if (info.element == hdf5::ElementClass::integer)
    written.type = info.item_bytes == 1 ? hdf5::Type::int8 : hdf5::Type::int64;
  std::istringstream words(hashes);
  for (std::string word; words >> word;)
    written.parts.push_back({0, std::stoull(word, nullptr, 16)});
  if (written.parts.size() == 1) written.parts[0].rows = info.shape.at(0);
  return written;
}

void check_manifest(const hdf5::Object& file, VerifyReport& report) {
  std::vector<std::string> there =
      hdf5::list_datasets(file, std::numeric_limits<std::size_t>::max());
  const std::vector<std::string> paths =
      hdf5::read_text(hdf5::open_dataset(file, std::string(manifest) + "/path"));
  const std::vector<std::string> hashes =
      hdf5::read_text(hdf5::open_dataset(file, std::string(manifest) + "/hash"));
  std::erase_if(
      there, [](const std::string& path) { return path.starts_with(std::string(manifest) + "/"); });
  std::ranges::sort(there);
  if (paths.size() != hashes.size())
    report.damage.push_back(fmt::format("{} names {} datasets and has {} hashes", manifest,
                                        paths.size(), hashes.size()));
  for (std::size_t i = 0; i < std::min(paths.size(), hashes.size()); ++i) {
    const auto found = std::ranges::lower_bound(there, paths[i]);
    if (found == there.end() || *found != paths[i]) {
      report.damage.push_back(paths[i] + " is in the manifest and not in the file");
      continue;
    }
    there.erase(found);
    const WrittenDataset written = expected(file, paths[i], hashes[i]);
    // A matrix of several panels was compared with the seal, which has the same hashes.
    if (written.parts.size() == 1 && !reads_back(file, written))
      report.damage.push_back(paths[i] + " differs from its hash in the manifest");
    ++report.datasets;
  }
  for (const std::string& path : there)
    report.damage.push_back(path + " is in the file and not in the manifest");
}

void check_contents(const fs::path& path, VerifyReport& report) {
  const hdf5::Object file = hdf5::open_file(report.file);
  std::int64_t complete = 0;
  const hdf5::Object root = hdf5::open_group(file, "/");
  if (hdf5::has_attribute(root, "complete"))
    hdf5::read_attribute(root, "complete", hdf5::Type::int64, 1, &complete);
  if (complete != 1) report.damage.emplace_back("the file is not marked complete");
  check_manifest(file, report);
  std::error_code problem;
  if (!fs::is_directory(path, problem)) return;
  const fs::path deck_path = path / "deck.toml";
  if (!fs::exists(deck_path, problem)) {
    report.damage.push_back(deck_path.string() + " is missing");
    return;
  }
  const hdf5::Object provenance = hdf5::open_group(file, "/provenance");
  if (!hdf5::has_attribute(provenance, "deck")) return;
  const PosixFile deck = PosixFile::open(deck_path, PosixFile::Mode::read);
  if (deck.read_start(deck.size()) != hdf5::read_text_attribute(provenance, "deck"))
    report.damage.push_back(deck_path.string() + " is not the deck that run.h5 was made from");
}

}  // namespace

VerifyReport verify_run(const fs::path& path) {
  VerifyReport report;
  report.file = find_run_file(path);
  const SealReport seal = check_seal(report.file);
  report.bytes = seal.bytes;
  report.damage = seal.faults;
  if (!report.damage.empty()) return report;
  try {
    check_contents(path, report);
  } catch (const hdf5::Failure& failure) {
    report.damage.push_back(fmt::format("the file cannot be read: {}", failure.what()));
  }
  return report;
}

RunSummary read_summary(const fs::path& path) {
  try {
    const hdf5::Object file = hdf5::open_file(path);
    const hdf5::Object root = hdf5::open_group(file, "/");
    std::int64_t exit_code = 0;
    hdf5::read_attribute(root, "exit_code", hdf5::Type::int64, 1, &exit_code);
    return {.exit_code = static_cast<int>(exit_code),
            .certificate = hdf5::read_text_attribute(root, "certificate"),
            .verdict = hdf5::read_text_attribute(root, "verdict"),
            .resolved_deck =
                hdf5::read_text_attribute(hdf5::open_group(file, "/provenance"), "resolved_deck")};
  } catch (const hdf5::Failure& failure) {
    throw Error(ExitCode::input, "{}: cannot be read: {}", path.string(), failure.what());
  }
}

}  // namespace fathom
