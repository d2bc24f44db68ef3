#pragma once

// Singular values of a stored matrix of doubles to about 30 digits, by one-sided Jacobi rotations
// in double-double: an oracle that shares no step with what it judges.

#include "base/double_double.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

namespace fathom::testing_cascade {

/// Column-major p × q on every rank.
struct Plain {
  std::int64_t rows = 0, cols = 0;
  std::vector<double> value;
  double& operator()(std::int64_t i, std::int64_t j) {
    return value[static_cast<std::size_t>(i + j * rows)];
  }
  double operator()(std::int64_t i, std::int64_t j) const {
    return value[static_cast<std::size_t>(i + j * rows)];
  }
  static Plain zeros(std::int64_t p, std::int64_t q) {
    return {p, q, std::vector<double>(static_cast<std::size_t>(p * q), 0.0)};
  }
};

inline Plain transposed(const Plain& a) {
  Plain t = Plain::zeros(a.cols, a.rows);
  for (std::int64_t j = 0; j < a.cols; ++j)
    for (std::int64_t i = 0; i < a.rows; ++i)
      t(j, i) = a(i, j);
  return t;
}

/// Descending, min(p, q) of them. With rows of very different sizes hand over the transpose:
/// columns may be graded at will (Demmel & Veselić 1992), rows may not.
inline std::vector<DoubleDouble> exact_singular_values(const Plain& given) {
  const Plain a = given.rows >= given.cols ? given : transposed(given);
  const auto p = static_cast<std::size_t>(a.rows), q = static_cast<std::size_t>(a.cols);
  std::vector<DoubleDouble> x(a.value.begin(), a.value.end());
  const auto column = [&](std::size_t j) { return x.data() + j * p; };
  const auto product = [&](std::size_t i, std::size_t j) {
    DoubleDouble sum = 0.0;
    for (std::size_t l = 0; l < p; ++l)
      sum += column(i)[l] * column(j)[l];
    return sum;
  };
  std::vector<DoubleDouble> square(q);
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (std::size_t j = 0; j < q; ++j)
      square[j] = product(j, j);
    bool turned = false;
    for (std::size_t i = 0; i + 1 < q; ++i)
      for (std::size_t j = i + 1; j < q; ++j) {
        const DoubleDouble c = product(i, j);
        if (square[i] == 0.0 || square[j] == 0.0) continue;
        if (abs(c) <= 1e-29 * sqrt(square[i]) * sqrt(square[j])) continue;
        turned = true;
        const DoubleDouble zeta = (square[j] - square[i]) / (2.0 * c);
        // Infinities have no double-double arithmetic.
        DoubleDouble t =
            abs(zeta) > 1e60 ? 0.5 / abs(zeta) : 1.0 / (abs(zeta) + sqrt(1.0 + zeta * zeta));
        if (zeta < 0.0) t = -t;
        const DoubleDouble cosine = 1.0 / sqrt(1.0 + t * t), sine = cosine * t;
        for (std::size_t l = 0; l < p; ++l) {
          const DoubleDouble u = column(i)[l], v = column(j)[l];
          column(i)[l] = cosine * u - sine * v;
          column(j)[l] = sine * u + cosine * v;
        }
        square[i] = product(i, i);
        square[j] = product(j, j);
      }
    if (!turned) break;
  }
  std::vector<DoubleDouble> sigma(q);
  for (std::size_t j = 0; j < q; ++j)
    sigma[j] = sqrt(product(j, j));
  std::sort(sigma.begin(), sigma.end(), [](const auto& u, const auto& v) { return u > v; });
  return sigma;
}

}  // namespace fathom::testing_cascade
