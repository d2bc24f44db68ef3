#pragma once

// Whether larger models reach deeper and end lower, and whether feature learning goes past the
// frozen kernel: slopes and paired differences over seeds with Student intervals, and one sentence
// each. Local and pure.

#include "spectral/student.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fathom {

/// The runs of one size, one value a seed: the same seed at the same place for every size. Values
/// that are not positive and finite count as missing.
struct SizeRuns {
  double size = 0.0;
  std::vector<double> value;
};

/// ln value against ln size.
struct SizeTrend {
  std::vector<double> size;        ///< rising
  std::vector<MeanInterval> mean;  ///< geometric mean over seeds and its interval, one a size
  /// Mean over seeds of each seed's least-squares slope. Seeds that share data or initial values
  /// over the sizes are no more than one observation each; what bends the line is not in it.
  MeanInterval slope;
  int left_out = 0;  ///< seeds without a value at every size, which have no slope

  int seeds() const { return slope.count; }
};
/// @pre at least two sizes, all different and positive, equally many seeds each; 0 < confidence < 1
SizeTrend trend_over_sizes(std::span<const SizeRuns> runs, double confidence = 0.95);

enum class Finding { undecided, yes, no };

struct ReachVerdict {
  Finding finding = Finding::undecided;
  std::string sentence;
};

/// Yes where the interval of the slope lies above 0; no where it lies below 0, or below a slope
/// that would be negligible; undecided where it reaches from 0 or less past that, or where fewer
/// than two seeds have a slope. For depths as mode indices, or as λ₁/λ.
/// @param sizes what is varied, in the plural: "widths"
/// @param negligible at 0.1 a tenfold size changes the depth by a quarter
ReachVerdict larger_reach_deeper(const SizeTrend& depth, std::string_view sizes,
                                 double negligible = 0.1);
/// The same for the final loss, which must fall: at 0.01 a tenfold size changes it by 2.3 %.
ReachVerdict larger_end_lower(const SizeTrend& loss, std::string_view sizes,
                              double negligible = 0.01);

/// The same runs, with the kernel frozen at some step and without, seed by seed.
struct PairedVerdict {
  MeanInterval change;  ///< of the loss: learning − frozen; of the depth: the ratio learning/frozen
  Finding finding = Finding::undecided;
  std::string sentence;
};
/// By the mean ratio of the depths (geometric). Pairs with a depth that is not positive are left
/// out. @param negligible relative @pre as long as each other
PairedVerdict learning_reaches_deeper(std::span<const double> learning,
                                      std::span<const double> frozen, double confidence = 0.95,
                                      double negligible = 0.1);
/// By the mean difference of the losses, so that an excess loss may be negative.
/// @param negligible relative to the mean frozen loss
PairedVerdict learning_ends_lower(std::span<const double> learning, std::span<const double> frozen,
                                  double confidence = 0.95, double negligible = 0.01);

}  // namespace fathom
