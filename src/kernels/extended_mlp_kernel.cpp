#include "kernels/extended_mlp_kernel.hpp"

#include "base/error.hpp"

#include <cmath>

#include <qd/qd_real.h>

namespace fathom {
namespace {

constexpr double u = double_double_roundoff;
const DoubleDouble two_over_pi(0x1.45f306dc9c883p-1, -0x1.6b01ec5417056p-55);

double size(const DoubleDouble& x) {
  return std::fabs(x.x[0]);
}

double relative(const ExtendedValue& x) {
  return x.error / size(x.value);
}

}  // namespace

ExtendedMlpKernel::ExtendedMlpKernel(const MlpKernelOptions& options) : options_(options) {
  if (options.activation != ActivationKind::erf)
    throw Error(ExitCode::deck,
                "no infinite-width kernel in extended precision for the activation '{}'; valid: "
                "erf",
                name(options.activation));
  FATHOM_ASSERT(options.depth >= 0, "depth {}", options.depth);
  FATHOM_ASSERT(options.weight_variance > 0.0, "weight variance {}", options.weight_variance);
  FATHOM_ASSERT(options.bias_variance >= 0.0, "bias variance {}", options.bias_variance);
  FATHOM_ASSERT(options.input_dim >= 1, "input dimension {}", options.input_dim);
  weight_ = two_over_pi * options.weight_variance;
}

ExtendedMlpKernel::State ExtendedMlpKernel::input(const ExtendedValue& product) const {
  const auto dim = static_cast<double>(options_.input_dim);
  const DoubleDouble scaled = product.value * options_.weight_variance / dim;
  const DoubleDouble value = scaled + options_.bias_variance;
  const double error = options_.weight_variance / dim * product.error + 2 * u * size(scaled) +
                       rounding::sum * size(value);
  return {{value, error}, {value, error}};
}

ExtendedMlpKernel::State ExtendedMlpKernel::layer(const State& state, const ExtendedValue& p,
                                                  const ExtendedValue& q) const {
  const DoubleDouble pq = p.value * q.value;
  const double pq_relative = relative(p) + relative(q) + rounding::product;
  const DoubleDouble t = mul_pwr2(state.covariance.value * pq, 2.0);
  const double t_error =
      2 * pq.x[0] * state.covariance.error + (pq_relative + rounding::product) * size(t);
  const Arcsine arc = arcsine({t, t_error});

  const DoubleDouble moment = weight_ * arc.angle.value;
  const DoubleDouble value = moment + options_.bias_variance;
  const double error = weight_.x[0] * arc.angle.error + (u + rounding::product) * size(moment) +
                       rounding::sum * size(value);
  State next{{value, error}, {value, error}};
  if (options_.kind == MlpKernelKind::nngp) return next;

  // σ_w² E[φ'φ'] = σ_w² (4/π) / √((1+2a)(1+2b) − 4c²)
  const DoubleDouble slope = mul_pwr2(weight_ * pq, 2.0) / arc.cosine.value;
  const double slope_relative =
      u + pq_relative + rounding::product + rounding::quotient + relative(arc.cosine);
  const DoubleDouble carried = slope * state.tangent.value;
  next.tangent.value = value + carried;
  next.tangent.error = error + slope.x[0] * state.tangent.error +
                       (slope_relative + rounding::product) * size(carried) +
                       rounding::sum * size(next.tangent.value);
  return next;
}

ExtendedValue ExtendedMlpKernel::output(const State& state) const {
  const ExtendedValue& k = options_.kind == MlpKernelKind::ntk ? state.tangent : state.covariance;
  if (options_.scale == 1.0) return k;
  const DoubleDouble value = k.value * options_.scale;
  return {value, std::fabs(options_.scale) * k.error + u * size(value)};
}

ExtendedMlpKernel::Row ExtendedMlpKernel::row(const ExtendedValue& square) const {
  const double sw = options_.weight_variance, sb = options_.bias_variance;
  const auto dim = static_cast<double>(options_.input_dim);
  Row row;
  if (std::isnan(square.value.x[0])) {
    row.diagonal = {square.value, square.value.x[0]};
    row.inverse_root.assign(static_cast<std::size_t>(options_.depth), row.diagonal);
    return row;
  }
  qd_real a = qd_real(square.value) * sw / dim + sb, tangent = a;
  double a_error = sw / dim * square.error, tangent_error = a_error;
  for (int l = 0; l < options_.depth; ++l) {
    const qd_real raised = 1.0 + 2.0 * a, gap = 1.0 + 4.0 * a;
    const double high = raised[0];
    const DoubleDouble inverse = to_dd_real(1.0 / sqrt(raised));
    row.inverse_root.push_back({inverse, (a_error / high + 0.25 * u) * inverse.x[0]});
    // asin(2a/(1+2a)) and 1/√((1+2a)² − 4a²), without cancellation.
    const qd_real slope = 4.0 * sw / (qd_real::_pi * sqrt(gap));
    tangent_error = slope[0] * (tangent_error + 2 * std::fabs(tangent[0]) * a_error / gap[0]);
    a_error *= slope[0] / high;
    tangent_error += a_error;
    a = 2.0 * sw * atan2(2.0 * a, sqrt(gap)) / qd_real::_pi + sb;
    tangent = a + slope * tangent;
  }
  const bool ntk = options_.kind == MlpKernelKind::ntk;
  const DoubleDouble k = to_dd_real((ntk ? tangent : a) * options_.scale);
  // 1.001: the second order, and the sums of errors in double.
  row.diagonal = {
      k, 1.001 * std::fabs(options_.scale) * (ntk ? tangent_error : a_error) + 0.25 * u * size(k)};
  return row;
}

ExtendedValue ExtendedMlpKernel::entry(const Row& x, const Row& y,
                                       const ExtendedValue& product) const {
  State state = input(product);
  for (std::size_t l = 0; l < x.inverse_root.size(); ++l)
    state = layer(state, x.inverse_root[l], y.inverse_root[l]);
  return output(state);
}

}  // namespace fathom
