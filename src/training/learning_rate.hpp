#pragma once

// Learning-rate schedules. Local and pure.

#include <cstdint>
#include <string_view>

namespace fathom {

enum class Decay { constant, linear, cosine };
std::string_view name(Decay decay);

/// rate(step) = peak · warm-up · decay: the warm-up rises linearly over its steps, from 1/warmup at
/// step 0 to 1; the decay then falls from 1 to `final_fraction` at the last of `steps`.
struct LearningRate {
  double peak = 0.1;
  Decay decay = Decay::constant;
  std::int64_t warmup = 0;
  std::int64_t steps = 1;
  double final_fraction = 0;
  /// @pre 0 ≤ step
  double at(std::int64_t step) const;
};

}  // namespace fathom
