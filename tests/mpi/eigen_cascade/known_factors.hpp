#pragma once

// Matrices of prescribed kinds of spectra; what their singular values are as stored is for an
// oracle to say.

#include "bindings/blas.hpp"
#include "exact_singular_values.hpp"

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace fathom::testing_cascade {

inline Plain gaussian(std::int64_t p, std::int64_t q, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Plain a = Plain::zeros(p, q);
  for (double& x : a.value)
    x = normal(engine);
  return a;
}

/// p × q with orthonormal columns, by Gram–Schmidt twice.
inline Plain orthonormal(std::int64_t p, std::int64_t q, std::uint64_t seed) {
  Plain a = gaussian(p, q, seed);
  for (std::int64_t j = 0; j < q; ++j) {
    const auto dot = [&](std::int64_t k) {
      double sum = 0;
      for (std::int64_t i = 0; i < p; ++i)
        sum += a(i, k) * a(i, j);
      return sum;
    };
    for (int pass = 0; pass < 2; ++pass)
      for (std::int64_t k = 0; k < j; ++k) {
        const double c = dot(k);
        for (std::int64_t i = 0; i < p; ++i)
          a(i, j) -= c * a(i, k);
      }
    const double norm = std::sqrt(dot(j));
    for (std::int64_t i = 0; i < p; ++i)
      a(i, j) /= norm;
  }
  return a;
}

inline Plain product(const Plain& a, const Plain& b, bool b_transposed) {
  Plain c = Plain::zeros(a.rows, b_transposed ? b.rows : b.cols);
  blas::gemm(Op::none, b_transposed ? Op::transpose : Op::none, 1.0,
             {a.value.data(), a.rows, a.cols, a.rows}, {b.value.data(), b.rows, b.cols, b.rows},
             0.0, {c.value.data(), c.rows, c.cols, c.rows});
  return c;
}

/// U diag(σ) Vᵀ, p × q, rounded to doubles.
inline Plain generic(std::int64_t p, std::int64_t q, std::vector<double> sigma,
                     std::uint64_t seed) {
  const auto k = static_cast<std::int64_t>(sigma.size());
  Plain u = orthonormal(p, k, 2 * seed + 1);
  for (std::int64_t j = 0; j < k; ++j)
    for (std::int64_t i = 0; i < p; ++i)
      u(i, j) *= sigma[static_cast<std::size_t>(j)];
  return product(u, orthonormal(q, k, 2 * seed + 2), true);
}

/// Rows of a Gaussian matrix times `size`.
inline Plain row_graded(std::int64_t p, std::int64_t q, const std::vector<double>& size,
                        std::uint64_t seed) {
  Plain a = gaussian(p, q, seed);
  for (std::int64_t j = 0; j < q; ++j)
    for (std::int64_t i = 0; i < p; ++i)
      a(i, j) *= size[static_cast<std::size_t>(i)];
  return a;
}

/// σ_j = √λ_j, λ_j = j^-alpha.
inline std::vector<double> power_law(std::int64_t count, double alpha) {
  std::vector<double> sigma;
  for (std::int64_t j = 1; j <= count; ++j)
    sigma.push_back(std::pow(static_cast<double>(j), -alpha / 2));
  return sigma;
}

/// From 1 to `last` in equal ratios.
inline std::vector<double> geometric(std::int64_t count, double last) {
  std::vector<double> sigma;
  for (std::int64_t j = 0; j < count; ++j)
    sigma.push_back(std::pow(last, static_cast<double>(j) / static_cast<double>(count - 1)));
  return sigma;
}

/// `groups` values from 1 to `last`, each repeated, with relative distances `spread` in a group.
inline std::vector<double> clustered(std::int64_t count, std::int64_t groups, double last,
                                     double spread) {
  const std::vector<double> centre = geometric(groups, last);
  std::vector<double> sigma;
  for (std::int64_t j = 0; j < count; ++j)
    sigma.push_back(centre[static_cast<std::size_t>(j * groups / count)] *
                    (1 + spread * static_cast<double>(j % 7)));
  return sigma;
}

}  // namespace fathom::testing_cascade
