#pragma once

// `fathom plan`: no MPI, nothing made.

#include "base/error.hpp"
#include "studies/plan_time.hpp"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

struct PlanArguments {
  std::string deck_path{};
  std::vector<std::string> overrides{};  ///< as given to --set
  int ranks = 0;                         ///< 0: the best of those that fit
  int nodes = 0, cores = 0;              ///< 0: this machine's
  std::uint64_t memory = 0;              ///< bytes of a node; 0: this machine's
  std::string calibration{};             ///< a file; empty: the usual one
  std::string from{};                    ///< a past run's folder or run.h5; empty: none
  bool sbatch = false;
};

/// Prints the plan, or with sbatch the job script alone. Error(deck), Error(input), and
/// Error(no_fit) after the plan is printed where it does not fit. Local.
void plan_deck(const PlanArguments& arguments, std::ostream& out);

/// Phases of a past run against its own plan: the factor by which each was slower. Of
/// phases beyond a twentieth of a second; one factor for all others.
class PastRates {
 public:
  /// Error(input) where there is no complete run.
  static PastRates read(const std::filesystem::path& run);
  void apply(std::vector<PlannedPhase>& phases) const;
  const std::string& source() const { return source_; }

 private:
  struct Factor {
    std::string phase;
    double slower = 1;
  };
  std::vector<Factor> factors_;
  double all_ = 1;
  std::string source_;
};

}  // namespace fathom
