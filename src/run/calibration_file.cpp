#include "base/error.hpp"
#include "run/calibration.hpp"
#include "store/run_folder.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace fathom {
namespace {

constexpr int format = 1;

struct Rate {
  const char* name;
  double MachineModel::*value;
};
constexpr std::array<Rate, 8> rates{{{"dgemm_alone", &MachineModel::dgemm_alone},
                                     {"dgemm", &MachineModel::dgemm},
                                     {"distributed", &MachineModel::distributed},
                                     {"normals", &MachineModel::normals},
                                     {"memory", &MachineModel::memory},
                                     {"exchange", &MachineModel::exchange},
                                     {"write", &MachineModel::write},
                                     {"baseline", &MachineModel::baseline}}};

MachineModel from_json(const nlohmann::json& json) {
  if (json.at("format").get<int>() != format)
    throw Error(ExitCode::input, "format {} is not {}", json.at("format").get<int>(), format);
  MachineModel model;
  model.calibrated = true;
  model.ranks = json.at("ranks").get<int>();
  if (model.ranks < 1) throw Error(ExitCode::input, "{} ranks", model.ranks);
  for (const Rate& rate : rates) {
    const double value = json.at(rate.name).get<double>();
    if (!(value > 0)) throw Error(ExitCode::input, "{} = {} is no rate", rate.name, value);
    model.*rate.value = value;
  }
  constexpr double most_baseline = 0x1p34;  // bytes of an empty program
  if (model.baseline > most_baseline)
    throw Error(ExitCode::input, "baseline = {} bytes of the empty program", model.baseline);
  for (const auto& entry : json.at("solvers")) {
    const SolverTiming timing{.backend = parse_backend(entry.at("backend").get<std::string>()),
                              .vectors = entry.at("vectors").get<bool>(),
                              .ranks = entry.at("ranks").get<int>(),
                              .small_order = entry.at("order").at(0).get<std::int64_t>(),
                              .large_order = entry.at("order").at(1).get<std::int64_t>(),
                              .small_seconds = entry.at("seconds").at(0).get<double>(),
                              .large_seconds = entry.at("seconds").at(1).get<double>()};
    if (!(timing.small_seconds > 0 && timing.large_seconds > 0))
      throw Error(ExitCode::input, "a solver that took {} s and {} s", timing.small_seconds,
                  timing.large_seconds);
    if (timing.ranks < 1 || timing.small_order < 1 || timing.large_order <= timing.small_order)
      throw Error(ExitCode::input, "a solver timed at orders {} and {} on {} ranks",
                  timing.small_order, timing.large_order, timing.ranks);
    model.solvers.push_back(timing);
  }
  return model;
}

void make_folder_of(const std::filesystem::path& file) {
  std::error_code problem;
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  std::filesystem::create_directories(folder, problem);
  if (problem)
    throw Error(ExitCode::io, "{}: cannot be made: {}", folder.string(), problem.message());
  if (std::filesystem::is_directory(file, problem))
    throw Error(ExitCode::io, "{}: is a folder", file.string());
}

}  // namespace

std::filesystem::path calibration_path() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path base = config && *config ? std::filesystem::path(config)
                                     : home            ? std::filesystem::path(home) / ".config"
                                                       : std::filesystem::path(".");
  return base / "fathom" / "calibration.json";
}

void check_calibration_file(const std::filesystem::path& file) {
  make_folder_of(file);
  std::filesystem::path trial = file;
  trial += ".trial";
  // As long as a calibration is: a full disk takes an empty file.
  write_file_atomically(trial, std::string(0x4000, ' '));
  std::error_code ignored;
  std::filesystem::remove(trial, ignored);
}

void save_calibration(const MachineModel& model, const std::filesystem::path& file) {
  nlohmann::ordered_json json{{"format", format}, {"ranks", model.ranks}};
  for (const Rate& rate : rates)
    json[rate.name] = model.*rate.value;
  json["solvers"] = nlohmann::ordered_json::array();
  for (const SolverTiming& t : model.solvers)
    json["solvers"].push_back({{"backend", name(t.backend)},
                               {"vectors", t.vectors},
                               {"ranks", t.ranks},
                               {"order", {t.small_order, t.large_order}},
                               {"seconds", {t.small_seconds, t.large_seconds}}});
  make_folder_of(file);
  write_file_atomically(file, json.dump(2) + "\n");
}

MachineModel load_calibration(const std::optional<std::filesystem::path>& file) {
  const std::filesystem::path path = file ? *file : calibration_path();
  std::ifstream in(path);
  if (!in) {
    if (!file) return {};
    throw Error(ExitCode::input, "{}: no calibration here; `fathom calibrate` makes one",
                path.string());
  }
  std::ostringstream text;
  text << in.rdbuf();
  try {
    MachineModel model = from_json(nlohmann::json::parse(text.str()));
    model.source = "the calibration " + path.string();
    return model;
  } catch (const nlohmann::json::exception& fault) {
    throw Error(ExitCode::input, "{}: is no calibration: {}", path.string(), fault.what());
  } catch (const Error& fault) {
    throw Error(ExitCode::input, "{}: is no calibration: {}", path.string(), fault.what());
  }
}

}  // namespace fathom
