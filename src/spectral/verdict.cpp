#include "spectral/verdict.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fathom {

namespace {

// A slope that decides wants a decade of modes that are inside the theorem's window and past the
// mode j ≈ e^{p-1} from which the law falls at all.
constexpr double decade = 10.0;
// And that much of it must have been fitted: half a decade.
const double fitted_span = std::sqrt(decade);
// The theorem wants v above d; at v = d the data's cut-off reaches into the modes.
constexpr std::int64_t dim_per_feature = 2;

double first_falling_mode(int degree) {
  return std::exp(degree - 1.0);
}

bool window_decides(std::int64_t features, int degree) {
  return static_cast<double>(law_window_end(features, degree)) >=
         decade * first_falling_mode(degree);
}

/// Of the fitted modes, those between the mode from which the law falls and the window's end.
bool fit_lies_in_window(const ModeRange& range, std::int64_t window_end, int degree) {
  const double first = std::max(static_cast<double>(range.first), first_falling_mode(degree));
  const double last = static_cast<double>(std::min(range.last, window_end));
  return last >= fitted_span * first;
}

/// The smallest d, to about 10 %, whose window decides.
double deciding_features(int degree) {
  double d = std::exp(degree + 1.0);  // d / log^{p+1} d rises from there on
  const auto window = [&] { return d / std::pow(std::log(d), degree + 1); };
  while (window() < decade * first_falling_mode(degree))
    d *= 1.1;
  return d;
}

std::string fitted(const ExponentFit& fit) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}] over modes {}-{} from {} seed{}", fit.exponent,
                     fit.low, fit.high, fit.range.first, fit.range.last, fit.seeds,
                     fit.seeds == 1 ? "" : "s");
}

/// Where the fit uses modes about which the theorem says nothing; empty otherwise.
std::string past_window(const LawEvidence& evidence, std::int64_t window_end) {
  if (evidence.fit.range.last <= window_end) return {};
  return fmt::format("; modes past {} lie outside the theorem's window", window_end);
}

/// Clauses on the ratios, each with its leading separator; empty where nothing was measured.
std::string ratios(const LawEvidence& evidence) {
  std::string text;
  if (evidence.law.count > 0)
    text += fmt::format("; over modes {}-{} the ratio to the law varies by a factor {:#.3g}",
                        evidence.law.range.first, evidence.law.range.last, evidence.law.spread);
  if (evidence.comparator.count > 0)
    text += fmt::format("; the ratio to the chaos comparator stays in [{:#.3g}, {:#.3g}]",
                        evidence.comparator.minimum, evidence.comparator.maximum);
  return text;
}

std::string too_small(const LawEvidence& evidence, std::int64_t window_end, double expected) {
  const double falling = first_falling_mode(evidence.degree);
  return fmt::format(
      "d = {} is too small to decide for p = {}: the theorem's window ends at mode {}{}; the "
      "fitted exponent {} decides nothing (alpha = {:g}, and the law itself would show {:.3f} over "
      "these modes){}. A decade of deciding modes needs d of about {:.1g}.",
      evidence.features, evidence.degree, window_end,
      evidence.degree > 1
          ? fmt::format(" and the law falls only past mode {:.0f}", std::ceil(falling))
          : std::string(),
      fitted(evidence.fit), evidence.alpha, expected, ratios(evidence),
      deciding_features(evidence.degree));
}

std::string undecided(const LawEvidence& evidence, const std::string& reason) {
  return fmt::format("Nothing is decided for p = {}, d = {}: {}; the fitted exponent is {}{}.",
                     evidence.degree, evidence.features, reason, fitted(evidence.fit),
                     ratios(evidence));
}

}  // namespace

bool law_is_stated(std::string_view activation) {
  return activation == "monomial" || activation == "linear";
}

LawVerdict law_verdict(const LawEvidence& evidence) {
  const ExponentFit& fit = evidence.fit;
  const bool stated = law_is_stated(evidence.activation);
  FATHOM_ASSERT(!stated || (evidence.degree >= 1 && evidence.features >= 1 && evidence.dim >= 1 &&
                            evidence.alpha > 0.0),
                "p = {}, d = {}, v = {}, alpha = {}", evidence.degree, evidence.features,
                evidence.dim, evidence.alpha);
  if (!std::isfinite(fit.exponent))
    return {
        false, false,
        fmt::format("Fewer than three trusted modes in {}-{}: no exponent could be fitted, nothing "
                    "is decided.",
                    fit.range.first, fit.range.last)};

  if (!stated)
    return {false, false,
            fmt::format("The law is stated for monomial features; for {} it decides nothing: the "
                        "fitted exponent is {}{}.",
                        evidence.activation, fitted(fit), ratios(evidence))};

  const std::int64_t window_end = law_window_end(evidence.features, evidence.degree);
  const std::vector<double> law = law_spectrum(fit.range.last, evidence.alpha, evidence.degree);
  const double expected = power_law_exponent(law, fit.range);
  if (!window_decides(evidence.features, evidence.degree))
    return {false, false, too_small(evidence, window_end, expected)};
  if (evidence.dim < dim_per_feature * evidence.features)
    return {false, false,
            undecided(evidence, fmt::format("the theorem needs v larger than d, and v = {} is less "
                                            "than {} d",
                                            evidence.dim, dim_per_feature))};
  if (!fit_lies_in_window(fit.range, window_end, evidence.degree))
    return {false, false,
            undecided(evidence, fmt::format("the fitted modes lie outside the theorem's window, "
                                            "which ends at mode {}, or span too little of it",
                                            window_end))};

  // An interval as wide as the difference between neighbouring exponents contains everything.
  const double tolerance = 0.25 * evidence.alpha;
  if (!(fit.width() <= tolerance))
    return {
        false, false,
        fmt::format("The error is too large to decide for p = {}, d = {}: the fitted exponent {} "
                    "has an interval wider than {:.2f}{}.",
                    evidence.degree, evidence.features, fitted(fit), tolerance, ratios(evidence))};
  const bool agrees = fit.contains(expected);
  return {
      true, agrees,
      fmt::format("The spectra {} the law for p = {}, d = {}: the fitted exponent {} {} {:.3f}, "
                  "that of the law over these modes (alpha = {:g}){}{}.",
                  agrees ? "agree with" : "differ beyond error from", evidence.degree,
                  evidence.features, fitted(fit),
                  agrees ? "is consistent with" : "is not consistent with", expected,
                  evidence.alpha, past_window(evidence, window_end), ratios(evidence))};
}

}  // namespace fathom
