#pragma once

// Spectral position: where in the kernel's spectrum the loss is being brought down right now
// (Nikolaou et al., arXiv 2605.31244). Local and pure.
//
// L is the mean loss, g = ∇_f L stacked over all N_out outputs, Θ = JJᵀ with eigenpairs (λ_k, u_k)
// and projections p_k = u_k·g. The decrease of L along −∇_θ L is δL = gᵀΘg = Σ λ_k p_k².
//
// What of g lies in the null space is never learned and stays in ‖g‖² for ever: the scalar χ_pos
// then falls without end, and computed eigenvalues of 1e-18 take over the mode index. So every
// number here says which modes it counts. Only trusted modes make a depth.

#include "base/quadrature.hpp"
#include "spectral/mode_range.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace fathom {

/// A kernel's spectrum as it was computed, with what is known of its errors.
struct KernelModes {
  std::span<const double> eigenvalue;   ///< λ_k, falling; NaN only where not trusted
  std::span<const double> error_bound;  ///< absolute; read where trusted
  std::span<const int> state;           ///< 1 trusted, 0 untrusted, 2 null by rank
  double trace = 0.0;                   ///< tr Θ of the matrix itself, all modes
  std::int64_t outputs = 0;             ///< N_out, the order of Θ and the length of g
  std::int64_t unlisted_null = 0;       ///< modes that are null by rank and not in the list
};

/// The mode down to which a share of the loss decrease lies. Within a group of eigenvalues that
/// their error bounds do not separate, eigenvectors and with them the p_k are arbitrary: the
/// depth is a group, its index is that of the group's last mode.
struct DecreaseDepth {
  ModeRange modes;  ///< the group; empty where there is no decrease, or no index (quadratures)
  double relative_eigenvalue = std::numeric_limits<double>::quiet_NaN();  ///< λ/λ₁
  /// What λ/λ₁ may be: the ends of the group, or of the quadrature's bracket.
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();

  std::int64_t mode() const { return modes.last; }  ///< 1-based; 0 where there is none
  bool found() const { return relative_eigenvalue > 0.0; }
};

/// NaN where a ratio has no denominator (g = 0, or a kernel that is 0).
struct SpectralPosition {
  double chi_loss = 0.0;         ///< ‖g‖²
  double chi_net = 0.0;          ///< tr Θ
  double decrease = 0.0;         ///< δL = Σ λ_k p_k² over all modes listed
  double decrease_error = 0.0;   ///< Σ bound_k p_k² over trusted modes
  double chi_pos = 0.0;          ///< δL/(χ_loss χ_net), raw
  double chi_pos_trusted = 0.0;  ///< g projected on the trusted modes, above and below the line
  double unreachable_fraction = 0.0;  ///< ‖P g‖²/‖g‖², P on modes untrusted or null by rank
  double unresolved_fraction = 0.0;  ///< ‖P g‖²/‖g‖², P on what no mode stands for
  double null_level = 0.0;           ///< 1/N_out: χ_pos of a random direction
  double top_level = 0.0;            ///< λ₁/tr Θ: χ_pos of the top mode
  double trusted_floor = 0.0;        ///< smallest trusted λ/λ₁
  std::int64_t trusted = 0;          ///< trusted modes (0 from a quadrature)
  DecreaseDepth half;                ///< half of the trusted decrease lies down to here
  DecreaseDepth ninety;              ///< 90 % of it

  double over_null() const { return chi_pos / null_level; }  ///< near 1: null, not tail
  double of_top() const { return chi_pos / top_level; }      ///< 1 for the top mode
};

/// From the whole spectrum.
/// @param gradient_squared ‖g‖² of the vector itself
/// @pre all spans as long as each other, listed and unlisted modes no more than outputs; λ falling;
/// trusted modes positive with bounds of at most a tenth; Σ p² ≤ ‖g‖² and trusted Σ λ ≤ trace to
/// 1e-6, and Σ p² = ‖g‖² where all modes are listed. projection may be NaN where null by rank.
SpectralPosition spectral_position(const KernelModes& modes, std::span<const double> projection,
                                   double gradient_squared);

/// λ_k p_k² where a mode is trusted, 0 elsewhere: what each takes of the decrease.
/// @pre spans as long as each other
std::vector<double> trusted_decrease(std::span<const double> eigenvalue, std::span<const int> state,
                                     std::span<const double> projection);

/// The first group of modes down to which at least `share` of Σ decrease lies. A group is every
/// mode after its first whose eigenvalue their two bounds do not separate from the first's.
/// @param eigenvalue NaN where not trusted: left out, whatever its decrease
/// @param error_bound empty: none, only equal eigenvalues are a group
/// @pre 0 < share ≤ 1, decrease ≥ 0 on trusted modes, which fall and are positive
DecreaseDepth decrease_depth(std::span<const double> eigenvalue,
                             std::span<const double> error_bound, std::span<const double> decrease,
                             double share);

/// What is known beside a Gauss quadrature of μ_g = Σ p_k² δ_{λ_k} (Lanczos started at g).
struct QuadratureKernel {
  double trace = 0.0;           ///< tr Θ
  double top_eigenvalue = 0.0;  ///< λ₁ of Θ, which need not be a node
  double floor = 0.0;           ///< nodes at or below are not trusted: rounding, null space
  std::int64_t outputs = 0;     ///< N_out
};

/// The same without modes: depths are in λ/λ₁, bracketed by the neighbouring nodes (the inequality
/// of Chebyshev, Markov and Stieltjes, which Σ w f exact to degree 2k − 2 for f = λ·polynomial
/// satisfies; rigorous where nothing lies below the floor).
/// @pre nodes fall, none above top_eigenvalue by more than 1e-6; weights sum to ‖g‖² to 1e-6
SpectralPosition spectral_position(const GaussQuadrature& measure, double gradient_squared,
                                   const QuadratureKernel& kernel);

/// tr Θ with the standard error of its estimate; 0 and no probes: exact.
struct TraceEstimate {
  double value = 0.0;
  double standard_error = 0.0;
  std::int64_t probes = 0;
};
/// Hutchinson: the mean of ‖Jᵀz‖² over ±1 probes z, with the scatter between them.
/// @pre at least two values
TraceEstimate hutchinson_trace(std::span<const double> quadratic_form);

/// χ_pos without a kernel.
struct GradientPosition {
  double chi_pos = 0.0;
  double standard_error = 0.0;  ///< χ_pos · se(tr)/tr, to first order
  double low = 0.0;             ///< from the interval of the trace, cut at [0, 1]
  double high = 0.0;
};
/// @param decrease ‖∇_θ L‖² @param chi_loss ‖g‖²
/// @pre trace.value > 0, chi_loss > 0, 0 < confidence < 1; an estimate has at least two probes
GradientPosition position_from_gradients(double decrease, double chi_loss,
                                         const TraceEstimate& trace, double confidence = 0.95);

/// δL split by g = g_signal + g_noise: learning against memorising. The cross term may be negative.
struct DecreaseSplit {
  double signal = 0.0;  ///< Σ λ p_s²
  double noise = 0.0;   ///< Σ λ p_n²
  double cross = 0.0;   ///< 2 Σ λ p_s p_n

  double total() const { return signal + noise + cross; }
  double signal_share() const { return signal / total(); }
  double noise_share() const { return noise / total(); }
  double cross_share() const { return cross / total(); }
};
/// Modes whose eigenvalue is NaN are left out. @pre spans as long as each other
DecreaseSplit split_decrease(std::span<const double> eigenvalue, std::span<const double> signal,
                             std::span<const double> noise);

/// δL(A, B) = g_Aᵀ Θ g_B: how much a step on A brings down the loss on B; negative: interference.
/// Modes whose eigenvalue is NaN are left out. @pre spans as long as each other
double cross_decrease(std::span<const double> eigenvalue, std::span<const double> projection_a,
                      std::span<const double> projection_b);

}  // namespace fathom
