#pragma once

// Power-law teacher: targets for regression on x ~ N(0, H), H = diag(j^-alpha), j = 1 … dim, whose
// coefficients fall as a power law in H's eigenbasis. With z_j = x_j/√h_j, standard normal, and
// u = Σ_j b_j z_j/‖b‖,
//   y = ‖b‖ (√(1−s) u + √s (u² − 1)/√2) + noise,   b_j ∝ ±j^-beta,
// so that s is the share of the signal's variance ‖b‖² in second order (s = 0: linear, y = Σ b_j
// z_j
// + noise). Signal and noise are known apart. Everything here is local.

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

enum class CoefficientSigns {
  positive,
  random,  ///< keyed by (seed, stream targets, j)
};

struct TeacherParameters {
  std::int64_t dim = 0;
  double beta = 0.0;
  CoefficientSigns signs = CoefficientSigns::positive;
  bool unit_variance = false;       ///< scale b to ‖b‖ = 1; else b_j = ±j^-beta
  double second_order_share = 0.0;  ///< s in [0, 1]
  double noise_deviation = 0.0;     ///< of the label noise, ≥ 0
};

/// Targets of items, in their order; y = signal + noise.
struct TeacherTargets {
  std::vector<double> signal;
  std::vector<double> noise;
};

class Teacher {
 public:
  /// The targets belong to the inputs fill_power_law({seed, Stream::data}, alpha, items, 0, x) of
  /// dim coordinates, for any alpha. Throws Error(deck) for parameters out of range.
  Teacher(const TeacherParameters& parameters, std::uint64_t seed);

  const TeacherParameters& parameters() const { return parameters_; }

  /// b_1 … b_dim.
  std::span<const double> coefficients() const { return coefficient_; }

  /// ‖b‖², which is the variance of the signal over inputs.
  double signal_variance() const { return norm_ * norm_; }

  /// Depends on (seed, global index) alone, bit by bit: z by stream data, noise by stream noise.
  TeacherTargets targets(std::span<const std::int64_t> items) const;

 private:
  double signal(std::int64_t item, std::span<double> chunk) const;

  TeacherParameters parameters_;
  std::uint64_t seed_;
  std::vector<double> coefficient_;
  double norm_ = 0.0;
};

}  // namespace fathom
