#include "spectral/measures.hpp"

#include "base/assert.hpp"
#include "spectral/compensated_sum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace fathom {

namespace {

double largest_magnitude(std::span<const double> eigenvalue) {
  double largest = 0.0;
  for (double value : eigenvalue)
    if (!std::isnan(value)) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

double spectral_trace(std::span<const double> eigenvalue) {
  CompensatedSum sum;
  for (double value : eigenvalue)
    if (!std::isnan(value)) sum.add(value);
  return sum.value();
}

double spectral_frobenius(std::span<const double> eigenvalue) {
  const double scale = largest_magnitude(eigenvalue);
  if (scale == 0.0) return 0.0;
  CompensatedSum sum;
  for (double value : eigenvalue)
    if (!std::isnan(value)) sum.add((value / scale) * (value / scale));
  return scale * std::sqrt(sum.value());
}

double participation_ratio(std::span<const double> eigenvalue) {
  const double frobenius = spectral_frobenius(eigenvalue);
  if (frobenius == 0.0) return 0.0;
  const double root = spectral_trace(eigenvalue) / frobenius;
  return root * root;
}

double effective_dimension(std::span<const double> eigenvalue, double ridge) {
  FATHOM_ASSERT(ridge > 0.0, "ridge = {}", ridge);
  CompensatedSum sum;
  for (double value : eigenvalue)
    if (value > 0.0) sum.add(value / (value + ridge));
  return sum.value();
}

EffectiveDimensionCurve effective_dimension_curve(std::span<const double> eigenvalue,
                                                  std::int64_t points) {
  FATHOM_ASSERT(points >= 2, "points = {}", points);
  double largest = 0.0, smallest = std::numeric_limits<double>::infinity();
  for (double value : eigenvalue) {
    if (!(value > 0.0)) continue;
    largest = std::max(largest, value);
    smallest = std::min(smallest, value);
  }
  EffectiveDimensionCurve curve;
  if (largest == 0.0) return curve;
  curve.lambda_max = largest;
  const double bottom = std::log(smallest / largest);
  for (std::int64_t i = 0; i < points; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(points - 1);
    const double relative = std::exp((1.0 - share) * bottom);
    curve.lambda.push_back(relative);
    curve.dimension.push_back(effective_dimension(eigenvalue, relative * largest));
  }
  return curve;
}

TargetPower target_power(std::span<const double> coefficient, double total) {
  FATHOM_ASSERT(total >= 0.0, "total = {}", total);
  TargetPower result;
  result.power.assign(coefficient.size(), 0.0);
  result.cumulative.assign(coefficient.size(), 0.0);
  if (total == 0.0) return result;
  CompensatedSum sum;
  for (std::size_t k = 0; k < coefficient.size(); ++k) {
    result.power[k] = coefficient[k] * coefficient[k] / total;
    sum.add(result.power[k]);
    result.cumulative[k] = sum.value();
  }
  return result;
}

std::int64_t power_depth(std::span<const double> cumulative, double share) {
  const auto reached = std::find_if(cumulative.begin(), cumulative.end(),
                                    [&](double value) { return value >= share; });
  return reached == cumulative.end() ? 0 : reached - cumulative.begin() + 1;
}

TargetDepth target_depth(const TargetPower& target, std::span<const double> trusted_eigenvalue,
                         double share) {
  FATHOM_ASSERT(target.power.size() == trusted_eigenvalue.size(), "{} powers, {} modes",
                target.power.size(), trusted_eigenvalue.size());
  CompensatedSum trusted, untrusted;
  std::vector<double> cumulative;
  for (std::size_t k = 0; k < target.power.size(); ++k) {
    (std::isnan(trusted_eigenvalue[k]) ? untrusted : trusted).add(target.power[k]);
    cumulative.push_back(trusted.value());
  }
  TargetDepth result{power_depth(cumulative, share), untrusted.value(), 0.0};
  const double known = trusted.value() + untrusted.value();
  // A target of zeros has no power to be missing; rounding may carry the sum past 1.
  if (known > 0.0) result.unresolved = std::max(0.0, 1.0 - known);
  return result;
}

std::string depth_sentence(std::span<const TargetDepth> targets, double share) {
  FATHOM_ASSERT(!targets.empty(), "no targets");
  std::vector<std::int64_t> depth;
  double untrusted = 0.0, unresolved = 0.0;
  for (const TargetDepth& target : targets) {
    if (target.depth > 0) depth.push_back(target.depth);
    untrusted += target.untrusted / static_cast<double>(targets.size());
    unresolved += target.unresolved / static_cast<double>(targets.size());
  }
  std::sort(depth.begin(), depth.end());
  std::string text =
      fmt::format("{} of {} target{} {} {:g} % of {} power within the trusted modes",
                  depth.empty() ? "None" : fmt::format("{}", depth.size()), targets.size(),
                  targets.size() == 1 ? "" : "s", depth.size() > 1 ? "have" : "has", 100.0 * share,
                  depth.size() > 1 ? "their" : "its");
  if (depth.size() == 1) text += fmt::format(": depth {}", depth.front());
  if (depth.size() > 1)
    text += fmt::format(": median depth {}, {} to {}", depth[(depth.size() - 1) / 2], depth.front(),
                        depth.back());
  // Below this a share is what rounding leaves.
  constexpr double nothing = 1e-9;
  const auto percent = [](double value) {
    return value < 0.001 ? std::string("less than 0.1") : fmt::format("{:.1f}", 100.0 * value);
  };
  if (untrusted > nothing)
    text += fmt::format("; {} % of the power lies in untrusted modes", percent(untrusted));
  if (unresolved > nothing)
    text += fmt::format("; {} % of the power lies outside the modes computed", percent(unresolved));
  return text;
}

}  // namespace fathom
