#pragma once

// The asymptotic law of random-feature spectra on power-law data, and how a spectrum is held
// against it. Paquette, Xiao, Zhu, "Power-Law Spectrum of the Random Feature Model",
// arXiv 2603.14578, main theorem. All functions are local and pure.

#include "spectral/mode_range.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// law_j = (log^{p-1}(j+1) / j)^alpha, natural logarithm, dimensionless and up to a constant.
/// @pre mode ≥ 1, degree ≥ 1
double law_value(std::int64_t mode, double alpha, int degree);

/// law_1 … law_count.
std::vector<double> law_spectrum(std::int64_t count, double alpha, int degree);

/// The largest mode of the theorem's window, floor(c1 · d / log^{p+1} d) with c1 = 1 (the theorem
/// leaves c1 open), at least 1 and at most d.
/// @pre features ≥ 1, degree ≥ 1
std::int64_t law_window_end(std::int64_t features, int degree);

/// value_j / reference_j; NaN where either is NaN or not positive. As long as value.
/// A reference that is shorter than value counts as NaN past its end.
std::vector<double> ratio_to(std::span<const double> value, std::span<const double> reference);

/// How far a ratio varies over a range of modes. Modes that are NaN or not positive are left out.
struct RatioSpread {
  ModeRange range;              ///< the range asked for, cut at the end of the spectrum
  std::int64_t count = 0;       ///< modes that entered
  double geometric_mean = 0.0;  ///< of the ratio, log-uniform weights 1/j as in the fits; NaN where
                                ///< count = 0, as all below
  double minimum = 0.0;         ///< of the ratio itself
  double maximum = 0.0;         ///< of the ratio itself
  double relative_minimum = 0.0;  ///< minimum / geometric_mean
  double relative_maximum = 0.0;  ///< maximum / geometric_mean
  double spread = 0.0;  ///< maximum / minimum, ≥ 1; what a constant factor cannot change
};
RatioSpread ratio_spread(std::span<const double> ratio, ModeRange range);

/// −d ln λ / d ln j … with its sign kept: d ln λ / d ln j at every mode, ≈ −alpha for a power law.
/// Least squares of ln λ on ln j over the window of `decades` (total width) centred on ln j, cut
/// symmetrically at the ends of the spectrum, log-uniform weights 1/j; the window is never narrower
/// than three modes. NaN where the mode itself is NaN or not positive, or fewer than three modes of
/// its window are usable.
/// @pre decades > 0
std::vector<double> local_slope(std::span<const double> eigenvalue, double decades = 0.3);

}  // namespace fathom
