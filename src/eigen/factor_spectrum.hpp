#pragma once

// From a factor F of a Gram matrix K = FᵀF to the eigenvalues of K, down to ε²λ₁ and below, each
// with its error bound; reduced, solved, verified, and solved again by the other route where the
// first one failed.

#include "comm/progress.hpp"
#include "dist/interfaces.hpp"
#include "eigen/cascade.hpp"
#include "eigen/certificate.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/plan.hpp"
#include "eigen/verify.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fathom {

enum class TailMethod { automatic, gram, cascade, svd };

/// "auto", "gram", "cascade", "svd" as the deck spells them. Pure.
const char* name(TailMethod method);
/// The inverse of name(); Error(deck) with the valid names. Pure.
TailMethod parse_tail_method(std::string_view text);

/// The cascade, but for small orders, where the svd is faster and as good. Pure.
TailMethod choose_tail_method(std::int64_t n, std::int64_t rows, int ranks, bool vectors);

/// By what the bound of a mode was found.
enum class BoundKind : int { norm_wise = 0, graded = 1, upper = 2, rank = 3 };
const char* name(BoundKind kind);

struct FactorSpectrum {
  std::vector<double> eigenvalue;  ///< n, descending; 0 where unresolved or null by rank
  /// |eigenvalue − λ| is at most this: 2σδ + δ² + dropped, σ off by δ = reduction + route + making
  /// of the rows, each the smaller of its norm-wise and its row-wise bound.
  std::vector<double> error_bound;
  /// What the precision of a float32 source may have moved; not in error_bound, trust asks for
  /// both.
  std::vector<double> representation;
  std::vector<ModeState> state;
  std::vector<BoundKind> bound_kind;
  /// n × n, orthonormal; column j belongs to eigenvalue j. Columns of unresolved and null modes
  /// span the rest of the space.
  std::optional<DistMatrix> vectors;
  std::int64_t trusted = 0;
  std::int64_t null_by_rank = 0;
  std::int64_t resolved = 0;  ///< modes that have a computed value, not only an upper bound
  TailMethod method = TailMethod::cascade;  ///< that gave the result
  std::vector<CascadeLevel> levels;         ///< empty for svd
  double frobenius = 0;                     ///< ‖F‖_F, from the rows themselves
  double dropped = 0;
  Certificate certificate;  ///< of the result that is returned: never FAIL
  SolverPlan plan;          ///< grid and block
  bool fell_back = false;
  std::string fallback_reason;
  double reduce_seconds = 0, solve_seconds = 0, check_seconds = 0;  ///< over all attempts

  /// The smallest eigenvalue that can be trusted: ten times the bound of the smallest trusted one,
  /// or that one itself where its bound is in proportion to it; ten times the largest bound where
  /// none is trusted.
  double floor() const;
  /// "norm-wise", "graded", … and how many trusted modes each: "norm-wise 380, graded 20".
  std::string bound_summary() const;
};

/// Errors, the same on every rank: numeric (NaN or Inf in the rows, eigenvalues beyond the range of
/// doubles), no_fit, deck (TailMethod::gram has no use of a factor), certificate or solver (both
/// routes failed); whatever the source throws. Collective over comm.
///
/// Checks, in the units named:
///   order            descending and finite: fails
///   trace            |Σλ − ‖F‖_F²| / (n ε ‖F‖_F²), the norm from the rows
///   frobenius, ritz_values, ritz_order
///                    of AᵀA, A the reduced factor: as for a Gram matrix, see verify.hpp
///   product          ‖AV − BN‖_F by probes / (n ε ‖A‖_F), of the cascade: every column of every
///                    level
///   basis            the largest ‖VᵀV − I‖_F of a level by probes / (n ε)
///   singular         with vectors: max |‖A v‖ − σ| / (n ε ‖A‖₂) of the 512 largest resolved modes
///   residual         with vectors: ‖AᵀA V − V Λ‖_F by probes / (n ε ‖A‖₂²)
///   orthogonality    with vectors: ‖ZᵀZ − I‖_F by probes / (n ε)
FactorSpectrum solve_factor(const Communicator& comm, const FactorSource& source, TailMethod method,
                            bool vectors, const LayoutWish& wish, const VerifyOptions& verify,
                            Progress& progress);

}  // namespace fathom
