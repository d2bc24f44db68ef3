#pragma once

// The power-law covariance H = diag(j^-alpha), j = 1 … v, of the random-feature data
// (Paquette, Xiao, Zhu, arXiv 2603.14578). Everything here is local.

#include <cstdint>
#include <span>

namespace fathom {

/// The j-th eigenvalue j^-alpha. @pre j ≥ 1
double power_law_eigenvalue(std::int64_t j, double alpha);

/// out[k] = (first + k)^-alpha. @pre first ≥ 1
void fill_power_law_eigenvalues(std::int64_t first, double alpha, std::span<double> out);

/// Σ_{j ≤ v} j^(-alpha), summed from the smallest, to a few ulp. @pre v ≥ 0
double power_law_trace(std::int64_t v, double alpha);

}  // namespace fathom
