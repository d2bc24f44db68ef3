#pragma once

// From a maker of a matrix to a spectrum with its certificate: made, checked, solved, verified, and
// done again by ScaLAPACK where the first solver failed.

#include "comm/progress.hpp"
#include "dist/interfaces.hpp"
#include "eigen/certificate.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/verify.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace fathom {

struct SpectrumProblem {
  MatrixSource source;  ///< called once, and once more for the fallback
  std::int64_t n = 0;
  /// Modes from this one on are zero by the shape of the factor; −1: not known.
  std::int64_t rank_bound = -1;
  /// A Gram matrix: an eigenvalue, or a Ritz value, below −(10 n ε' λ₁ + assembly error) is
  /// Error(numeric).
  bool positive_semidefinite = true;
  EigenRequest request;
  LayoutWish layout;
  VerifyOptions verify;
};

/// Wall seconds of this rank, over all attempts.
struct SolveTimings {
  double make = 0;   ///< the source
  double check = 0;  ///< before and after the solve
  double solve = 0;
};

struct CertifiedSpectrum {
  EigenResult result;  ///< eigenvalues descending, vectors where asked for
  std::vector<double> error_bound;
  std::vector<ModeState> state;
  bool complete = false;  ///< all n eigenvalues were computed, though fewer may be handed over
  std::int64_t trusted = 0;
  std::int64_t null_by_rank = 0;
  std::int64_t negative = 0;               ///< eigenvalues below zero, of all that were computed
  std::int64_t negative_beyond_bound = 0;  ///< below minus their own bound, of all computed
  BoundTerms terms;                        ///< what the bound consists of
  double trace = 0;
  double frobenius = 0;
  double norm = 0;  ///< ‖A‖₂ = max |λ|
  double assembly_error = 0;
  double input_epsilon = unit_roundoff;
  double smallest_ritz = 0;  ///< made before the solve: an upper bound of λ_min
  /// How far the matrix in memory may be from the one that was meant: by the precision of its
  /// source, and at least −λ_min of a Gram matrix where that exceeds its bound. Not part of
  /// error_bound; a mode is trusted where error_bound + representation_error < λ/10.
  double representation_error = 0;
  /// Above 0: the smallest value that can be trusted, of a route whose bounds fall with the value.
  double deep_floor = 0;
  Certificate certificate;  ///< of the result that is returned: never FAIL
  SolverPlan plan;          ///< of the solver that gave the result
  bool fell_back = false;
  std::string fallback_reason;
  SolveTimings timings;

  double largest_bound() const;  ///< the largest error bound of a mode
  /// The smallest eigenvalue that can be trusted: deep_floor where it is set, else
  /// 10 (largest_bound() + representation_error).
  double floor() const;
};

/// Eigenvalues without vectors: a dense solver computes all n, all are certified, and the k largest
/// are handed over. With vectors, and from SLEPc, only k are there: that none among them was left
/// out rests on the Ritz values alone, and the log says so.
///
/// Every step is logged through `progress`. Errors, the same on every rank: numeric (NaN or Inf
/// with its position; not positive semi-definite), no_fit, deck (a request that no solver takes),
/// certificate or solver (both attempts failed); whatever the source throws. Collective over comm.
///
/// Checks made on every spectrum, in units of n ε ‖A‖ (‖A‖ the largest |λ| unless said):
///   asymmetry      max |a_ij − a_ji| of a matrix handed over with both triangles
///   trace          |Σλ − tr A|                              (all eigenvalues)
///   frobenius      |‖λ‖₂ − ‖A‖_F|, over n ε ‖A‖_F           (all eigenvalues)
///   ritz_values    a Rayleigh–Ritz pair (θ, ρ) of a random block Krylov space, made before the
///                  solve, has an eigenvalue within its residual ρ: the largest distance beyond ρ
///   ritz_order     Cauchy interlacing: the i-th Ritz value never exceeds the i-th eigenvalue, from
///                  below likewise
///   order          ascending or not finite: fails
///   residual       max ‖A z − λ z‖                          (with vectors)
///   orthogonality  max |ZᵀZ − I| / (n ε)                    (with vectors)
CertifiedSpectrum solve_certified(const Communicator& comm, const SpectrumProblem& problem,
                                  Progress& progress);

}  // namespace fathom
