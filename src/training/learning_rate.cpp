#include "training/learning_rate.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fathom {

std::string_view name(Decay decay) {
  switch (decay) {
    case Decay::constant:
      return "constant";
    case Decay::linear:
      return "linear";
    case Decay::cosine:
      return "cosine";
  }
  return "constant";
}

double LearningRate::at(std::int64_t step) const {
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double span = static_cast<double>(std::max<std::int64_t>(1, steps - 1 - warmup));
  const double done = std::min(1.0, static_cast<double>(step - warmup) / span);
  switch (decay) {
    case Decay::constant:
      return peak;
    case Decay::linear:
      return peak * (1 - (1 - final_fraction) * done);
    case Decay::cosine:
      return peak * (final_fraction +
                     (1 - final_fraction) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
  }
  return peak;
}

}  // namespace fathom
