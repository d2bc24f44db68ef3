#pragma once

// What studies found, as records of a checkpoint and back: bit by bit, so that a run that goes on
// says and writes what it would have without a stop. Local and pure.
//
// Reading is Error(input), naming the array, where a record is not one of what is asked for. A
// study "density" leaves nothing to its end but its outcome.

#include "store/record.hpp"
#include "studies/context.hpp"
#include "studies/frozen_flow.hpp"
#include "studies/kernel_moment.hpp"
#include "studies/law_point.hpp"
#include "studies/reach_run.hpp"
#include "studies/solve.hpp"

#include <string>

namespace fathom {

Record to_record(const StudyOutcome& outcome);
StudyOutcome outcome_from(const Record& record);

/// All but the eigenvectors, which Checkpoint::keep_matrix takes with this record beside them.
/// Timings are those of the rank that calls.
Record to_record(const SolvedSpectrum& solved);
/// Without eigenvectors.
SolvedSpectrum solved_from(const Record& record);

/// Seconds are those of the rank that calls.
Record to_record(const AssemblyReport& report);
AssemblyReport assembly_report_from(const Record& record);

Record to_record(const KernelMoment& moment);
KernelMoment moment_from(const Record& record);

Record to_record(const FrozenCurve& curve);
FrozenCurve frozen_curve_from(const Record& record);

/// With the spectra of its moments, or after keep_depths() without them.
Record to_record(const ReachRun& run);
ReachRun reach_run_from(const Record& record);

Record to_record(const LawPoint& point);
LawPoint law_point_from(const Record& record);

/// Puts a record into another one, its arrays under "NAME.…": what of one point is kept together or
/// not at all. @pre no array of `whole` has such a name
void add_part(Record& whole, const std::string& name, Record part);
/// The same back. Error(input) where there is nothing under this name.
Record part_of(const Record& whole, const std::string& name);
bool has_part(const Record& whole, const std::string& name);

}  // namespace fathom
