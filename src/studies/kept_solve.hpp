#pragma once

// The solve of a point, or what the checkpoint keeps of it.

#include "studies/solve.hpp"

#include <string>

namespace fathom {

/// The key under which the spectrum of a point is kept, its eigenvectors beside it.
std::string spectrum_key(const StudyPoint& point);

/// solve_problem under the point's label. Kept where it took longer than keeping does, or where its
/// eigenvectors are to be stored in a sweep; found, problem.assembly says what made it.
/// Collective.
SolvedSpectrum solve_point(const StudyContext& context, const StudyPoint& point,
                           StudyProblem& problem, StudyOutcome& outcome);

}  // namespace fathom
