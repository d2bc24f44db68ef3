#pragma once

// Eigenvalues far below ε·λ₁ of a matrix that has no factor: K is held as a sum of two doubles and
// deflated level by level.
//
// A level takes eigenvectors U of A rounded to double, and R = UᵀAU by exact products. U need not
// be orthogonal beyond double precision: a congruence changes every eigenvalue by no more than ‖UᵀU
// − I‖₂ of itself (Ostrowski; Horn & Johnson, Matrix Analysis, 4.5.9). The head, modes above about
// 1e-8 of the largest, is done: its eigenvalues are R_ii / (UᵀU)_ii with second-order corrections.
// The rest is the Schur complement R_rr − R_rh R_hh⁻¹ R_hr, which takes out what the rounding of U
// leaked of the head, and is treated as the next level's A, 1e-8 of the size. A level so small that
// a double solver's error is below what is lost already ends the cascade.

#include "comm/progress.hpp"
#include "dist/extended_matrix.hpp"
#include "eigen/certificate.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/plan.hpp"
#include "eigen/verify.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// What one level did and lost.
struct ExtendedLevel {
  std::int64_t n = 0;     ///< order of its matrix
  std::int64_t head = 0;  ///< modes that it found
  double norm = 0;        ///< its largest eigenvalue
  /// Absolute part of the bound of a mode found here, without what the head's own rows add.
  double absolute = 0;
  double relative = 0;       ///< the part in proportion to the eigenvalue
  double orthogonality = 0;  ///< an upper bound of ‖UᵀU − I‖₂
  double leak = 0;  ///< √(‖R_rh R_hh⁻¹ R_hr‖ / λ_min(R_hh)): the angle of head and rest
  double coupling = 0;        ///< ‖off-diagonal of R‖_F / λ₁ of the level
  double probe = 0;           ///< largest defect of an exact product on a probe, over its tolerance
  std::int64_t products = 0;  ///< dgemms
  double flops = 0;           ///< in them
  bool plain = false;         ///< ended the cascade by a solve in double
  bool fell_back = false;     ///< eigenvectors of the second solver
};

struct ExtendedTimings {
  double make = 0, solve = 0, product = 0, check = 0;
};

struct ExtendedSpectrum {
  std::vector<double> eigenvalue;     ///< descending
  std::vector<double> eigenvalue_lo;  ///< what the double leaves, as far as it is known
  std::vector<double> error_bound;
  std::vector<ModeState> state;
  std::vector<int> level;             ///< of each mode, from 1
  std::optional<DistMatrix> vectors;  ///< n × n, column j belongs to eigenvalue[j]
  std::vector<ExtendedLevel> levels;
  std::int64_t trusted = 0;
  std::int64_t negative = 0, negative_beyond_bound = 0;
  double trace = 0, frobenius = 0, norm = 0;
  double assembly_error = 0;
  /// −λ_min where it lies beyond its bound: see CertifiedSpectrum.
  double representation_error = 0;
  double largest_error = 0;  ///< absolute part of the last level's bound
  double predicted_flops = 0;
  std::int64_t predicted_products = 0;
  Certificate certificate;
  SolverPlan plan;  ///< of the first level
  ExtendedTimings timings;

  std::int64_t products() const;  ///< dgemms done
  double flops() const;           ///< in them
  /// As many of n × n matrices take so many flops: to compare with predicted_products.
  double full_products() const;
  /// The smallest eigenvalue that can be trusted.
  double floor() const { return 10 * (largest_error + representation_error); }
};

/// An upper estimate of the work before any of it is done: three levels in full, as where K is
/// exact as it stands; an assembly error of 1e-31 leaves two.
struct ExtendedCost {
  int levels = 0;
  std::int64_t products = 0;  ///< dgemms of n × n matrices
  double flops = 0;           ///< of all ranks together, eigenvectors not counted
};
/// Pure. @pre n ≥ 0
ExtendedCost extended_cost(std::int64_t n);

/// Bytes of matrices that the fullest rank holds at the peak, each n × n over the grid. Pure.
std::int64_t extended_memory(std::int64_t n, const SolverPlan& plan, bool vectors);

/// All eigenvalues of a positive semi-definite matrix held as a sum of two doubles.
///
/// error_bound[j] ≥ |λ_j(exact) − λ_j|: assembly, skipped and rounded parts of the products, Schur
/// complement, orthogonality, and for the last level the double solver's error; the first four from
/// measured norms. Costs and levels are logged.
///
/// Errors, the same on every rank: numeric (NaN or Inf; not positive semi-definite), no_fit,
/// certificate (a check failed, with both solvers where it is one of eigenvectors), whatever the
/// source throws. Collective over comm.
///
/// Checks beside those of solve_certified (in double, against the matrix's leading part):
///   products     |C x − A (B x)| in double-double over its tolerance, the largest of all products
///   deep_trace   |Σλ over modes from a level on − trace of its matrix| / (n ε norm) of that level
///   deep_frobenius  likewise
///   head_angle   the leak of the head into the rest that the Schur complement had to take out
ExtendedSpectrum solve_extended(const Communicator& comm, const ExtendedSource& source,
                                std::int64_t n, const LayoutWish& layout,
                                const VerifyOptions& verify, Progress& progress,
                                bool vectors = false);

}  // namespace fathom
