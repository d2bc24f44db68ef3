#pragma once

// From a deck to the symmetric matrix it asks for: how to make it, how large it is, what it is
// called.

#include "eigen/certified.hpp"
#include "gram/assembly.hpp"
#include "studies/context.hpp"
#include "studies/input_data.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace fathom {

/// Everything a solve needs; holds the data alive that the source refers to.
struct StudyProblem {
  SpectrumProblem spectrum;
  std::shared_ptr<AssemblyReport> assembly;  ///< of the last call of the source
  InputData data;  ///< rows the kernel was evaluated on; empty for population kernels
  std::optional<Targets> targets;
};

/// The matrix of [kernel] on [data], for one point of a sweep. Reads files, makes no matrix yet.
/// Error(deck), Error(input). Collective.
StudyProblem make_problem(const StudyContext& context, const Deck& deck);

/// The covariance of the data before the layer, XᵀX/n. Collective.
StudyProblem make_data_covariance(const StudyContext& context, const Deck& deck,
                                  const InputData& data);

/// Solves and certifies; phases and counts go to the context's clock, the plan to its log.
/// Collective.
CertifiedSpectrum solve_problem(const StudyContext& context, StudyProblem& problem,
                                StudyOutcome& outcome, const std::string& label);

}  // namespace fathom
