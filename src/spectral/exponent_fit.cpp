#include "spectral/exponent_fit.hpp"

#include "base/assert.hpp"
#include "spectral/student.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace fathom {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int jackknife_blocks = 8;
constexpr double no_change = 0.1;  // of an exponent: below it a layer leaves it as it was

bool usable(double value) {
  return std::isfinite(value) && value > 0.0;
}

ModeRange cut(ModeRange range, std::span<const double> eigenvalue) {
  return {std::max<std::int64_t>(range.first, 1),
          std::min(range.last, static_cast<std::int64_t>(eigenvalue.size()))};
}

/// power_law_weights over the modes for which keep(mode) holds.
template <class Keep>
std::vector<double> weights(std::span<const double> eigenvalue, ModeRange range, Keep keep) {
  range = cut(range, eigenvalue);
  std::vector<double> weight(static_cast<std::size_t>(range.count()), 0.0);
  double total = 0.0, x_sum = 0.0;
  std::int64_t count = 0;
  const auto each = [&](auto visit) {
    for (std::int64_t j = range.first; j <= range.last; ++j)
      if (usable(eigenvalue[j - 1]) && keep(j))
        visit(weight[j - range.first], std::log(static_cast<double>(j)),
              1.0 / static_cast<double>(j));
  };
  each([&](double&, double x, double w) {
    total += w;
    x_sum += w * x;
    ++count;
  });
  if (count < 3) return weight;
  const double x_mean = x_sum / total;
  double xx = 0.0;
  each([&](double& c, double x, double w) {
    c = -w * (x - x_mean);
    xx += w * (x - x_mean) * (x - x_mean);
  });
  for (double& c : weight)
    c /= xx;
  return weight;
}

/// Σ c_j ln λ_j; NaN where all weights are zero.
double apply(std::span<const double> weight, std::span<const double> eigenvalue, ModeRange range) {
  double sum = 0.0;
  bool any = false;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (weight[i] == 0.0) continue;
    any = true;
    sum += weight[i] * std::log(eigenvalue[std::max<std::int64_t>(range.first, 1) - 1 + i]);
  }
  return any ? sum : nan;
}

std::int64_t usable_modes(std::span<const double> eigenvalue, ModeRange range) {
  range = cut(range, eigenvalue);
  std::int64_t count = 0;
  for (std::int64_t j = range.first; j <= range.last; ++j)
    count += usable(eigenvalue[j - 1]) ? 1 : 0;
  return count;
}

MeanSpread over_seeds(std::span<const std::vector<double>> spectra, ModeRange range) {
  std::vector<double> value;
  for (const std::vector<double>& spectrum : spectra)
    value.push_back(power_law_exponent(spectrum, range));
  return mean_spread(value);
}

struct Jackknife {
  double error = nan;
  int blocks = 0;
};

/// Delete-one-block jackknife over blocks of equal width in ln j; empty blocks are no blocks.
Jackknife jackknife(std::span<const double> spectrum, ModeRange range) {
  const double low = std::log(static_cast<double>(std::max<std::int64_t>(range.first, 1)) - 0.5);
  const double high = std::log(static_cast<double>(range.last) + 0.5);
  const auto block_of = [&](std::int64_t j) {
    const double share = (std::log(static_cast<double>(j)) - low) / (high - low);
    return std::clamp(static_cast<int>(share * jackknife_blocks), 0, jackknife_blocks - 1);
  };
  std::vector<double> without;
  for (int block = 0; block < jackknife_blocks; ++block) {
    bool holds_modes = false;
    const std::vector<double> weight = weights(spectrum, range, [&](std::int64_t j) {
      const bool inside = block_of(j) == block;
      holds_modes = holds_modes || inside;
      return !inside;
    });
    const double value = apply(weight, spectrum, range);
    if (holds_modes && std::isfinite(value)) without.push_back(value);
  }
  Jackknife result;
  result.blocks = static_cast<int>(without.size());
  if (result.blocks < 2) return result;
  double mean = 0.0;
  for (double v : without)
    mean += v / result.blocks;
  double squares = 0.0;
  for (double v : without)
    squares += (v - mean) * (v - mean);
  result.error = std::sqrt(squares * (result.blocks - 1) / result.blocks);
  return result;
}

/// Mean finite-size shift of the spectra that can be fitted; 0 where samples are unknown.
double mean_finite_size(std::span<const std::vector<double>> spectra, ModeRange range,
                        std::int64_t samples) {
  if (samples < 1) return 0.0;
  double sum = 0.0;
  int count = 0;
  for (const std::vector<double>& spectrum : spectra) {
    if (usable_modes(spectrum, range) < 3) continue;
    sum += finite_size_shift(spectrum, range, samples);
    ++count;
  }
  return count == 0 ? 0.0 : sum / count;
}

/// The largest change, when the upper end of the range is halved or doubled, of what the predicted
/// finite-size shift leaves of the exponent.
double shift_between_ranges(std::span<const std::vector<double>> spectra, ModeRange range,
                            double corrected, std::int64_t samples) {
  double shift = 0.0;
  for (const std::int64_t last : {range.last / 2, 2 * range.last}) {
    const ModeRange other{range.first, last};
    const double value =
        over_seeds(spectra, other).mean - mean_finite_size(spectra, other, samples);
    if (std::isfinite(value)) shift = std::max(shift, std::abs(value - corrected));
  }
  return shift;
}

std::string what_the_layer_does(double change, double error) {
  if (std::abs(change) > error)
    return change > 0.0 ? "the layer steepens the spectrum" : "the layer flattens the spectrum";
  if (std::abs(change) + error < no_change)
    return fmt::format("the layer leaves the exponent as it was, to within {:.3f}",
                       std::abs(change) + error);
  if (!std::isfinite(error))
    return fmt::format("change {:+.2g}, its error is not known: cannot be told from none", change);
  return fmt::format("change {:+.2g}, error ±{:.2g}: cannot be told from none", change, error);
}

}  // namespace

ModeRange default_fit_range(std::int64_t features) {
  return {1, std::min(features, std::max<std::int64_t>(8, features / 40))};
}

std::vector<double> power_law_weights(std::span<const double> eigenvalue, ModeRange range) {
  return weights(eigenvalue, range, [](std::int64_t) { return true; });
}

double power_law_exponent(std::span<const double> eigenvalue, ModeRange range) {
  return apply(power_law_weights(eigenvalue, range), eigenvalue, range);
}

double finite_size_shift(std::span<const double> eigenvalue, ModeRange range,
                         std::int64_t samples) {
  FATHOM_ASSERT(samples >= 1, "samples = {}", samples);
  const std::vector<double> weight = power_law_weights(eigenvalue, range);
  const std::int64_t first = std::max<std::int64_t>(range.first, 1);
  const double n = static_cast<double>(samples);
  double shift = 0.0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (weight[i] == 0.0) continue;
    const double value = eigenvalue[first - 1 + i];
    const double smoothing = (value / n) * (value / n);
    double repulsion = 0.0;
    for (const double other : eigenvalue) {
      if (!usable(other)) continue;
      const double gap = value - other;
      repulsion += other * gap / (gap * gap + smoothing);
    }
    shift += weight[i] * repulsion / n;
  }
  return shift;
}

ExponentFit fit_exponent(std::span<const std::vector<double>> spectra, const FitOptions& options) {
  FATHOM_ASSERT(options.confidence > 0.0 && options.confidence < 1.0, "confidence = {}",
                options.confidence);
  std::size_t longest = 0;
  for (const std::vector<double>& spectrum : spectra)
    longest = std::max(longest, spectrum.size());
  ExponentFit fit;
  fit.confidence = options.confidence;
  fit.range = {std::max<std::int64_t>(options.range.first, 1),
               std::min(options.range.last, static_cast<std::int64_t>(longest))};
  fit.exponent = fit.low = fit.high = nan;
  fit.seed_spread = fit.statistical = fit.finite_size = fit.range_shift = nan;

  const MeanSpread seeds = over_seeds(spectra, fit.range);
  fit.seeds = seeds.count;
  if (seeds.count == 0) {
    fit.method = "no spectrum has three trusted modes in the range";
    return fit;
  }
  fit.modes = std::numeric_limits<std::int64_t>::max();
  const std::vector<double>* fitted = nullptr;
  for (const std::vector<double>& spectrum : spectra) {
    const std::int64_t modes = usable_modes(spectrum, fit.range);
    if (modes < 3) continue;
    fit.modes = std::min(fit.modes, modes);
    fitted = &spectrum;
  }
  fit.exponent = seeds.mean;
  fit.seed_spread = seeds.deviation;
  fit.finite_size = mean_finite_size(spectra, fit.range, options.samples);
  fit.range_shift =
      shift_between_ranges(spectra, fit.range, fit.exponent - fit.finite_size, options.samples);
  const std::string shift =
      fmt::format("{}plus the largest shift when the upper end of the range is halved or doubled",
                  options.samples > 0 ? "plus the predicted finite-size bias, " : "");
  if (seeds.count > 1) {
    fit.statistical = student_quantile(fit.confidence, seeds.count - 1) * seeds.deviation /
                      std::sqrt(static_cast<double>(seeds.count));
    fit.method = fmt::format("{:g} % Student interval of the mean of {} seeds, {}",
                             100.0 * fit.confidence, seeds.count, shift);
  } else {
    const Jackknife blocks = jackknife(*fitted, fit.range);
    if (blocks.blocks >= 2)
      fit.statistical = student_quantile(fit.confidence, blocks.blocks - 1) * blocks.error;
    fit.method = fmt::format(
        "one seed only: {:g} % interval from a jackknife over {} blocks of modes, which does not "
        "see what differs from seed to seed, {}",
        100.0 * fit.confidence, blocks.blocks, shift);
  }
  // Biases do not average out: they are added, not joined in quadrature.
  const double half = fit.statistical + std::abs(fit.finite_size) + fit.range_shift;
  fit.low = fit.exponent - half;
  fit.high = fit.exponent + half;
  return fit;
}

ExponentFit fit_exponent(std::span<const double> spectrum, const FitOptions& options) {
  const std::vector<double> copy(spectrum.begin(), spectrum.end());
  return fit_exponent(std::span(&copy, 1), options);
}

ExponentChange exponent_in_out(std::span<const double> spectrum_in,
                               std::span<const double> spectrum_out, const FitOptions& options) {
  ExponentChange result{
      fit_exponent(spectrum_in, options), fit_exponent(spectrum_out, options), nan, nan, {}};
  result.change = result.out.exponent - result.in.exponent;
  if (!std::isfinite(result.change)) {
    result.sentence =
        "Fewer than three trusted modes in the range before or after the layer: no "
        "exponents to compare.";
    return result;
  }
  result.error = 0.5 * (result.in.width() + result.out.width());
  result.sentence = fmt::format(
      "Exponent in {:.3f} [{:.3f}, {:.3f}], exponent out {:.3f} [{:.3f}, {:.3f}] over modes {}-{}: "
      "{}.",
      result.in.exponent, result.in.low, result.in.high, result.out.exponent, result.out.low,
      result.out.high, result.out.range.first, result.out.range.last,
      what_the_layer_does(result.change, result.error));
  return result;
}

}  // namespace fathom
