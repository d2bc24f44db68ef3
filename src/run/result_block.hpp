#pragma once

// The end of the log: what came out, how long it took, what it needed, where it is.

#include "comm/progress.hpp"
#include "studies/context.hpp"
#include "studies/plan_time.hpp"

#include <string>
#include <vector>

namespace fathom {

/// Bytes of memory, of the rank that needs most.
struct MemoryUse {
  double matrix = 0;
  double predicted_peak = 0;  ///< above what the program takes empty
  double baseline = 0;        ///< measured before any matrix
  double measured_peak = 0;   ///< above the baseline
};

/// The lines of the result block, what was planned beside what was measured. Pure.
std::vector<std::string> result_block(const StudyOutcome& outcome,
                                      const std::vector<PhaseTime>& phases,
                                      const std::vector<PlannedPhase>& planned,
                                      const MemoryUse& memory, const std::string& folder,
                                      double seconds);

/// /timing and /memory of the run file. Local.
void write_timing(RunFile& file, const std::vector<PhaseTime>& phases,
                  const std::vector<PlannedPhase>& planned);
void write_memory(RunFile& file, const MemoryUse& memory);

}  // namespace fathom
