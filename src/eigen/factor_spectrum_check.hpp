#pragma once

// The certificate of a spectrum that was computed from a factor.

#include "eigen/cascade.hpp"
#include "eigen/certificate.hpp"
#include "eigen/verify.hpp"

#include <cstdint>
#include <span>

namespace fathom {

/// AᵀA formed once, its trace, norm and Ritz values: A p × q of moderate size, p ≥ q. Memory for
/// one q × q matrix, given back. Collective over the grid's parent.
MatrixFacts measure_factor(const DistMatrix& a, const VerifyOptions& options);

/// order, trace, frobenius, ritz_values, ritz_order; sigma holds all q singular values. `frobenius`
/// is ‖F‖_F from the rows. Pure.
void check_singular_values(const MatrixFacts& facts, double frobenius,
                           std::span<const double> sigma, const VerifyOptions& options,
                           Certificate& certificate);

/// product and basis, of what the levels measured. Pure.
void check_levels(const CascadeResult& result, std::int64_t order, double frobenius,
                  const VerifyOptions& options, Certificate& certificate);

/// singular, residual and orthogonality of vectors z: right vectors (q × q) of A, or its left ones
/// (p × resolved) where `left`. The first `resolved` columns are held against sigma. Memory for
/// A·z. Collective over the grid's parent.
void check_singular_vectors(const DistMatrix& a, bool left, const DistMatrix& z,
                            std::span<const double> sigma, std::int64_t resolved,
                            const VerifyOptions& options, Certificate& certificate);

}  // namespace fathom
