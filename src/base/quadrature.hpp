#pragma once

// A measure of finitely many points, as Gauss quadrature gives it.

#include <vector>

namespace fathom {

/// ∫ f dμ ≈ Σ weight_i f(node_i); nodes descending, as spectra are.
struct GaussQuadrature {
  std::vector<double> node;
  std::vector<double> weight;  ///< ≥ 0
};

}  // namespace fathom
