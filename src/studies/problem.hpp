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

/// Products with the matrix by the kernel's own means, neither it nor a factor made.
struct OwnProducts {
  double flops = 0;  ///< of one column, all ranks
  double bytes = 0;  ///< of the columns asked for, on the fullest rank
  std::function<std::unique_ptr<LinearOperator>()> make;  ///< collective
};

/// Everything a solve needs; holds the data alive that the sources refer to.
struct StudyProblem {
  SpectrumProblem spectrum;
  std::shared_ptr<AssemblyReport> assembly;  ///< of the last call of a source
  /// What the checkpoint keeps of the matrix; null where it has no key or is quickly there.
  std::shared_ptr<KeptAssembly> kept;
  InputData data;  ///< rows the kernel was evaluated on; empty for population kernels
  std::optional<Targets> targets;
  TailMethod tail = TailMethod::automatic;
  bool extended_precision = false;
  bool matrix_free = false;
  /// What the deeper routes need. The factor, made on demand; collective.
  std::function<FactorChoice()> factor;
  /// Its rows, where they can be counted before it is made; the same on every rank.
  std::function<std::int64_t()> factor_rows;
  /// Bytes that its making keeps on a rank with so many columns, where that is much; pure.
  std::function<double(std::int64_t local_cols)> factor_keeps;
  /// Where there are such products, for so many columns at a time; collective.
  std::function<OwnProducts(std::int64_t columns)> products;
  double assembly_flops = 0;  ///< of the matrix, all ranks; 0: as the product of its factor
  /// Bytes that its assembly holds besides it, where that is much. Local.
  std::function<double(const Distribution&)> assembly_keeps;
  DataBytes data_bytes;  ///< of what every rank holds whole
  /// The matrix in double-double; empty where the kernel is not evaluated so. Collective.
  ExtendedSource extended;
};

/// The matrix of [kernel] on [data], for one point of a sweep. Reads files, makes no matrix yet.
/// `key`: of the point, under which the checkpoint keeps the matrix; empty: it does not.
/// Error(deck), Error(input). Collective.
StudyProblem make_problem(const StudyContext& context, const Deck& deck,
                          const std::string& key = {});

/// A problem around a network's tangent kernel that the study makes itself: all eigenpairs by the
/// deck's route, solver and checks; `held` beside it: what the kernel refers to, which outlives the
/// problem, and what training holds. Collective.
StudyProblem make_tangent_kernel_problem(const StudyContext& context, const Deck& deck,
                                         const EmpiricalNtk& kernel, const DataBytes& held,
                                         const std::string& key = {});

/// The covariance of the data before the layer, XᵀX/n. Collective.
StudyProblem make_data_covariance(const StudyContext& context, const Deck& deck,
                                  const InputData& data, const std::string& key = {});

}  // namespace fathom
