#pragma once

// Singular values in more digits than a double's, and factors whose values are known.

#include "reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include <quadmath.h>

namespace fathom::test {

using Quad = __float128;

inline long double root(long double x) {
  return std::sqrt(x);
}
inline Quad root(Quad x) {
  return sqrtq(x);
}

/// Singular values, descending, of the rows × cols matrix given by columns, by one-sided Jacobi
/// rotations of its columns in `Real`: each row keeps its own relative accuracy.
template <class Real>
std::vector<Real> singular_values(std::vector<std::vector<Real>> column) {
  const std::size_t n = column.size(), m = n == 0 ? 0 : column[0].size();
  const Real tolerance =
      sizeof(Real) > 0 && std::is_same_v<Real, long double> ? Real(1e-18L) : Real(1e-32L);
  bool turned = true;
  for (int sweep = 0; sweep < 60 && turned; ++sweep) {
    turned = false;
    for (std::size_t p = 0; p + 1 < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        Real a = 0, b = 0, c = 0;
        for (std::size_t k = 0; k < m; ++k) {
          a += column[p][k] * column[p][k];
          b += column[q][k] * column[q][k];
          c += column[p][k] * column[q][k];
        }
        const Real size = root(a) * root(b), gap = c < 0 ? -c : c;
        if (a >= b && gap <= tolerance * size) continue;
        turned = true;
        Real cosine = 0, sine = 1;  // an exchange
        if (gap > tolerance * size) {
          const Real zeta = (b - a) / (2 * c), one = 1;
          const Real t =
              (zeta >= 0 ? one : -one) / ((zeta < 0 ? -zeta : zeta) + root(one + zeta * zeta));
          cosine = one / root(one + t * t);
          sine = cosine * t;
        }
        for (std::size_t k = 0; k < m; ++k) {
          const Real x = column[p][k], y = column[q][k];
          column[p][k] = cosine * x - sine * y;
          column[q][k] = sine * x + cosine * y;
        }
      }
  }
  std::vector<Real> sigma;
  for (const auto& c : column) {
    Real square = 0;
    for (const Real& x : c)
      square += x * x;
    sigma.push_back(root(square));
  }
  std::sort(sigma.begin(), sigma.end(), [](const Real& x, const Real& y) { return x > y; });
  return sigma;
}

/// The same of value(i, j), by its shorter side.
template <class Real>
std::vector<Real> singular_values(std::int64_t rows, std::int64_t cols,
                                  const std::function<double(std::int64_t, std::int64_t)>& value) {
  const bool wide = rows < cols;
  std::vector<std::vector<Real>> column(static_cast<std::size_t>(wide ? rows : cols));
  for (std::size_t j = 0; j < column.size(); ++j)
    for (std::int64_t i = 0; i < (wide ? cols : rows); ++i)
      column[j].push_back(wide ? value(static_cast<std::int64_t>(j), i)
                               : value(i, static_cast<std::int64_t>(j)));
  return singular_values(std::move(column));
}

template <class Real>
std::vector<Real> singular_values(const Serial& a) {
  return singular_values<Real>(a.rows, a.cols,
                               [&](std::int64_t i, std::int64_t j) { return a(i, j); });
}

/// Largest |found − exact| over all values, and largest |found/exact − 1|.
struct Distance {
  double absolute = 0, relative = 0;
};
template <class Real>
Distance between(const std::vector<Real>& found, const std::vector<Real>& exact) {
  Distance d;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    const double off =
        std::abs(static_cast<double>((k < found.size() ? found[k] : Real(0)) - exact[k]));
    d.absolute = std::max(d.absolute, off);
    d.relative = std::max(d.relative, off / static_cast<double>(exact[k]));
  }
  return d;
}

/// U·diag(σ)·Vᵀ by products of two reflections a side with pseudo-random vectors: every entry is
/// dense, the spectrum σ to rounding.
inline Serial with_spectrum(std::int64_t rows, std::int64_t cols,
                            const std::function<double(std::int64_t)>& sigma) {
  Serial a(rows, cols, [&](std::int64_t i, std::int64_t j) { return i == j ? sigma(i) : 0.0; });
  const auto reflect = [&](bool left, std::uint64_t salt) {
    const std::int64_t length = left ? rows : cols, others = left ? cols : rows;
    std::vector<double> v(static_cast<std::size_t>(length));
    double square = 0;
    for (std::int64_t k = 0; k < length; ++k) {
      v[static_cast<std::size_t>(k)] = value(k, 0, salt);
      square += v[static_cast<std::size_t>(k)] * v[static_cast<std::size_t>(k)];
    }
    for (std::int64_t o = 0; o < others; ++o) {
      double dot = 0;
      for (std::int64_t k = 0; k < length; ++k)
        dot += v[static_cast<std::size_t>(k)] * (left ? a(k, o) : a(o, k));
      for (std::int64_t k = 0; k < length; ++k)
        (left ? a(k, o) : a(o, k)) -= 2 * dot / square * v[static_cast<std::size_t>(k)];
    }
  };
  for (const std::uint64_t salt : {11u, 12u, 13u}) {
    reflect(true, salt);
    reflect(false, salt + 100);
  }
  return a;
}

}  // namespace fathom::test
