// The layers of MlpKernel on a strip of one column.

#include "kernels/arc_cosine.hpp"
#include "kernels/mlp_kernel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace fathom {
namespace {

using std::numbers::inv_pi;

// Defects are known to about 2^-52, so a sine below this is not known to be one.
constexpr double smallest_sine = 0x1p-26;

inline double bounded_defect(double defect) {
  return defect < 0.0 ? 0.0 : (defect > 2.0 ? 2.0 : defect);
}

inline double inverse_or_zero(double x) {
  return x > 0.0 ? 1.0 / x : 0.0;
}

/// (r₊−r₊')² subtracted from A(r−r')², r₊² = A r² + B: the part of 2 r₊r₊' δ₊ that unequal norms
/// leave. Positive terms alone; zero without bias.
inline double unequal_norms(double r, double q, double r_next, double q_next, double a, double b) {
  const double difference = r - q, sum = r_next + q_next;
  const double product = r_next * q_next + a * r * q;
  const double inner = b + (a * b * (r * r + q * q) + b * b) * inverse_or_zero(product);
  return 2.0 * a * difference * difference * inner * inverse_or_zero(sum * sum);
}

}  // namespace

/// State of the recursion: per row the defect, Θ and their derivatives by the defect of the data.
struct MlpKernel::Strip {
  const MapSide& rows;
  const MapSide& cols;
  std::int64_t first_row;
  std::size_t col;
  std::size_t count;
  std::array<double, column_chunk> defect, tangent, defect_slope, tangent_slope;

  /// Table 0 holds |x|, table l + 1 the root of layer l's variance.
  const double* row_root(int table) const {
    return rows.table[static_cast<std::size_t>(table)].data() + first_row;
  }
  double col_root(int table) const { return cols.table[static_cast<std::size_t>(table)][col]; }
};

void MlpKernel::input_layer(Strip& strip, std::span<const double> chords) const {
  const double a = options_.weight_variance / static_cast<double>(options_.input_dim);
  const double b = options_.bias_variance;
  const double *r = strip.row_root(0), *r_next = strip.row_root(1);
  const double q = strip.col_root(0), q_next = strip.col_root(1);
#pragma omp simd
  for (std::size_t i = 0; i < strip.count; ++i) {
    const double difference = r[i] - q;
    const double lifted = chords[i] - difference * difference;
    const double twice_defect = lifted < 0.0 ? 0.0 : lifted;  // 2|x||x'|δ
    const double inverse = inverse_or_zero(r_next[i] * q_next);
    const double unequal = unequal_norms(r[i], q, r_next[i], q_next, a, b);
    strip.defect[i] = bounded_defect(0.5 * (a * twice_defect + unequal) * inverse);
    strip.defect_slope[i] = a * r[i] * q * inverse;
    strip.tangent[i] = r_next[i] * q_next * (1.0 - strip.defect[i]);
    strip.tangent_slope[i] = a * r[i] * q;
  }
}

void MlpKernel::relu_layer(Strip& strip, int layer) const {
  const double a = 0.5 * options_.weight_variance, b = options_.bias_variance;
  const double *r = strip.row_root(layer), *r_next = strip.row_root(layer + 1);
  const double q = strip.col_root(layer), q_next = strip.col_root(layer + 1);
#pragma omp simd
  for (std::size_t i = 0; i < strip.count; ++i) {
    const ArcCosine k = arc_cosine(strip.defect[i]);
    const double before = a * r[i] * q, after = r_next[i] * q_next;
    const double unequal = unequal_norms(r[i], q, r_next[i], q_next, a, b);
    const double inverse = inverse_or_zero(after);
    const double kappa0_slope = inv_pi / (k.sine < smallest_sine ? smallest_sine : k.sine);
    const double old_slope = strip.defect_slope[i];
    strip.defect[i] = bounded_defect((before * k.one_minus_kappa1 + 0.5 * unequal) * inverse);
    strip.defect_slope[i] = before * k.kappa0 * inverse * old_slope;
    strip.tangent_slope[i] = before * k.kappa0 * old_slope +
                             a * (k.kappa0 * strip.tangent_slope[i] +
                                  kappa0_slope * old_slope * std::fabs(strip.tangent[i]));
    strip.tangent[i] = after * (1.0 - strip.defect[i]) + a * k.kappa0 * strip.tangent[i];
  }
}

void MlpKernel::erf_layer(Strip& strip, int layer) const {
  const double sw = options_.weight_variance, sb = options_.bias_variance;
  const double *r = strip.row_root(layer), *r_next = strip.row_root(layer + 1);
  const double q = strip.col_root(layer), q_next = strip.col_root(layer + 1);
#pragma omp simd
  for (std::size_t i = 0; i < strip.count; ++i) {
    const double defect = strip.defect[i];
    const double root = r[i] * q, covariance = root * (1.0 - defect);
    const double u = 1.0 + 2.0 * r[i] * r[i], v = 1.0 + 2.0 * q * q;
    // (1+2a)(1+2b) − 4c² without cancellation: ab − c² = ab δ(2−δ).
    const double gap =
        1.0 + 2.0 * (r[i] * r[i] + q * q) + 4.0 * root * root * defect * (2.0 - defect);
    const double shrink = 1.0 / std::sqrt(u * v);
    const double sine = 2.0 * covariance * shrink;
    const double angle = arc::arcsine(sine, gap * shrink * shrink);
    const double derivative = 4.0 * inv_pi / std::sqrt(gap);
    const double derivative_slope = derivative * 4.0 * root * root * std::fabs(1.0 - defect) / gap;
    const double value = sw * 2.0 * inv_pi * angle + sb;
    const double inverse = inverse_or_zero(r_next[i] * q_next);
    const double old_slope = strip.defect_slope[i];
    strip.defect[i] = bounded_defect(1.0 - value * inverse);
    strip.defect_slope[i] = sw * derivative * root * inverse * old_slope;
    strip.tangent_slope[i] = sw * (derivative * (root * old_slope + strip.tangent_slope[i]) +
                                   derivative_slope * old_slope * std::fabs(strip.tangent[i]));
    strip.tangent[i] = value + sw * derivative * strip.tangent[i];
  }
}

MapError MlpKernel::map_column(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                               std::int64_t col, std::span<double> pairs) const {
  Strip strip{rows, cols, first_row, static_cast<std::size_t>(col), pairs.size(), {}, {}, {}, {}};
  input_layer(strip, pairs);
  for (int layer = 1; layer <= options_.depth; ++layer) {
    if (options_.activation == ActivationKind::relu)
      relu_layer(strip, layer);
    else
      erf_layer(strip, layer);
  }
  const bool ntk = options_.kind == MlpKernelKind::ntk;
  const double* root = strip.row_root(options_.depth + 1);
  const double col_root = strip.col_root(options_.depth + 1), scale = options_.scale;
  double slope = 0.0, value = 0.0;
#pragma omp simd reduction(+ : slope, value)
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double product = root[i] * col_root;
    const double gradient = ntk ? strip.tangent_slope[i] : product * strip.defect_slope[i];
    const double entry = ntk ? strip.tangent[i] : product * (1.0 - strip.defect[i]);
    pairs[i] = scale * entry;
    slope += gradient * gradient;
    value += entry * entry;
  }
  return {scale * scale * slope, 0.0, scale * scale * value};
}

}  // namespace fathom
