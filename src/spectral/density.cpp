#include "spectral/density.hpp"

#include "base/assert.hpp"
#include "spectral/student.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double square_scatter(std::span<const double> x) {
  const double centre = mean(x);
  double sum = 0;
  for (const double value : x)
    sum += (value - centre) * (value - centre);
  return sum;
}

/// One number a probe: Σ f, Σ f² over the directions that are not resolved, and how well the
/// quadrature knows Σ f.
struct Sums {
  std::vector<double> f, f_squared, resolution;

  void add(double sum, double sum_of_squares, double error) {
    f.push_back(sum), f_squared.push_back(sum_of_squares), resolution.push_back(error);
  }
};

class Estimator {
 public:
  Estimator(std::int64_t n, std::int64_t rank_bound, std::span<const double> resolved,
            std::span<const ProbeQuadratures> probes, const DensityOptions& options)
      : options_(options),
        probes_(probes),
        resolved_(resolved),
        head_(count_different(resolved)),
        remaining_(static_cast<double>(n - std::ssize(resolved))),
        most_(static_cast<double>(std::min(n, rank_bound))),
        m_(static_cast<double>(probes.size())),
        quantile_(student_quantile(options.confidence, 2 * (m_ - 1))) {
    for (const ProbeQuadratures& probe : probes) {
      FATHOM_ASSERT(probe.gauss.node.size() >= head_, "{} nodes, {} resolved eigenvalues",
                    probe.gauss.node.size(), head_);
      const auto& weight = probe.gauss.weight;
      const auto head = weight.begin() + static_cast<std::ptrdiff_t>(head_);
      head_mass_.push_back(std::accumulate(weight.begin(), head, 0.0));
      const double rest = std::accumulate(head, weight.end(), 0.0);
      scale_.push_back(rest > 0 ? remaining_ / rest : 0.0);
    }
  }

  DensityEstimate run() {
    DensityEstimate out;
    out.resolved = std::ssize(resolved_);
    const auto identity = [](double x) { return x; };
    const auto square = [](double x) { return x * x; };
    constexpr double infinity = std::numeric_limits<double>::infinity();
    out.trace = pooled(linear(identity), known(identity), infinity);
    out.frobenius_squared = pooled(linear(square), known(square), infinity);
    for (const double lambda : options_.lambda)
      out.effective_dimension.push_back(effective_dimension(lambda));
    for (std::size_t g = 0; g < options_.threshold.size(); ++g)
      out.count.push_back(count(g));
    fit_exponent(out);
    return out;
  }

 private:
  static std::size_t count_different(std::span<const double> descending) {
    std::size_t count = 0;
    for (std::size_t k = 0; k < descending.size(); ++k)
      if (k == 0 || descending[k] != descending[k - 1]) ++count;
    return count;
  }

  template <class F>
  double known(F&& f) const {
    double sum = 0;
    for (auto value = resolved_.rbegin(); value != resolved_.rend(); ++value)
      sum += f(*value);
    return sum;
  }

  /// Σ weight·f over the nodes behind the resolved ones, scaled to n − h directions.
  template <class F>
  double rest(std::size_t p, const GaussQuadrature& q, F&& f) const {
    double sum = 0;
    for (std::size_t l = q.node.size(); l-- > head_;)
      sum += q.weight[l] * f(q.node[l]);
    return scale_[p] * sum;
  }

  template <class F>
  Sums linear(F&& f) const {
    Sums sums;
    for (std::size_t p = 0; p < probes_.size(); ++p) {
      const GaussQuadrature& q = probes_[p].gauss;
      sums.add(rest(p, q, f), rest(p, q, [&](double x) { return f(x) * f(x); }), 0.0);
    }
    return sums;
  }

  /// @param most what the quantity cannot exceed
  Estimate pooled(const Sums& sums, double exact, double most) const {
    const double centre = mean(sums.f), r = remaining_;
    const double theory = std::max(0.0, 2 / (r + 2) * (r * mean(sums.f_squared) - centre * centre));
    const double scatter = square_scatter(sums.f) / (m_ - 1);
    Estimate e;
    e.value = std::min(exact + centre, most);
    // Weights are chi-squared: a sum that came out low makes the variance that is estimated from it
    // low as well. The variance is taken at a value one standard error above.
    const double spread = std::sqrt(theory / m_);
    const double skew = centre > 0 ? 1 + spread / centre : 1.0;
    e.standard_error = std::sqrt(0.5 * (skew * theory + scatter) / m_);
    e.resolution = mean(sums.resolution);
    const double half = std::hypot(quantile_ * e.standard_error, e.resolution);
    e.low = std::max(exact, std::min(exact + centre - half, most));
    e.high = std::min(exact + centre + half, most);
    return e;
  }

  Estimate effective_dimension(double lambda) const {
    FATHOM_ASSERT(lambda > 0, "lambda = {}", lambda);
    // A node at 0 or, by rounding, below it counts nothing.
    const auto f = [lambda](double x) { return x > 0 ? x / (x + lambda) : 0.0; };
    Sums sums;
    for (std::size_t p = 0; p < probes_.size(); ++p) {
      const double above = rest(p, probes_[p].gauss, f), below = rest(p, probes_[p].at_zero, f);
      const auto squared = [&](double x) { return f(x) * f(x); };
      sums.add(0.5 * (above + below), rest(p, probes_[p].gauss, squared),
               0.5 * std::abs(above - below));
    }
    return pooled(sums, known(f), most_);
  }

  /// Where the node at t stands, or where it would: the number of nodes above it.
  static std::size_t nodes_above(const GaussQuadrature& q, double t) {
    return static_cast<std::size_t>(
        std::find_if(q.node.begin(), q.node.end(), [t](double x) { return !(x > t); }) -
        q.node.begin());
  }

  /// What one probe says of the eigenvalues above t that are not resolved. @pre t is below these
  void add_count(std::size_t p, const GaussQuadrature& q, double t, Sums& sums) const {
    const std::size_t at = nodes_above(q, t), size = q.node.size();
    double above = -head_mass_[p];
    for (std::size_t l = 0; l < at; ++l)
      above += q.weight[l];
    double correction = 0, error = 0, weight = 0;
    if (at < size && q.node[at] == t) {
      weight = q.weight[at];
      const double next_up = at > 0 ? q.weight[at - 1] : 0.0;
      const double next_down = at + 1 < size ? q.weight[at + 1] : 0.0;
      // Next to an atom, such as a null space, the density is not smooth: the bracket holds still.
      correction = std::clamp((next_up - next_down) / 24, -0.25 * weight, 0.25 * weight);
      error = at + 2 < size ? std::abs(correction) : 0.5 * weight;
    }
    const double value =
        scale_[p] * std::clamp(above + 0.5 * weight + correction, 0.0, remaining_mass(p));
    sums.add(value, value, scale_[p] * error);
  }

  double remaining_mass(std::size_t p) const {
    return scale_[p] > 0 ? remaining_ / scale_[p] : 0.0;
  }

  Estimate count(std::size_t g) {
    const double t = options_.threshold[g];
    FATHOM_ASSERT(t > 0, "threshold {}", t);
    std::vector<double> per_probe(probes_.size(), 0.0);
    const auto above = static_cast<double>(
        std::count_if(resolved_.begin(), resolved_.end(), [t](double x) { return x > t; }));
    Estimate estimate{above, 0.0, 0.0, above, above};
    if (resolved_.empty() || t < resolved_.back()) {
      Sums sums;
      for (std::size_t p = 0; p < probes_.size(); ++p) {
        FATHOM_ASSERT(probes_[p].at_threshold.size() == options_.threshold.size(),
                      "{} quadratures, {} thresholds", probes_[p].at_threshold.size(),
                      options_.threshold.size());
        add_count(p, probes_[p].at_threshold[g], t, sums);
      }
      // Resolved eigenvectors are good to a thousandth: so much of their weight may stand
      // elsewhere.
      for (double& error : sums.resolution)
        error += resolved_.empty() ? 0.0 : 1e-3;
      estimate = pooled(sums, above, most_);
      per_probe = sums.f;
    }
    for (double& value : per_probe)
      value += above;
    counts_of_probes_.push_back(std::move(per_probe));
    return estimate;
  }

  ModeRange window() const {
    if (options_.window.count() > 0) return options_.window;
    return {10, static_cast<std::int64_t>(most_ / 4)};
  }

  /// Slope of ln t on ln(N + ½), and how much it gives way to relative errors of N.
  struct Slope {
    double value = nan;
    double resolution = 0;
  };
  Slope slope(std::span<const std::size_t> used, std::span<const double> counts,
              std::span<const double> resolution) const {
    std::vector<double> x, y;
    for (std::size_t i = 0; i < used.size(); ++i) {
      x.push_back(std::log(counts[i] + 0.5));
      y.push_back(std::log(options_.threshold[used[i]]));
    }
    const double x_mean = mean(x), y_mean = mean(y);
    double xx = 0, xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      xx += (x[i] - x_mean) * (x[i] - x_mean);
      xy += (x[i] - x_mean) * (y[i] - y_mean);
    }
    Slope s{-xy / xx, 0};
    for (std::size_t i = 0; i < x.size(); ++i)
      s.resolution += std::abs(s.value * (x[i] - x_mean)) / xx * resolution[i] / (counts[i] + 0.5);
    return s;
  }

  /// Jackknife over the probes: Student's t with m − 1 degrees of freedom.
  void fit_exponent(DensityEstimate& out) const {
    out.exponent = {nan, nan, nan, nan, nan};
    const ModeRange asked = window();
    std::vector<std::size_t> used;
    std::vector<double> counts, resolution;
    for (std::size_t g = 0; g < out.count.size(); ++g) {
      const Estimate& c = out.count[g];
      if (c.value < static_cast<double>(asked.first) || c.value > static_cast<double>(asked.last) ||
          c.resolution > 0.1 * c.value)
        continue;
      used.push_back(g), counts.push_back(c.value), resolution.push_back(c.resolution);
    }
    if (used.size() < 5) return;
    const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
    if (*most < 2 * *fewest) return;
    out.window = {static_cast<std::int64_t>(std::ceil(*fewest)), static_cast<std::int64_t>(*most)};
    out.thresholds = std::ssize(used);
    const Slope all = slope(used, counts, resolution);
    std::vector<double> without;
    for (std::size_t p = 0; p < probes_.size(); ++p) {
      for (std::size_t i = 0; i < used.size(); ++i) {
        const auto& of_probes = counts_of_probes_[used[i]];
        counts[i] = (m_ * mean(of_probes) - of_probes[p]) / (m_ - 1);
      }
      without.push_back(slope(used, counts, resolution).value);
    }
    Estimate& e = out.exponent;
    e.value = all.value;
    e.resolution = all.resolution;
    e.standard_error = std::sqrt((m_ - 1) / m_ * square_scatter(without));
    const double half =
        std::hypot(student_quantile(options_.confidence, m_ - 1) * e.standard_error, e.resolution);
    e.low = e.value - half;
    e.high = e.value + half;
  }

  const DensityOptions& options_;
  std::span<const ProbeQuadratures> probes_;
  std::span<const double> resolved_;
  std::size_t head_;  // nodes that stand for the resolved eigenvalues
  double remaining_;  // directions: n − h
  double most_;       // eigenvalues that can be positive
  double m_, quantile_;
  std::vector<double> head_mass_, scale_;  // of each probe
  std::vector<std::vector<double>> counts_of_probes_;
};

}  // namespace

DensityEstimate estimate_density(std::int64_t n, std::int64_t rank_bound,
                                 std::span<const double> resolved,
                                 std::span<const ProbeQuadratures> probes,
                                 const DensityOptions& options) {
  FATHOM_ASSERT(n >= 1 && probes.size() >= 2 && options.confidence > 0 && options.confidence < 1,
                "n = {}, {} probes, confidence {}", n, probes.size(), options.confidence);
  return Estimator(n, rank_bound, resolved, probes, options).run();
}

std::vector<double> resolved_thresholds(std::span<const GaussQuadrature> gauss, std::int64_t count,
                                        double floor) {
  FATHOM_ASSERT(count >= 2 && floor > 0, "{} thresholds above {}", count, floor);
  double largest = 0, smallest = 0;
  for (const GaussQuadrature& q : gauss)
    if (!q.node.empty()) largest = std::max(largest, q.node.front());
  if (!(largest > 0)) return {};
  for (const GaussQuadrature& q : gauss)
    if (q.node.size() >= 3) smallest = std::max(smallest, q.node[q.node.size() - 3]);
  // Few nodes, or all of them close together: a decade is looked at in any case.
  const double bottom = std::max(floor, std::min(smallest / largest, 0.1));
  std::vector<double> threshold;
  for (std::int64_t i = 0; i < count; ++i)
    threshold.push_back(
        largest * std::pow(bottom, (static_cast<double>(i) + 0.5) / static_cast<double>(count)));
  return threshold;
}

}  // namespace fathom
