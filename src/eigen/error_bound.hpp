#pragma once

// The absolute error bound of every eigenvalue, and which modes may be trusted.
//
// A norm-wise stable solver returns the spectrum of A + E; by Weyl's inequality every eigenvalue is
// off by at most ‖E‖₂. So one uniform term stands for the solver, one for the rounding of assembly.
// Where the certificate measures more than the uniform term, the bound follows it: by how much the
// trace, the Frobenius norm and the Ritz values of the matrix are missed, and with vectors a mode's
// own residual. (Two-stage reductions were seen to lose accuracy on matrices whose off-diagonal
// columns are exactly equal, such as min(i, j); the trace tells.)
// Relative to the matrix in memory. What its source lost before (a float32 file) moves all
// eigenvalues alike and is told apart, as the representation error; trust asks for both.

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

enum class ModeState : int { untrusted = 0, trusted = 1, null_by_rank = 2 };

/// 2⁻⁵³.
inline constexpr double unit_roundoff = 0x1p-53;

/// ε·(max(8, √n)·norm + 6·frobenius): the uniform error of a norm-wise stable symmetric solver of a
/// matrix with ‖A‖₂ = norm and ‖A‖_F = frobenius. Rounding errors of the reduction add up entry by
/// entry, so a flat spectrum (‖A‖_F ≫ ‖A‖₂) is off by more than a steep one. Pure.
double solver_error(std::int64_t n, double norm, double frobenius);

/// How far rounding the entries to the precision `input_epsilon` may have moved the eigenvalues, in
/// the form of solver_error with ε' for ε; 0 where ε' is not above ε, as the solver's term holds it
/// then. Pure.
double representation_error(std::int64_t n, double norm, double frobenius, double input_epsilon);

struct BoundTerms {
  double solver = 0;             ///< solver_error(n, ‖A‖₂, ‖A‖_F)
  double measured = 0;           ///< largest defect seen by the certificate, no bound is below it
  double assembly = 0;           ///< of the matrix's making
  std::vector<double> residual;  ///< measured ‖A z_k − λ_k z_k‖ per mode; empty without vectors

  /// assembly + max(solver, 2·measured, residual_k): errors may cancel in a trace, so what is seen
  /// there counts twice.
  double bound(std::int64_t mode) const;
};

/// State of every mode: null by rank from `rank_bound` on (negative: no bound known), trusted where
/// bound + representation error is under a tenth of the value. Pure.
/// @pre eigenvalue.size() == error_bound.size()
std::vector<ModeState> mode_states(std::span<const double> eigenvalue,
                                   std::span<const double> error_bound, std::int64_t rank_bound,
                                   double representation_error = 0);

}  // namespace fathom
