#pragma once

// What is read off a spectrum and off targets in its eigenbasis. Local and pure.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fathom {

/// Σ λ_j, compensated. NaN modes are left out.
double spectral_trace(std::span<const double> eigenvalue);
/// sqrt(Σ λ_j²), scaled against over- and underflow. NaN modes are left out.
double spectral_frobenius(std::span<const double> eigenvalue);
/// (Σ λ)² / Σ λ²: how many equal modes would weigh as much. 0 for a zero spectrum.
double participation_ratio(std::span<const double> eigenvalue);

/// Effective dimension N(κ) = Σ λ_j / (λ_j + κ) over positive modes.
/// @pre ridge > 0
double effective_dimension(std::span<const double> eigenvalue, double ridge);

struct EffectiveDimensionCurve {
  double lambda_max = 0.0;        ///< λ₁
  std::vector<double> lambda;     ///< κ/λ₁, log-spaced, rising
  std::vector<double> dimension;  ///< N(κ)
};
/// On `points` ridges from the smallest positive mode to λ₁ (trusted modes only if NaN elsewhere).
/// Empty where no mode is positive. @pre points ≥ 2
EffectiveDimensionCurve effective_dimension_curve(std::span<const double> eigenvalue,
                                                  std::int64_t points);

/// Power of one target y in an eigenbasis, coefficient c_k = u_kᵀ y.
struct TargetPower {
  std::vector<double> power;       ///< c_k² / ‖y‖²
  std::vector<double> cumulative;  ///< Σ_{i≤k} power, compensated, ≤ 1 up to rounding
};
/// total = ‖y‖² of the target itself, so that power outside the modes given counts as missing.
/// All zero where total = 0. @pre total ≥ 0
TargetPower target_power(std::span<const double> coefficient, double total);

/// The first mode (1-based) at which the cumulative power reaches share; 0 where it never does.
std::int64_t power_depth(std::span<const double> cumulative, double share);

/// Where one target's power lies, as far as its modes can be trusted.
struct TargetDepth {
  std::int64_t depth = 0;   ///< first mode at which the power in trusted modes up to it reaches the
                            ///< share asked for; 0 where trusted modes do not hold as much
  double untrusted = 0.0;   ///< power in modes that were computed but are not trusted
  double unresolved = 0.0;  ///< power outside the modes computed
};
/// @pre trusted_eigenvalue (NaN = not trusted) is as long as target.power
TargetDepth target_depth(const TargetPower& target, std::span<const double> trusted_eigenvalue,
                         double share);

/// One sentence on them: how many targets are that shallow, how deep those are, and how much power
/// lies where nothing is known. @pre not empty
std::string depth_sentence(std::span<const TargetDepth> targets, double share);

}  // namespace fathom
