#pragma once

// Small matrices in quadruple precision: products, Cholesky, eigenvalues by Jacobi.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include <quadmath.h>

namespace fathom {

__extension__ typedef __float128 Quad;

struct QuadMatrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<Quad> value;
  QuadMatrix(std::int64_t r, std::int64_t c)
      : rows(r), cols(c), value(static_cast<std::size_t>(r * c), Quad(0)) {}
  Quad& operator()(std::int64_t i, std::int64_t j) {
    return value[static_cast<std::size_t>(i + j * rows)];
  }
  const Quad& operator()(std::int64_t i, std::int64_t j) const {
    return value[static_cast<std::size_t>(i + j * rows)];
  }
};

/// FᵀF
inline QuadMatrix quad_gram(const QuadMatrix& f) {
  QuadMatrix k(f.cols, f.cols);
  for (std::int64_t i = 0; i < f.cols; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      Quad sum = 0;
      for (std::int64_t r = 0; r < f.rows; ++r)
        sum += f(r, i) * f(r, j);
      k(i, j) = k(j, i) = sum;
    }
  return k;
}

/// Lower triangle of L with A = L Lᵀ.
inline QuadMatrix quad_cholesky(QuadMatrix a) {
  for (std::int64_t j = 0; j < a.cols; ++j) {
    for (std::int64_t k = 0; k < j; ++k)
      for (std::int64_t i = j; i < a.rows; ++i)
        a(i, j) -= a(i, k) * a(j, k);
    const Quad pivot = sqrtq(a(j, j));
    for (std::int64_t i = j; i < a.rows; ++i)
      a(i, j) /= pivot;
  }
  return a;
}

/// Eigenvalues, descending, by cyclic Jacobi. A power-law Gram matrix is graded: its small
/// eigenvalues come out to about 1e-33 of the largest one.
inline std::vector<Quad> quad_eigenvalues(QuadMatrix a) {
  const std::int64_t n = a.rows;
  for (int sweep = 0; sweep < 30; ++sweep) {
    bool still = true;
    for (std::int64_t p = 0; p < n; ++p)
      for (std::int64_t q = p + 1; q < n; ++q) {
        if (fabsq(a(p, q)) <= Quad(1e-36) * sqrtq(fabsq(a(p, p) * a(q, q)))) continue;
        still = false;
        const Quad theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
        const Quad t = (theta < 0 ? -1 : 1) / (fabsq(theta) + sqrtq(theta * theta + 1));
        const Quad c = 1 / sqrtq(t * t + 1), s = t * c;
        for (std::int64_t k = 0; k < n; ++k) {
          const Quad x = a(k, p), y = a(k, q);
          a(k, p) = c * x - s * y;
          a(k, q) = s * x + c * y;
        }
        for (std::int64_t k = 0; k < n; ++k) {
          const Quad x = a(p, k), y = a(q, k);
          a(p, k) = c * x - s * y;
          a(q, k) = s * x + c * y;
        }
      }
    if (still) break;
  }
  std::vector<Quad> values;
  for (std::int64_t k = 0; k < n; ++k)
    values.push_back(a(k, k));
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

}  // namespace fathom
