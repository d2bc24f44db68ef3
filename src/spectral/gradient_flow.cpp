#include "spectral/gradient_flow.hpp"

#include "base/assert.hpp"
#include "spectral/compensated_sum.hpp"

#include <cmath>
#include <limits>

namespace fathom {

namespace {

void check(std::span<const double> eigenvalue, std::span<const double> residual) {
  FATHOM_ASSERT(eigenvalue.size() == residual.size(), "{} eigenvalues, {} residuals",
                eigenvalue.size(), residual.size());
  for (const double lambda : eigenvalue)
    FATHOM_ASSERT(std::isfinite(lambda), "an eigenvalue is {}", lambda);
}

/// (1 − x)^steps. 1 − x would lose an x below ε, and with it what 1e16 steps do.
double decay(double x, std::int64_t steps) {
  const auto power = static_cast<double>(steps);
  return x < 1.0 ? std::exp(power * std::log1p(-x)) : std::pow(1.0 - x, power);
}

}  // namespace

std::vector<double> flow_residual(std::span<const double> eigenvalue,
                                  std::span<const double> residual, double time) {
  check(eigenvalue, residual);
  FATHOM_ASSERT(time >= 0.0, "time = {}", time);
  std::vector<double> result(residual.begin(), residual.end());
  for (std::size_t k = 0; k < result.size(); ++k)
    result[k] *= std::exp(-eigenvalue[k] * time);
  return result;
}

std::vector<double> descent_residual(std::span<const double> eigenvalue,
                                     std::span<const double> residual, double learning_rate,
                                     std::int64_t steps) {
  check(eigenvalue, residual);
  FATHOM_ASSERT(learning_rate >= 0.0 && steps >= 0, "learning rate = {}, steps = {}", learning_rate,
                steps);
  std::vector<double> result(residual.begin(), residual.end());
  for (std::size_t k = 0; k < result.size(); ++k)
    result[k] *= decay(learning_rate * eigenvalue[k], steps);
  return result;
}

FlowState flow_state(std::span<const double> eigenvalue, std::span<const double> residual,
                     double trace) {
  check(eigenvalue, residual);
  FATHOM_ASSERT(trace > 0.0, "trace = {}", trace);
  CompensatedSum square, decrease;
  for (std::size_t k = 0; k < residual.size(); ++k) {
    square.add(residual[k] * residual[k]);
    decrease.add(eigenvalue[k] * residual[k] * residual[k]);
  }
  FlowState state;
  state.chi_loss = square.value();
  state.loss = 0.5 * state.chi_loss;
  state.decrease = decrease.value();
  state.chi_pos = state.chi_loss > 0.0 ? state.decrease / state.chi_loss / trace
                                       : std::numeric_limits<double>::quiet_NaN();
  state.log_rate = -2.0 * trace * state.chi_pos;
  return state;
}

double power_law_loss(double a, double b, double time) {
  FATHOM_ASSERT(a > 0.0 && b > 1.0 && time > 0.0, "a = {}, b = {}, t = {}", a, b, time);
  const double exponent = (b - 1.0) / a;
  return std::tgamma(exponent) / (2.0 * a) * std::pow(2.0 * time, -exponent);
}

double power_law_position(double a, double b, double time, double trace) {
  FATHOM_ASSERT(a > 0.0 && b > 1.0 && time > 0.0 && trace > 0.0, "a = {}, b = {}, t = {}, tr = {}",
                a, b, time, trace);
  return (b - 1.0) / (2.0 * a * time * trace);
}

}  // namespace fathom
