#pragma once

// Factors F of Gram matrices, K = FᵀF, for those kernels that have one: what eigen needs to see
// eigenvalues far below ε λ₁, and to apply K without forming it (THEORY.md 1.1, 5).

#include "dist/interfaces.hpp"
#include "gram/data_rows.hpp"
#include "gram/gram_side.hpp"
#include "gram/population.hpp"
#include "gram/random_features.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace fathom {

struct FactorOptions {
  /// Rows are left out as long as the bound of what they add stays below tolerance times an
  /// estimate of λ₁. 0: a small part of what the smallest eigenvalue is expected to be at least,
  /// the larger of 0.01 d^−α and 5e-6·0.006^(p−2) h_d, h_d the d-th largest product of p
  /// eigenvalues of H, times (p!/(2p−1)!!)² λ₁, but not below 1e-32 λ₁.
  double tolerance = 0;
  std::int64_t max_rows = 4000000;  ///< no factor beyond
  std::int64_t hold_bytes =
      std::int64_t{1}
      << 28;  ///< of weights and what is made of them, kept on a rank between chunks
};

/// What a factor would be, before anything is made.
struct FactorEstimate {
  bool exists = false;
  std::string reason;  ///< why there is none
  std::int64_t rows = 0, cols = 0;
  double flops = 0;    ///< of making all rows once, over all ranks
  double dropped = 0;  ///< expected bound of what is left out, relative to the estimate of λ₁
};

/// A factor, or the reason why there is none.
struct Factor {
  std::unique_ptr<FactorSource> source;
  std::string reason;
};

/// Pure; costs about as much as counting the rows.
FactorEstimate estimate_population_factor(const PopulationSpec& spec,
                                          const FactorOptions& options = {});

/// Bytes that such a factor keeps between chunks on a rank with so many of their columns. Pure;
/// costs about as much as listing the rows.
double population_factor_keeps(const PopulationSpec& spec, const FactorOptions& options,
                               std::int64_t local_cols);

/// The population covariance of linear and monomial features: H^½W/√d at degree 1, the Khatri–Rao
/// factor of khatri_rao.hpp above. Collective.
Factor population_factor(const Communicator& comm, const PopulationSpec& spec,
                         const FactorOptions& options = {});

/// f(XW)/√d on the side that the spec chose: of the Gram matrix (n × n) rows are features, of the
/// covariance (d × d) rows are samples. data outlives the factor. Collective.
std::unique_ptr<FactorSource> random_feature_factor(const Communicator& comm,
                                                    const RandomFeatureSpec& spec,
                                                    const DataRows& data,
                                                    const FactorOptions& options = {});

/// Features Φ (n × d) as given, nothing divided: F = Φᵀ for ΦΦᵀ, F = Φ for ΦᵀΦ. features outlives
/// the factor. Error(numeric) where a held entry is not finite. Collective.
std::unique_ptr<FactorSource> given_factor(const DataRows& features, GramSide side);

/// X/√n, of the second moments XᵀX/n. Else as given_factor.
std::unique_ptr<FactorSource> data_covariance_factor(const DataRows& data);

}  // namespace fathom
