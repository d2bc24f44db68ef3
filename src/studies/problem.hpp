#pragma once

// From a deck to the symmetric matrix it asks for: how to make it, how large it is, what it is
// called.

#include "eigen/certified.hpp"
#include "eigen/factor_spectrum.hpp"
#include "gram/assembly.hpp"
#include "gram/empirical_ntk.hpp"
#include "gram/extended_gram.hpp"
#include "studies/context.hpp"
#include "studies/input_data.hpp"
#include "studies/kept_assembly.hpp"
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
  ProblemShape shape;                        ///< what the plan knows of it, and what is asked for
  std::shared_ptr<AssemblyReport> assembly;  ///< of the last call of a source
  /// What the checkpoint keeps of the matrix; null where it has no key or is quickly there.
  std::shared_ptr<KeptAssembly> kept;
  InputData data;  ///< rows the kernel was evaluated on; empty for population kernels
  std::optional<Targets> targets;
  /// What the deeper routes need. The factor, made on demand; collective.
  std::function<FactorChoice()> factor;
  /// Products with the matrix by the kernel's own means, neither it nor a factor made; empty where
  /// there are none. Collective.
  std::function<std::unique_ptr<LinearOperator>()> products;
  /// The matrix in double-double; empty where the kernel is not evaluated so. Collective.
  ExtendedSource extended;
};

/// The matrix of [kernel] on [data], for one point of a sweep. Reads files, makes no matrix yet.
/// `key`: of the point, under which the checkpoint keeps the matrix; empty: it does not.
/// Error(deck), Error(input). Collective.
StudyProblem make_problem(const StudyContext& context, const Deck& deck,
                          const std::string& key = {});

/// A problem around a network's tangent kernel that the study makes itself, as `shape` asks for it.
/// What the kernel refers to outlives the problem. Collective.
StudyProblem make_tangent_kernel_problem(const StudyContext& context, const Deck& deck,
                                         const EmpiricalNtk& kernel, const ProblemShape& shape,
                                         const std::string& key = {});

/// The covariance of the data before the layer, XᵀX/n. Collective.
StudyProblem make_data_covariance(const StudyContext& context, const Deck& deck,
                                  const InputData& data, const std::string& key = {});

}  // namespace fathom
