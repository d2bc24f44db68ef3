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
  /// Independent draws that the covariance averages over: d for random features, n for a covariance
  /// or Gram matrix of n data. 0: unknown, the interval then has no finite-size term of its own.
  std::int64_t samples = 0;
};

/// The modes that a fit over d features takes where none are asked for: 1 … max(8, d/40).
ModeRange default_fit_range(std::int64_t features);

/// Weights c_j, one a mode of the range cut at the end of the spectrum, with Σ c_j ln λ_j = −slope
/// of ln λ on ln j by least squares with log-uniform weights 1/j (every decade counts alike). Zero
/// where a mode is NaN or not positive; all zero where fewer than three modes are usable.
std::vector<double> power_law_weights(std::span<const double> eigenvalue, ModeRange range);

/// −slope of ln λ on ln j with these weights; NaN where fewer than three modes are usable.
double power_law_exponent(std::span<const double> eigenvalue, ModeRange range);

/// Finite-size bias of that exponent: sampled minus population, to first order in 1/samples. Modes
/// of a sample covariance repel each other, δ ln λ_j = (1/N) Σ_{k≠j} λ_k / (λ_j − λ_k) (Anderson
/// 1963; Lawley 1956), here with the sampled spectrum in place of the population's and gaps
/// smoothed at λ_j/N. All of the spectrum should be given: modes left out (NaN, not computed) count
/// as zero.
/// @pre samples ≥ 1
double finite_size_shift(std::span<const double> eigenvalue, ModeRange range, std::int64_t samples);

struct ExponentFit {
  double exponent = 0.0;  ///< mean over seeds (NaN where no seed could be fitted)
  double low = 0.0;       ///< interval at `confidence`, both errors included
  double high = 0.0;
  double seed_spread = 0.0;  ///< standard deviation between seeds; NaN with one seed
  double statistical = 0.0;  ///< half-width of the statistical part
  double finite_size = 0.0;  ///< predicted bias of the exponent, signed, not subtracted; 0: unknown
  double range_shift = 0.0;  ///< shift between fit ranges of what that prediction leaves, ≥ 0
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
  double error = 0.0;    ///< half-width of its interval: the two half-widths added
  std::string sentence;  ///< what was found, with numbers
};
/// The sentence says steeper or flatter where the interval of the change leaves out 0, "as it was"
/// where |change| + error stays below 0.1, and that nothing can be told in between.
ExponentChange exponent_in_out(std::span<const double> spectrum_in,
                               std::span<const double> spectrum_out, const FitOptions& options);

}  // namespace fathom
