#pragma once

// From a problem to its spectrum, by the route the deck asks for: the Gram matrix first, then
// deeper where its floor hides modes that were asked for.

#include "studies/problem.hpp"

#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// The spectrum, and the route that gave it.
struct SolvedSpectrum {
  CertifiedSpectrum spectrum;
  std::string route = "gram";  ///< "gram", "cascade", "svd", "extended", "matrix_free"
  int levels = 1;              ///< of deflation; 1 where there is none
  /// By a factor of float32 numbers: what their rounding may have moved each eigenvalue by, not in
  /// error_bound. Else empty: one number for all modes, spectrum.representation_error.
  std::vector<double> representation;
  /// The Gram route's own spectrum, without vectors, where a deeper route replaced it.
  std::optional<CertifiedSpectrum> gram;
  std::string note;  ///< why the route went no deeper, or what it says of itself; may be empty
};

/// Solves and certifies; phases and counts go to the context's clock, the plan to its log.
/// Collective.
SolvedSpectrum solve_problem(const StudyContext& context, StudyProblem& problem,
                             StudyOutcome& outcome, const std::string& label);

}  // namespace fathom
