#include "spectral/reach_verdict.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace fathom {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double log_of(double value) {
  return std::isfinite(value) && value > 0.0 ? std::log(value) : nan;
}

MeanInterval exponential(const MeanInterval& x) {
  return {std::exp(x.mean), std::exp(x.low), std::exp(x.high), x.count};
}

MeanInterval negative(const MeanInterval& x) {
  return {-x.mean, -x.high, -x.low, x.count};
}

/// Least squares; NaN where a y is.
double slope(std::span<const double> x, std::span<const double> y) {
  const double x_mean = mean_spread(x).mean;
  double xx = 0.0, xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - x_mean) * (x[i] - x_mean);
    xy += (x[i] - x_mean) * y[i];
  }
  return xy / xx;
}

/// Of a gain, of which more is better.
Finding judge(const MeanInterval& gain, double negligible) {
  if (!gain.known()) return Finding::undecided;
  if (gain.low > 0.0) return Finding::yes;
  return gain.high < std::max(0.0, negligible) ? Finding::no : Finding::undecided;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string interval(const MeanInterval& x) {
  return fmt::format("{:.3g} [{:.3g}, {:.3g}]", x.mean, x.low, x.high);
}

/// Neighbouring sizes between whose means the trend goes the other way.
std::string against_the_trend(const SizeTrend& trend, double sign) {
  std::string text;
  for (std::size_t i = 0; i + 1 < trend.size.size(); ++i)
    if (sign * (trend.mean[i + 1].mean - trend.mean[i].mean) < 0.0)
      text +=
          fmt::format("{}{:g} to {:g}", text.empty() ? "" : ", ", trend.size[i], trend.size[i + 1]);
  return text.empty() ? text : "; the means go the other way from " + text;
}

/// What larger models are asked to do: verb and adverb, and the sign of the slope that is a yes.
struct Question {
  std::string_view verb, adverb, quantity;
  double sign;
};

ReachVerdict verdict(const SizeTrend& trend, std::string_view sizes, const Question& question,
                     double negligible) {
  const MeanInterval gain = question.sign > 0.0 ? trend.slope : negative(trend.slope);
  const std::string left_out =
      trend.left_out == 0 ? std::string()
                          : fmt::format("; {} left out, without a value at every size",
                                        counted(static_cast<std::size_t>(trend.left_out), "seed"));
  const std::string claim = fmt::format("larger {} {}", sizes, question.verb);
  if (!gain.known())
    return {Finding::undecided,
            fmt::format("whether {} {} is not decided: {} with a value at every size, and an "
                        "interval needs two{}",
                        claim, question.adverb,
                        counted(static_cast<std::size_t>(trend.seeds()), "seed"), left_out)};
  const std::string numbers = fmt::format("slope {} over {} and {}", interval(trend.slope),
                                          counted(trend.size.size(), "size"),
                                          counted(static_cast<std::size_t>(trend.seeds()), "seed"));
  ReachVerdict result{judge(gain, negligible), {}};
  if (result.finding == Finding::yes)
    result.sentence = fmt::format("{} {}: {}{}{}", claim, question.adverb, numbers,
                                  against_the_trend(trend, question.sign), left_out);
  else if (result.finding == Finding::no)
    result.sentence =
        fmt::format("{} no {}: {}{}{}", claim, question.adverb, numbers,
                    gain.high < 0.0 ? fmt::format("; the {} goes the other way", question.quantity)
                                    : fmt::format(", less than {:g} if anything", negligible),
                    left_out);
  else
    result.sentence = fmt::format("whether {} {} is not decided: {}{}", claim, question.adverb,
                                  numbers, left_out);
  return result;
}

/// @param shown the change as it is printed, @param gain as it is judged
PairedVerdict paired_verdict(const MeanInterval& shown, const MeanInterval& gain,
                             const Question& question, std::size_t pairs, double negligible) {
  PairedVerdict result{shown, judge(gain, negligible), {}};
  const std::string claim = fmt::format("feature learning {}", question.verb);
  const auto missing = pairs - static_cast<std::size_t>(shown.count);
  const std::string left_out =
      missing == 0 ? std::string() : fmt::format("; {} left out", counted(missing, "pair"));
  const std::string numbers =
      gain.known() ? fmt::format("{} {} over {}", question.quantity, interval(shown),
                                 counted(static_cast<std::size_t>(shown.count), "seed"))
                   : fmt::format("{}, and an interval needs two",
                                 counted(static_cast<std::size_t>(shown.count), "seed"));
  if (result.finding == Finding::undecided)
    result.sentence = fmt::format("whether {} {} than the frozen kernel is not decided: {}{}",
                                  claim, question.adverb, numbers, left_out);
  else
    result.sentence =
        fmt::format("{} {}{} than the frozen kernel: {}{}", claim,
                    result.finding == Finding::no ? "no " : "", question.adverb, numbers, left_out);
  return result;
}

}  // namespace

SizeTrend trend_over_sizes(std::span<const SizeRuns> runs, double confidence) {
  std::vector<SizeRuns> by_size(runs.begin(), runs.end());
  std::sort(by_size.begin(), by_size.end(),
            [](const SizeRuns& a, const SizeRuns& b) { return a.size < b.size; });
  FATHOM_ASSERT(by_size.size() >= 2, "{} sizes", by_size.size());
  const std::size_t seeds = by_size.front().value.size();
  SizeTrend trend;
  std::vector<double> x;
  std::vector<std::vector<double>> y(seeds);
  for (const SizeRuns& at : by_size) {
    FATHOM_ASSERT(
        at.size > (trend.size.empty() ? 0.0 : trend.size.back()) && at.value.size() == seeds,
        "size {} with {} seeds of {}", at.size, at.value.size(), seeds);
    trend.size.push_back(at.size);
    x.push_back(std::log(at.size));
    std::vector<double> logarithm;
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      logarithm.push_back(log_of(at.value[seed]));
      y[seed].push_back(logarithm.back());
    }
    trend.mean.push_back(exponential(mean_interval(logarithm, confidence)));
  }
  std::vector<double> slopes;
  for (const std::vector<double>& seed : y)
    slopes.push_back(slope(x, seed));
  trend.slope = mean_interval(slopes, confidence);
  trend.left_out = static_cast<int>(seeds) - trend.slope.count;
  return trend;
}

ReachVerdict larger_reach_deeper(const SizeTrend& depth, std::string_view sizes,
                                 double negligible) {
  return verdict(depth, sizes, {"reach", "deeper", "depth", 1.0}, negligible);
}

ReachVerdict larger_end_lower(const SizeTrend& loss, std::string_view sizes, double negligible) {
  return verdict(loss, sizes, {"end", "lower", "loss", -1.0}, negligible);
}

PairedVerdict learning_reaches_deeper(std::span<const double> learning,
                                      std::span<const double> frozen, double confidence,
                                      double negligible) {
  FATHOM_ASSERT(learning.size() == frozen.size(), "{} and {} seeds", learning.size(),
                frozen.size());
  std::vector<double> change;
  for (std::size_t i = 0; i < learning.size(); ++i)
    change.push_back(log_of(learning[i]) - log_of(frozen[i]));
  const MeanInterval gain = mean_interval(change, confidence);
  return paired_verdict(exponential(gain), gain, {"reaches", "deeper", "by a factor", 1.0},
                        learning.size(), std::log1p(negligible));
}

PairedVerdict learning_ends_lower(std::span<const double> learning, std::span<const double> frozen,
                                  double confidence, double negligible) {
  FATHOM_ASSERT(learning.size() == frozen.size(), "{} and {} seeds", learning.size(),
                frozen.size());
  std::vector<double> change;
  for (std::size_t i = 0; i < learning.size(); ++i)
    change.push_back(learning[i] - frozen[i]);
  const MeanInterval difference = mean_interval(change, confidence);
  return paired_verdict(difference, negative(difference),
                        {"ends", "lower", "loss difference", -1.0}, learning.size(),
                        negligible * std::abs(mean_spread(frozen).mean));
}

}  // namespace fathom
