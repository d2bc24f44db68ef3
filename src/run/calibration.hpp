#pragma once

// The rates of this machine: measured once, kept in a small file, used by every plan.

#include "comm/communicator.hpp"
#include "studies/machine_model.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace fathom {

struct CalibrationOptions {
  std::int64_t small_order = 2000, large_order = 5000;  ///< of the solves
  std::filesystem::path folder = ".";                   ///< whose file system is written to
  std::int64_t write_bytes = std::int64_t{256} << 20;
  std::function<void(const std::string&)> say = {};  ///< a line a reading, on every rank
};

/// dgemm on one rank and on all at once, distributed products, random numbers, memory, exchange,
/// writing, and the solvers on one rank and on all at two orders. Takes about a minute. Error(io)
/// where the folder cannot be written. Collective.
MachineModel calibrate(const Communicator& comm, const CalibrationOptions& options);

/// $XDG_CONFIG_HOME/fathom/calibration.json, by default below ~/.config. Local.
std::filesystem::path calibration_path();

/// Makes the file's folder and tries to write there, before minutes are spent on readings that
/// could not be kept. Error(io). Local.
void check_calibration_file(const std::filesystem::path& file);
/// JSON, written to a temporary name and renamed. Error(io). Local.
void save_calibration(const MachineModel& model, const std::filesystem::path& file);
/// The named file: Error(input) where it is not there or is none. Without a name the usual one,
/// or the default rates where it is not there. Local.
MachineModel load_calibration(const std::optional<std::filesystem::path>& file);

}  // namespace fathom
