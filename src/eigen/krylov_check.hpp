#pragma once

// What a few products with random vectors, made before the solve, say about a spectrum.

#include "dist/interfaces.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// Rayleigh–Ritz pairs of a symmetric matrix on a block Krylov space.
struct RitzPairs {
  std::vector<double> value;     ///< descending
  std::vector<double> residual;  ///< ‖A y − θ y‖ for the unit Ritz vector y
  double asymmetry = 0;          ///< max |(QᵀAQ)_ij − (QᵀAQ)_ji|
  double norm() const;           ///< max |θ| ≤ ‖A‖₂
};

/// The space spanned by X, AX, …, A^(steps−1)X for `probes` Gaussian columns X that depend on the
/// seed and n alone, orthonormalised in full (Saad, Numerical Methods for Large Eigenvalue
/// Problems, 6.4); smaller where n is. Costs `steps` products of A with `probes` columns, and
/// 2·n·probes·steps doubles on rank 0. Error(numeric) on every rank where a product holds NaN or
/// Inf. Collective over comm; the same on all ranks. @pre probes ≥ 1, steps ≥ 1
RitzPairs random_krylov(const Communicator& comm, const LinearOperator& a, int probes, int steps,
                        std::uint64_t seed);
/// The same of a matrix; collective over the grid's parent.
RitzPairs random_krylov(const DistMatrix& a, SymmetricFill fill, int probes, int steps,
                        std::uint64_t seed);

/// For every Ritz pair (θ, ρ) there is an eigenvalue within min(ρ, ρ²/gap) of θ, gap being the
/// distance of θ to the other eigenvalues (Parlett, The Symmetric Eigenvalue Problem, 4.5 and 11.7;
/// Kato–Temple). The largest distance, beyond that radius, from a Ritz value to the computed
/// eigenvalues; with `all` false only Ritz values whose eigenvalue must be among the ones given
/// count. Pure. @pre eigenvalue descending, finite, not empty
double ritz_value_excess(const RitzPairs& ritz, std::span<const double> eigenvalue, bool all);

/// Cauchy interlacing: the i-th largest Ritz value never exceeds the i-th largest eigenvalue, and
/// from below likewise. The largest violation, 0 where there is none. Pure.
/// @pre eigenvalue descending and finite
double ritz_order_excess(const RitzPairs& ritz, std::span<const double> eigenvalue, bool all);

}  // namespace fathom
