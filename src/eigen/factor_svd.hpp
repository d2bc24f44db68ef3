#pragma once

// Singular values and vectors of a reduced factor by vendor routines.

#include "dist/dist_matrix.hpp"

#include <optional>
#include <vector>

namespace fathom {

enum class FactorSvdMethod {
  automatic,  ///< LAPACK where one rank holds the matrix and its workspace fits, else ScaLAPACK
  scalapack,  ///< pdgesvd
  lapack,     ///< dgesdd, on a 1 × 1 grid
  jacobi,     ///< dgejsv, on a 1 × 1 grid: relative accuracy for graded rows
};

struct FactorSvd {
  std::vector<double> singular_value;  ///< q, descending, the same on every rank
  std::optional<DistMatrix> right;     ///< q × q, columns are vectors
  std::optional<DistMatrix> left;      ///< p × q
};

/// A = U·diag(σ)·Vᵀ of a p × q matrix, p ≥ q, square blocks, which is destroyed. What comes back is
/// checked: finite, descending, Σσ² = ‖A‖_F², the vectors by probes kept from before. Norm-wise
/// backward stable: off by up to 20 ε σ₁ (pdgesvd with vectors), 12 (without, dgesdd) and 24
/// (dgejsv) at q = 100 and 300, flat to steep; with jacobi also to relative accuracy where A =
/// D₁CD₂ with a well-conditioned C. Error(numeric) for NaN or Inf in A, Error(solver) where the
/// routine or its check fails, Error(no_fit) for memory or 32-bit workspaces. Collective over the
/// grid's parent.
FactorSvd factor_svd(DistMatrix& a, bool right, bool left,
                     FactorSvdMethod method = FactorSvdMethod::automatic);

}  // namespace fathom
