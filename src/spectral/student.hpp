#pragma once

// Means over seeds and their Student intervals, as all of this room's statements make them. Local
// and pure.

#include <span>

namespace fathom {

/// Half-width of the central interval of Student's t in standard errors.
/// @pre 0 < confidence < 1, freedom > 0
double student_quantile(double confidence, double freedom);

struct MeanSpread {
  double mean = 0.0;       ///< NaN where there is no value
  double deviation = 0.0;  ///< standard deviation between values, n − 1; NaN with fewer than two
  int count = 0;           ///< values that are finite
};
/// Values that are not finite are left out.
MeanSpread mean_spread(std::span<const double> value);

struct MeanInterval {
  double mean = 0.0;
  double low = 0.0;  ///< NaN with fewer than two values
  double high = 0.0;
  int count = 0;

  bool known() const { return low <= high; }
  bool contains(double value) const { return low <= value && value <= high; }
};
/// mean ± t·deviation/√n. Values that are not finite are left out. @pre 0 < confidence < 1
MeanInterval mean_interval(std::span<const double> value, double confidence);

}  // namespace fathom
