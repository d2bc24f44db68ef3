#pragma once

// From Lanczos coefficients to quadratures of the measure. Local and pure.

#include "base/quadrature.hpp"
#include "eigen/lanczos.hpp"

#include <vector>

namespace fathom {

/// Ritz pairs of one start vector, as points of its measure. Once a Ritz pair of a multiple
/// eigenvalue has converged, rounding lets further copies of it into the basis: points without
/// mass are left out, and such as coincide to 1e-12 of the norm are one, whose vector is the start
/// vector's part in their space.
struct RitzPoints {
  std::vector<double> value;  ///< descending
  std::vector<double> residual;  ///< of the operator, ‖A y − θ y‖; 0 where the measure is exhausted
  std::vector<double> vectors;  ///< steps × value.size(), unit columns, in the Lanczos basis
};
RitzPoints ritz_points(const Tridiagonal& t);

/// Gauss quadrature of k steps, exact for polynomials of degree 2k − 1; the measure itself where it
/// is exhausted (Golub & Welsch 1969). Nodes are those of ritz_points: at most k. Empty for a start
/// vector of zeros.
GaussQuadrature gauss_quadrature(const Tridiagonal& t);

/// The quadrature of at most k nodes, one of them prescribed to stand at x exactly, that is exact
/// to degree 2k − 2 (Gauss–Radau; Golub 1973: the last diagonal entry is moved until x is an
/// eigenvalue). By the Chebyshev–Markov–Stieltjes inequalities the mass above x lies between the
/// weights above the node and these with its own. Another node may fall outside the spectrum. Where
/// the measure is exhausted: the measure itself, in general without a node at x.
GaussQuadrature radau_quadrature(const Tridiagonal& t, double x);

}  // namespace fathom
