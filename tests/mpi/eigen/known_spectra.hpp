#pragma once

// Matrices whose eigenvalues are known exactly, and makers of them for solve_certified.

#include "bindings/blas.hpp"
#include "comm/progress.hpp"
#include "dist/interfaces.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>
#include <string>
#include <vector>

namespace fathom::testing_eigen {

struct KnownMatrix {
  std::string name;
  std::int64_t n = 0;
  std::vector<double> eigenvalue;  ///< descending, exact to rounding
  std::function<double(std::int64_t, std::int64_t)> entry;
  double representation = 0;  ///< bound on ‖stored − exact‖₂ by rounding the entries
};

/// tridiag(-1, 2, -1): 2 − 2 cos(jπ/(n+1)).
inline KnownMatrix second_difference(std::int64_t n) {
  KnownMatrix m{"second_difference", n, {}, {}, 0};
  for (std::int64_t j = n; j >= 1; --j) {
    const long double half = std::numbers::pi_v<long double> * j / (2.0L * (n + 1));
    m.eigenvalue.push_back(static_cast<double>(4 * std::sin(half) * std::sin(half)));
  }
  m.entry = [](std::int64_t i, std::int64_t j) {
    return i == j ? 2.0 : (std::abs(i - j) == 1 ? -1.0 : 0.0);
  };
  return m;
}

/// min(i, j), the inverse of a second difference: 1/(4 sin²((2j−1)π/(4n+2))).
inline KnownMatrix minij(std::int64_t n) {
  KnownMatrix m{"minij", n, {}, {}, 0};
  for (std::int64_t j = 1; j <= n; ++j) {
    const long double s = std::sin(std::numbers::pi_v<long double> * (2 * j - 1) / (4.0L * n + 2));
    m.eigenvalue.push_back(static_cast<double>(1 / (4 * s * s)));
  }
  m.entry = [](std::int64_t i, std::int64_t j) { return static_cast<double>(std::min(i, j) + 1); };
  return m;
}

/// H diag(λ) H with three random reflectors, formed in extended precision and rounded once.
inline KnownMatrix prescribed(std::string name, std::vector<double> eigenvalue) {
  std::sort(eigenvalue.begin(), eigenvalue.end(), std::greater<>());
  const auto n = static_cast<std::int64_t>(eigenvalue.size());
  std::vector<long double> a(static_cast<std::size_t>(n * n), 0.0L);
  for (std::int64_t i = 0; i < n; ++i)
    a[i * n + i] = eigenvalue[i];
  std::mt19937_64 engine(7);
  std::normal_distribution<double> normal;
  for (int reflector = 0; reflector < 3; ++reflector) {
    std::vector<long double> v(n), w(n, 0.0L);
    long double square = 0, vw = 0;
    for (auto& x : v)
      x = normal(engine), square += x * x;
    for (auto& x : v)
      x /= std::sqrt(square);
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t i = 0; i < n; ++i)
        w[i] += a[j * n + i] * v[j];
    for (std::int64_t i = 0; i < n; ++i)
      vw += v[i] * w[i];
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t i = 0; i < n; ++i)
        a[j * n + i] += -2 * (v[i] * w[j] + w[i] * v[j]) + 4 * vw * v[i] * v[j];
  }
  KnownMatrix m{std::move(name), n, eigenvalue, {}, 0};
  std::vector<double> rounded(a.begin(), a.end());
  double square = 0;
  for (const double x : rounded)
    square += x * x;
  m.representation = 0x1p-53 * std::sqrt(square);
  m.entry = [n, rounded = std::move(rounded)](std::int64_t i, std::int64_t j) {
    return rounded[std::max(i, j) + std::min(i, j) * n];
  };
  return m;
}

inline std::vector<double> power_law(std::int64_t n, double alpha) {
  std::vector<double> value;
  for (std::int64_t j = 1; j <= n; ++j)
    value.push_back(std::pow(static_cast<double>(j), -alpha));
  return value;
}

inline std::vector<KnownMatrix> all_known(std::int64_t n) {
  std::vector<double> geometric, repeated, deficient = power_law(n, 1.0), arithmetic;
  for (std::int64_t j = 0; j < n; ++j) {
    geometric.push_back(std::pow(0.8, static_cast<double>(j)));
    repeated.push_back(static_cast<double>(1 + j / 20));
    arithmetic.push_back(static_cast<double>(n - j));
    if (j >= n / 2) deficient[static_cast<std::size_t>(j)] = 0;
  }
  return {second_difference(n),
          minij(n),
          prescribed("power_law_1.5", power_law(n, 1.5)),
          prescribed("power_law_8", power_law(n, 8)),
          prescribed("geometric", geometric),
          prescribed("repeated", repeated),
          prescribed("rank_deficient", deficient),
          prescribed("arithmetic", arithmetic)};
}

/// By LAPACK on this rank.
inline std::vector<double> lapack_spectrum(const KnownMatrix& matrix) {
  const std::int64_t n = matrix.n;
  std::vector<double> a(static_cast<std::size_t>(n * n));
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i < n; ++i)
      a[static_cast<std::size_t>(i + j * n)] = matrix.entry(i, j);
  auto value = lapack::syevd({a.data(), n, n, n}, Triangle::lower, false);
  std::reverse(value.begin(), value.end());
  return value;
}

/// Makes the matrix anew at every call; `after` may spoil it.
inline MatrixSource source_of(KnownMatrix matrix, SymmetricFill fill = SymmetricFill::full,
                              std::function<void(DistMatrix&)> after = {}) {
  return [matrix = std::move(matrix), fill, after](const ProcessGrid& grid, std::int64_t block) {
    SymmetricMatrix made{DistMatrix::make(grid, matrix.n, matrix.n, block, block), fill,
                         matrix.representation};
    made.matrix.fill_from([&](std::int64_t i, std::int64_t j) {
      return fill == SymmetricFill::lower && i < j ? -777.0 : matrix.entry(i, j);
    });
    if (after) after(made.matrix);
    return made;
  };
}

/// Remembers what was said.
class Recorder : public Progress {
 public:
  void note(const std::string& line) override { notes.push_back(line); }
  void warn(const std::string& line) override { warnings.push_back(line); }
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}
  std::vector<std::string> notes, warnings;
};

}  // namespace fathom::testing_eigen
