#pragma once

// Lanczos from several start vectors at once, for the quadrature of spectral measures.

#include "base/view.hpp"
#include "comm/communicator.hpp"
#include "dist/interfaces.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace fathom {

class LanczosKeeper;

/// What one start vector v becomes: the Jacobi matrix of its spectral measure
/// μ = Σ_k (u_k·v)² δ_{λ_k} (Golub & Meurant, Matrices, Moments and Quadrature, ch. 4).
struct Tridiagonal {
  std::vector<double> alpha;  ///< the diagonal, one entry a step
  /// beta[j] couples steps j and j + 1; the last one is the norm of what the last step leaves.
  std::vector<double> beta;
  double start_norm = 0;   ///< ‖v‖: μ has the mass ‖v‖²
  bool exhausted = false;  ///< nothing is left but rounding: μ has no more points than steps

  std::int64_t steps() const { return static_cast<std::int64_t>(alpha.size()); }
};

struct LanczosOptions {
  int steps = 40;
  /// An eigenvalue counts as resolved where every start vector has a Ritz pair whose residual is
  /// below this share of its gap.
  double resolved_below = 1e-3;
  /// Where QᵀAQ differs from a tridiagonal matrix by more than this share of ‖A‖, A is not
  /// symmetric.
  double asymmetry_limit = 1e-8;
  /// Called on every rank after each product with the number of products done; may not communicate.
  std::function<void(std::int64_t done)> after_step = {};
  /// Where it may be interrupted; outlives it. Null: nothing is kept.
  LanczosKeeper* keeper = nullptr;
};

struct LanczosResult {
  std::vector<Tridiagonal> probe;  ///< one a start vector; the same on all ranks
  /// The leading eigenvalues that every start vector resolved, descending, each as often as the
  /// Ritz vectors of all of them span dimensions: all eigenvalues of A down to the last of these,
  /// but for a chance of measure zero. Ends before an eigenvalue whose multiplicity reaches the
  /// number of start vectors; empty from one start vector.
  std::vector<double> resolved;
  double norm = 0;       ///< the largest |Ritz value|, a lower estimate of ‖A‖₂
  double asymmetry = 0;  ///< largest entry of QᵀAQ outside the three diagonals, over the norm
  int products = 0;      ///< of A with the whole block, those before an interruption too
};

/// `m` columns of n standard normals, keyed by (seed, column): the same for any ranks. Each rank
/// makes all of them. Local.
std::vector<double> gaussian_starts(std::int64_t n, std::int64_t m, std::uint64_t seed);

/// Advances the columns of `starts` independently, one product of A with the block a step, each
/// orthogonalised twice against all its own vectors. A start vector whose measure is exhausted
/// stops early; n steps exhaust any. Memory a rank: n·m·steps/P doubles and four n × m blocks.
/// Errors, the same on every rank: numeric (NaN or Inf in a start vector or a product; an operator
/// that is not symmetric), no_fit. Collective.
/// @pre starts is n × m, the same on every rank; m ≥ 1, steps ≥ 1
LanczosResult lanczos(const Communicator& comm, const LinearOperator& a,
                      MatrixView<const double> starts, const LanczosOptions& options = {});

}  // namespace fathom
