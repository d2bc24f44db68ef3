#include "networks/layer_norm.hpp"

#include <cmath>

namespace fathom {
namespace {

template <class T>
T mean(const T* x, std::int64_t count) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t k = 0; k < count; ++k)
    sum += x[k];
  return sum / static_cast<T>(count);
}

template <class T>
T mean_product(const T* x, const T* y, std::int64_t count) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t k = 0; k < count; ++k)
    sum += x[k] * y[k];
  return sum / static_cast<T>(count);
}

/// x ← (∂n/∂x)·x, a symmetric matrix: inverse_root·(I − 11ᵀ/m − nnᵀ/m).
template <class T>
void differentiate_column(const T* normal, T inverse_root, std::int64_t count, T* x) {
  const T level = mean(x, count), along = mean_product(normal, x, count);
#pragma omp simd
  for (std::int64_t k = 0; k < count; ++k)
    x[k] = inverse_root * (x[k] - level - along * normal[k]);
}

}  // namespace

template <class T>
void layer_norm(MatrixView<const T> x, std::span<const T> gain, std::span<const T> bias,
                MatrixView<T> normal, std::span<T> inverse_root, MatrixView<T> y) {
  for (std::int64_t j = 0; j < x.cols; ++j) {
    const T* from = x.col(j);
    T *n = normal.col(j), *to = y.col(j);
    const T level = mean(from, x.rows);
#pragma omp simd
    for (std::int64_t k = 0; k < x.rows; ++k)
      n[k] = from[k] - level;
    const T inverse =
        1 / std::sqrt(mean_product(n, n, x.rows) + static_cast<T>(layer_norm_epsilon));
    inverse_root[static_cast<std::size_t>(j)] = inverse;
    const T *gains = gain.data(), *biases = bias.data();
#pragma omp simd
    for (std::int64_t k = 0; k < x.rows; ++k) {
      n[k] *= inverse;
      to[k] = gains[k] * n[k] + biases[k];
    }
  }
}

template <class T>
void layer_norm_pull_back(MatrixView<const T> normal, std::span<const T> inverse_root,
                          std::span<const T> gain, std::int64_t positions, std::int64_t choices,
                          MatrixView<T> g) {
  const T* gains = gain.data();
  for (std::int64_t j = 0; j < g.cols; ++j) {
    const std::int64_t sample = j / (positions * choices);
    const std::int64_t forward = j % positions + positions * sample;
    T* column = g.col(j);
#pragma omp simd
    for (std::int64_t k = 0; k < g.rows; ++k)
      column[k] *= gains[k];
    differentiate_column(normal.col(forward), inverse_root[static_cast<std::size_t>(forward)],
                         g.rows, column);
  }
}

template <class T>
void layer_norm_tangent(MatrixView<const T> normal, std::span<const T> inverse_root,
                        std::span<const T> gain, std::span<const T> gain_tangent,
                        std::span<const T> bias_tangent, MatrixView<const T> x_tangent,
                        MatrixView<T> y_tangent) {
  const T *gains = gain.data(), *more_gain = gain_tangent.data(), *more_bias = bias_tangent.data();
  for (std::int64_t j = 0; j < x_tangent.cols; ++j) {
    const T *n = normal.col(j), *from = x_tangent.col(j);
    T* to = y_tangent.col(j);
#pragma omp simd
    for (std::int64_t k = 0; k < x_tangent.rows; ++k)
      to[k] = from[k];
    differentiate_column(n, inverse_root[static_cast<std::size_t>(j)], x_tangent.rows, to);
#pragma omp simd
    for (std::int64_t k = 0; k < x_tangent.rows; ++k)
      to[k] = gains[k] * to[k] + more_gain[k] * n[k] + more_bias[k];
  }
}

template void layer_norm(MatrixView<const double>, std::span<const double>, std::span<const double>,
                         MatrixView<double>, std::span<double>, MatrixView<double>);
template void layer_norm(MatrixView<const float>, std::span<const float>, std::span<const float>,
                         MatrixView<float>, std::span<float>, MatrixView<float>);
template void layer_norm_pull_back(MatrixView<const double>, std::span<const double>,
                                   std::span<const double>, std::int64_t, std::int64_t,
                                   MatrixView<double>);
template void layer_norm_pull_back(MatrixView<const float>, std::span<const float>,
                                   std::span<const float>, std::int64_t, std::int64_t,
                                   MatrixView<float>);
template void layer_norm_tangent(MatrixView<const double>, std::span<const double>,
                                 std::span<const double>, std::span<const double>,
                                 std::span<const double>, MatrixView<const double>,
                                 MatrixView<double>);
template void layer_norm_tangent(MatrixView<const float>, std::span<const float>,
                                 std::span<const float>, std::span<const float>,
                                 std::span<const float>, MatrixView<const float>,
                                 MatrixView<float>);

}  // namespace fathom
