#pragma once

// The density of a spectrum too large to compute, from the quadratures of a few random vectors
// (stochastic Lanczos quadrature; Ubaru, Chen & Saad 2017), with intervals. Local and pure.
//
// A Gaussian vector v weighs the eigenvectors of an n × n matrix with (u_k·v)². What is exact:
//   the leading eigenvalues that Lanczos resolved enter with their multiplicity, and their weights
//   leave the quadratures; on the n − h directions that remain, weights scaled to the sum n − h are
//   uniform on a sphere, so each has the mean 1 without bias, and
//   Var Σ f_k w_k = 2/(r + 2)·(r Σ f_k² − (Σ f_k)²),  r = n − h.
// The standard error pools that variance, Σ f² being estimated by the same quadratures and taken
// one standard error above (it is skewed), with the scatter between the m vectors, half and half;
// intervals take Student's t with 2(m − 1) degrees of freedom, and beside it the resolution of the
// quadrature, which no number of vectors improves.

#include "base/quadrature.hpp"
#include "spectral/mode_range.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// What Lanczos made of one Gaussian start vector: quadratures of its spectral measure.
struct ProbeQuadratures {
  GaussQuadrature gauss;
  GaussQuadrature at_zero;                    ///< with a node at 0 (Gauss–Radau)
  std::vector<GaussQuadrature> at_threshold;  ///< with a node at each threshold
};

struct DensityOptions {
  std::vector<double> threshold;  ///< counts of eigenvalues above; > 0
  std::vector<double> lambda;     ///< ridges of the effective dimension; > 0
  double confidence = 0.95;
  /// Counts N between which the tail's exponent is fitted; empty: 10 … a quarter of the rank.
  ModeRange window = {1, 0};
};

/// A number with its error. The interval is value ± √((t·standard_error)² + resolution²), cut where
/// what is known excludes values.
struct Estimate {
  double value = 0;
  double standard_error = 0;  ///< from the random vectors
  double resolution = 0;      ///< of the quadrature: an estimate of its error, ≥ 0
  double low = 0;
  double high = 0;

  bool contains(double x) const { return low <= x && x <= high; }
};

struct DensityEstimate {
  std::vector<Estimate> count;                ///< eigenvalues above each threshold
  std::vector<Estimate> effective_dimension;  ///< tr K (K + λ)⁻¹ at each ridge
  Estimate trace;
  Estimate frobenius_squared;
  /// a where N(> t) ~ t^(−1/a): −slope of ln t on ln(N + ½) by least squares over the thresholds in
  /// the window; NaN where fewer than five stand in it or N does not double over them.
  Estimate exponent;
  ModeRange window;             ///< of the thresholds that were used; empty without an exponent
  std::int64_t thresholds = 0;  ///< as many
  std::int64_t resolved = 0;    ///< leading eigenvalues that are known one by one
};

/// How the quadrature's own error is told:
///   counts: half the weight of the node at t counts as above, corrected to second order by the
///     weights of its neighbours (Euler and Maclaurin's end correction, (w₊ − w₋)/24, at most a
///     quarter of the weight); the correction's size is the resolution. With fewer than two nodes
///     below t the rigorous bracket of Chebyshev, Markov and Stieltjes is: half the node's weight;
///   effective dimensions: Gauss and Gauss–Radau quadrature with a node at 0 enclose the true value
///     of a positive semi-definite matrix; their middle and half their distance;
///   trace and Frobenius norm: none, the quadrature is exact.
/// @param rank_bound no more than as many eigenvalues are above 0; n where nothing is known
/// @param resolved the leading eigenvalues, descending, each as often as it occurs; the different
///   ones are the first nodes of every quadrature in `gauss`
/// @pre at least two probes, each at_threshold as long as threshold; 0 < confidence < 1; n ≥ 1
DensityEstimate estimate_density(std::int64_t n, std::int64_t rank_bound,
                                 std::span<const double> resolved,
                                 std::span<const ProbeQuadratures> probes,
                                 const DensityOptions& options);

/// `count` positive numbers evenly spaced in the logarithm, descending, half a space inside the
/// range from the largest node to the smallest value that the quadratures resolve (two nodes of
/// every probe lie below it) and that is above `floor` times the largest. Empty where no node is
/// positive. @pre count ≥ 2, floor > 0
std::vector<double> resolved_thresholds(std::span<const GaussQuadrature> gauss, std::int64_t count,
                                        double floor);

}  // namespace fathom
