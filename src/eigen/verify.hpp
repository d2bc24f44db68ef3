#pragma once

// The parts of the certificate: what is measured on the fresh matrix, and what is held against it
// after the solve.

#include "dist/dist_matrix.hpp"
#include "eigen/certificate.hpp"
#include "eigen/krylov_check.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

struct VerifyOptions {
  int probes = 4;    ///< columns of the random block that is multiplied before the solve
  int steps = 8;     ///< products with it: the Krylov space has probes·steps dimensions
  double warn = 10;  ///< limits of the ratios, in units of n ε ‖A‖
  double fail = 60;
  bool full = false;       ///< level "full": twice the Krylov steps
  std::uint64_t seed = 1;  ///< of the probes
};

/// Taken from the matrix before a solver overwrites it.
struct MatrixFacts {
  std::int64_t n = 0;
  double trace = 0;  ///< compensated sum
  double frobenius = 0;
  double asymmetry = 0;  ///< max |a_ij − a_ji|; 0 where only one triangle was handed over
  RitzPairs ritz;
};

/// Collective over the grid's parent. @pre square, finite, of moderate size
MatrixFacts measure(const DistMatrix& a, SymmetricFill fill, const VerifyOptions& options);

/// The check of the matrix itself, before any solve: asymmetry. Pure.
void check_symmetry(const MatrixFacts& facts, double input_epsilon, const VerifyOptions& options,
                    Certificate& certificate);

/// The checks that need no vectors: order, asymmetry, trace, frobenius, ritz_values, ritz_order.
/// `eigenvalue` holds the largest of the spectrum, descending. Returns the largest absolute defect
/// that was seen (trace, Frobenius norm, Ritz values), NaN where they could not be compared. Pure.
double check_values(const MatrixFacts& facts, std::span<const double> eigenvalue,
                    double input_epsilon, const VerifyOptions& options, Certificate& certificate);

/// The checks of eigenvectors, residual and orthogonality; returns ‖A z_k − λ_k z_k‖ per mode and
/// fills the certificate's residual_ratio. `matrix` has both triangles; `workspace` (same shape and
/// layout, may be null) is overwritten, so that nothing of their size is allocated for a full set
/// of vectors. Collective over the grid's parent.
std::vector<double> check_vectors(const DistMatrix& matrix, DistMatrix* workspace,
                                  const DistMatrix& vectors, std::span<const double> eigenvalue,
                                  const VerifyOptions& options, Certificate& certificate);

/// Σ x, by Neumaier's compensated summation. Pure.
double compensated_sum(std::span<const double> x);

/// ‖x‖₂, scaled against overflow. Pure.
double euclidean_norm(std::span<const double> x);

}  // namespace fathom
