#pragma once

// The exponent of a spectrum with an interval: statistical error between seeds and the shift
// between fit ranges (finite-size bias). docs/method.md says how they are joined. Local and pure.

#include "spectral/mode_range.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fathom {

struct FitOptions {
  ModeRange range;           ///< modes to fit, cut at the end of the spectrum
  double confidence = 0.95;  ///< of the interval
};

/// The modes that a fit over d features takes where none are asked for: 1 … max(8, d/40).
ModeRange default_fit_range(std::int64_t features);

/// −slope of ln λ on ln j by least squares with log-uniform weights (every decade counts alike).
/// NaN where fewer than three modes of the range are usable (positive, not NaN).
double power_law_exponent(std::span<const double> eigenvalue, ModeRange range);

struct ExponentFit {
  double exponent = 0.0;  ///< mean over seeds (NaN where no seed could be fitted)
  double low = 0.0;       ///< interval at `confidence`, both errors included
  double high = 0.0;
  double seed_spread = 0.0;  ///< standard deviation between seeds; NaN with one seed
  double statistical = 0.0;  ///< half-width of the statistical part
  double range_shift = 0.0;  ///< half-width of the systematic part: shift between fit ranges
  ModeRange range;           ///< modes that were fitted
  std::int64_t modes = 0;    ///< usable modes in it, the fewest of all seeds
  int seeds = 0;             ///< spectra that could be fitted
  double confidence = 0.95;
  std::string method;  ///< one sentence: how the interval was made

  double width() const { return high - low; }
  bool contains(double value) const { return low <= value && value <= high; }
};

/// One spectrum a seed, same n and same model. With one seed the statistical part is a jackknife
/// over blocks of modes (it sees the scatter about the line, not what moves the whole spectrum),
/// and `method` says so.
/// @pre 0 < confidence < 1
ExponentFit fit_exponent(std::span<const std::vector<double>> spectra, const FitOptions& options);
ExponentFit fit_exponent(std::span<const double> spectrum, const FitOptions& options);

/// Exponent in (covariance of the data before the layer) against exponent out (covariance of the
/// features after it), over the same modes.
struct ExponentChange {
  ExponentFit in;
  ExponentFit out;
  double change = 0.0;   ///< out − in: positive = the layer steepens the spectrum
  std::string sentence;  ///< what was found, with numbers
};
ExponentChange exponent_in_out(std::span<const double> spectrum_in,
                               std::span<const double> spectrum_out, const FitOptions& options);

}  // namespace fathom
