#pragma once

// Oracle: the spectrum of one sampled random-feature covariance, by plain loops and a textbook
// eigenvalue routine, so that what is tested never meets the code under test.

#include "base/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

namespace fathom::test {

/// Eigenvalues of a symmetric tridiagonal matrix by bisection on Sturm counts, falling.
inline std::vector<double> tridiagonal_eigenvalues(const std::vector<double>& diagonal,
                                                   const std::vector<double>& off) {
  const std::size_t n = diagonal.size();
  double low = diagonal[0], high = diagonal[0];
  for (std::size_t i = 0; i < n; ++i) {
    const double radius =
        (i > 0 ? std::abs(off[i - 1]) : 0.0) + (i + 1 < n ? std::abs(off[i]) : 0.0);
    low = std::min(low, diagonal[i] - radius);
    high = std::max(high, diagonal[i] + radius);
  }
  const auto below = [&](double x) {
    std::size_t count = 0;
    double q = 1.0;
    for (std::size_t i = 0; i < n; ++i) {
      q = diagonal[i] - x - (i > 0 ? off[i - 1] * off[i - 1] / q : 0.0);
      if (q == 0.0) q = 1e-300;
      count += q < 0.0 ? 1 : 0;
    }
    return count;
  };
  std::vector<double> eigenvalue(n);
  for (std::size_t k = 0; k < n; ++k) {
    double a = low, b = k == 0 ? high : eigenvalue[k - 1];
    for (int step = 0; step < 60; ++step) {
      const double middle = 0.5 * (a + b);
      (below(middle) >= n - k ? b : a) = middle;
    }
    eigenvalue[k] = 0.5 * (a + b);
  }
  return eigenvalue;
}

/// Eigenvalues of a dense symmetric matrix (row after row): Householder, then bisection.
inline std::vector<double> symmetric_eigenvalues(std::vector<double> a, std::size_t n) {
  std::vector<double> diagonal(n), off(n > 0 ? n - 1 : 0), v(n), p(n);
  for (std::size_t k = 0; k + 2 < n; ++k) {
    double norm = 0.0;
    for (std::size_t i = k + 1; i < n; ++i)
      norm += a[i * n + k] * a[i * n + k];
    norm = std::sqrt(norm);
    const double head = a[(k + 1) * n + k];
    const double alpha = head > 0.0 ? -norm : norm;
    off[k] = alpha;
    if (norm == 0.0) continue;
    double vv = 0.0;
    for (std::size_t i = k + 1; i < n; ++i) {
      v[i] = a[i * n + k] - (i == k + 1 ? alpha : 0.0);
      vv += v[i] * v[i];
    }
    double pv = 0.0;
    for (std::size_t i = k + 1; i < n; ++i) {
      p[i] = 0.0;
      for (std::size_t j = k + 1; j < n; ++j)
        p[i] += 2.0 / vv * a[i * n + j] * v[j];
      pv += p[i] * v[i];
    }
    for (std::size_t i = k + 1; i < n; ++i)
      p[i] -= pv / vv * v[i];
    for (std::size_t i = k + 1; i < n; ++i)
      for (std::size_t j = k + 1; j < n; ++j)
        a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
  }
  for (std::size_t i = 0; i < n; ++i)
    diagonal[i] = a[i * n + i];
  if (n > 1) off[n - 2] = a[(n - 1) * n + n - 2];
  return tridiagonal_eigenvalues(diagonal, off);
}

/// Spectrum of K_ij = map(S_ii, S_jj, S_ij) / d, S = WᵀHW, W v×d normal, H = diag(j^-alpha).
inline std::vector<double> sampled_spectrum(
    std::int64_t d, std::int64_t v, double alpha, std::uint64_t seed,
    const std::function<double(double, double, double)>& map) {
  const std::size_t n = static_cast<std::size_t>(d);
  std::vector<double> w(n * static_cast<std::size_t>(v)), s(n * n), k(n * n);
  std::vector<std::int64_t> items(n);
  std::iota(items.begin(), items.end(), 0);
  const MatrixView<double> signals{w.data(), v, d, v};
  fill_normal({seed, Stream::weights}, items, 0, signals);
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t q = 0; q < v; ++q)
      signals(q, i) *= std::pow(static_cast<double>(q + 1), -0.5 * alpha);
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t j = 0; j <= i; ++j)
      s[i * d + j] = s[j * d + i] =
          std::transform_reduce(signals.col(i), signals.col(i) + v, signals.col(j), 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      k[i * n + j] = map(s[i * n + i], s[j * n + j], s[i * n + j]) / static_cast<double>(d);
  return symmetric_eigenvalues(std::move(k), n);
}

}  // namespace fathom::test
