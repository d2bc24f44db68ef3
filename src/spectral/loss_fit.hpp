#pragma once

// The saturating law L(N) = E + A N^-a of loss against size, data or compute, with intervals.
// Local and pure.
//
// By variable projection (Golub & Pereyra 1973): for a given exponent the other two parameters are
// the solution of a linear least-squares problem, so the search has one dimension and no starting
// point. A search over all parameters at once stalls and understates the intervals (Besiroglu et
// al. 2024). Residuals are relative to the loss above the known floor.

#include "base/random.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fathom {

/// One run. Several may have one size.
struct LossPoint {
  double size = 0.0;  ///< N, D or C; > 0
  double loss = 0.0;
};

struct LossFitOptions {
  /// Known E, as from a Bayes loss; without it E ≥ 0 is fitted.
  std::optional<double> floor;
  double confidence = 0.95;
  int resamples = 1000;  ///< of the bootstrap; 0: no intervals
  RandomKey key{0, Stream::bootstrap};
};

struct FittedValue {
  double value = 0.0;
  double low = 0.0;  ///< NaN where there is no interval
  double high = 0.0;

  bool contains(double x) const { return low <= x && x <= high; }
};

struct LossFit {
  FittedValue floor;           ///< E
  FittedValue amplitude;       ///< A, in units of loss · size^a
  FittedValue exponent;        ///< a; NaN where the loss does not fall, or too few sizes are there
  double residual = 0.0;       ///< root mean square, relative
  bool at_bound = false;       ///< exponent at an end of 0.01 … 10: not determined by the data
  bool floor_is_zero = false;  ///< E would have been negative
  std::int64_t points = 0;     ///< used: finite and above the known floor
  std::int64_t left_out = 0;
  std::string method;  ///< one sentence: how the intervals were made, or why there is no fit

  bool found() const { return exponent.value > 0.0; }
  /// Whether the law is one of these losses at all. The intervals do not ask: they hold what the
  /// scatter of the runs leaves open, however far off all of them the law passes.
  bool describes() const { return found() && residual <= 0.3; }
  double loss(double size) const;    ///< E + A N^-a
  double excess(double size) const;  ///< A N^-a
};

/// Intervals are percentiles of a bootstrap: where every size has two runs or more, of the runs
/// within each size about their mean (which keeps what the law does not describe), else of the
/// residuals about the fit; both widened by what the mean or the fit takes of the scatter, √(m/(m −
/// 1)) or √(n/(n − parameters)), and read at the percentiles that stand for Student's t (Hesterberg
/// 2015). Measured at 7 sizes, 1 to 5 runs each: 95 % intervals hold the truth in 92 to 95 %. No
/// fit from fewer than three sizes (two with a known floor).
/// @pre sizes positive, 0 < confidence < 1, resamples = 0 or ≥ 20
LossFit fit_saturating_law(std::span<const LossPoint> points, const LossFitOptions& options = {});

/// What doubling the size takes off the loss, as a fraction of the loss. (Of the excess loss the
/// law takes off 1 − 2^-a at every size.) @pre found, size > 0
double doubling_gain(const LossFit& fit, double size);

/// The size past which a doubling gains less than `fraction` of the loss: the onset of the
/// asymptote. 0 where no doubling ever gained as much, infinite where the loss has no floor.
/// @pre found, 0 < fraction < 1
double asymptote_onset(const LossFit& fit, double fraction);

}  // namespace fathom
