#pragma once

// The population covariance of monomial features over Gaussian data (population_map.hpp has the
// formula) in double-double, with a bound of each entry's error. Everything here is local.

#include "kernels/activation.hpp"
#include "kernels/extended_functions.hpp"

#include <vector>

namespace fathom {

/// K_ij = E[x^p y^p] / divisor for Gaussians of variances a, b and covariance s.
class ExtendedPopulationMap {
 public:
  /// @throws Error(deck) where the activation is neither linear nor a monomial
  /// @pre divisor ≥ 1: d for K as its definition gives it
  ExtendedPopulationMap(const Activation& activation, std::int64_t divisor);

  /// Bit by bit the same with a and b exchanged; the diagonal is a = b = s.
  ExtendedValue entry(const ExtendedValue& a, const ExtendedValue& b, const ExtendedValue& s) const;

 private:
  int degree_;
  double divisor_;
  std::vector<double> coefficient_;  // c_{p,k} for k = p, p − 2, …; exact
};

}  // namespace fathom
