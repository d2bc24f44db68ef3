#pragma once

// How long a solve will take, before it is begun.

#include "eigen/request.hpp"
#include "studies/context.hpp"

#include <cstdint>

namespace fathom {

/// Flops of a dense solve of order n: 4/3 n³ for the reduction to tridiagonal form, 4 n³ more where
/// vectors are asked for. Pure.
double solve_flops(const EigenRequest& request, std::int64_t n);

/// The solve of a matrix of order n: its flops at the rate of this run's solves so far, or at that
/// of the quickest solver as this machine was calibrated (presumed_solve_rate where it was not),
/// whichever is faster: small solves say little of a large one. Local.
Foreseen foresee_solve(const StudyContext& context, const EigenRequest& request, std::int64_t n);

/// Flops a second and rank: what ELPA reaches for eigenvalues alone at n = 2000 on one core; three
/// times as many at n = 8000.
inline constexpr double presumed_solve_rate = 1.0e10;

}  // namespace fathom
