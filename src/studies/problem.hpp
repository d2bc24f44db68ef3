#pragma once

// From a deck to the symmetric matrix it asks for: how to make it, how large it is, what it is
// called.

#include "eigen/certified.hpp"
#include "eigen/factor_spectrum.hpp"
#include "gram/assembly.hpp"
#include "gram/extended_gram.hpp"
#include "studies/context.hpp"
#include "studies/input_data.hpp"
#include "studies/problem_shape.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace fathom {

/// A factor of the matrix, or why there is none.
struct FactorChoice {
  std::shared_ptr<const FactorSource> factor;
  std::string why_not;
};

/// Everything a solve needs; holds the data alive that the sources refer to.
struct StudyProblem {
  SpectrumProblem spectrum;
  ProblemShape shape;                        ///< as the plan sees it
  std::shared_ptr<AssemblyReport> assembly;  ///< of the last call of a source
  InputData data;  ///< rows the kernel was evaluated on; empty for population kernels
  std::optional<Targets> targets;
  TailMethod tail = TailMethod::automatic;
  bool extended_precision = false;
  bool matrix_free = false;
  /// What the deeper routes need. The factor, made on demand; collective.
  std::function<FactorChoice()> factor;
  /// The matrix in double-double; empty where the kernel is not evaluated so. Collective.
  ExtendedSource extended;
};

/// The matrix of [kernel] on [data], for one point of a sweep. Reads files, makes no matrix yet.
/// Error(deck), Error(input). Collective.
StudyProblem make_problem(const StudyContext& context, const Deck& deck);

/// Makes the matrix on the solver's grid and block.
using Assemble =
    std::function<Assembly(const ProcessGrid&, std::int64_t block, const AssemblyOptions&)>;

/// A problem around a matrix that the study makes itself: all eigenpairs by the Gram route, the
/// deck's solver and checks. The caller sets the order. What `assemble` refers to outlives it.
StudyProblem make_kernel_problem(const StudyContext& context, const Deck& deck,
                                 const ProblemShape& shape, Assemble assemble);

/// The covariance of the data before the layer, XᵀX/n. Collective.
StudyProblem make_data_covariance(const StudyContext& context, const Deck& deck,
                                  const InputData& data);

}  // namespace fathom
