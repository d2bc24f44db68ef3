#pragma once

// Hermite series of an activation under a Gaussian of variance a:
//   f(√a z) = Σ_k c_k(a) h_k(z),  h_k = He_k/√k! orthonormal under N(0,1),
// so that E[f(x) f(y)] = Σ_k c_k(a) c_k(b) ρ^k for Gaussians of variances a, b and correlation ρ
// (Mehler). Everything here is local.

#include "kernels/activation.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// The orders below `terms` whose coefficients can differ from zero, ascending: 0, 1, then those of
/// the activation's symmetry.
std::vector<int> hermite_orders(const Activation& activation, int terms);

/// The series at one variance.
struct HermiteSeries {
  std::vector<double> coefficient;  ///< c_k of the orders of hermite_orders
  double second_moment = 0.0;       ///< E f²: the sum of all c_k²
};

/// Coefficients of one activation for variances up to a largest one.
///
/// Smooth activations by the trapezoidal rule on the line, whose error falls as exp(−2πd/h) with d
/// the distance of the nearest pole of f(√a z) (Trefethen & Weideman 2014): for tanh, sigmoid and
/// softplus, which have poles, far better than Gauss–Hermite with the same number of nodes. relu
/// and abs, which are homogeneous with a kink, in closed form.
class HermiteQuadrature {
 public:
  /// @pre terms ≥ 2, largest_variance ≥ 0 and finite
  HermiteQuadrature(const Activation& activation, int terms, double largest_variance);

  const std::vector<int>& orders() const { return orders_; }

  /// @pre 0 ≤ variance ≤ the largest variance
  HermiteSeries series(double variance) const;

 private:
  void make_nodes(double largest_variance);

  Activation activation_;
  std::vector<int> orders_;
  std::vector<double> node_;    // z_q ≥ 0
  std::vector<double> weight_;  // of the node and its mirror image, Gaussian included
  std::vector<double> basis_;   // h_k(z_q), node fastest
};

/// c_k of relu at a = 1: 1/√(2π), 1/2, then (−1)^{k/2+1} (k−3)!!/√(2π k!) for even k, else 0.
double relu_hermite_coefficient(int order);

}  // namespace fathom
