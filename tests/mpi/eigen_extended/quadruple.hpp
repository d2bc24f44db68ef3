#pragma once

// The oracle of the extended cascade: matrices with known spectra in the compiler's 113-bit
// numbers, cyclic Jacobi iteration in these, and from its vectors once more in quad-double.

#include "dist/extended_matrix.hpp"
#include "known_spectra.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <qd/qd_real.h>

namespace fathom::testing_eigen {

__extension__ typedef __float128 Quadruple;

inline Quadruple root(Quadruple x) {
  if (!(x > 0)) return 0;
  Quadruple y = std::sqrt(static_cast<double>(x));
  for (int step = 0; step < 3; ++step)
    y = (y + x / y) / 2;
  return y;
}

inline Quadruple magnitude(Quadruple x) {
  return x < 0 ? -x : x;
}

inline DoubleDouble to_two_doubles(Quadruple x) {
  const double hi = static_cast<double>(x);
  return {hi, static_cast<double>(x - hi)};
}

inline Quadruple from(const DoubleDouble& x) {
  return static_cast<Quadruple>(x.x[0]) + x.x[1];
}

inline qd_real to_quad_double(Quadruple x) {
  const DoubleDouble two = to_two_doubles(x);
  return qd_real(two) + static_cast<double>(x - two.x[0] - two.x[1]);
}

inline qd_real root(const qd_real& x) {
  return x > 0.0 ? sqrt(x) : qd_real(0.0);
}

inline qd_real magnitude(const qd_real& x) {
  return abs(x);
}

/// n × n by columns.
template <class Number>
struct SquareMatrix {
  std::int64_t n;
  std::vector<Number> data;
  explicit SquareMatrix(std::int64_t order)
      : n(order), data(static_cast<std::size_t>(order * order), Number(0.0)) {}
  Number& operator()(std::int64_t i, std::int64_t j) {
    return data[static_cast<std::size_t>(i + j * n)];
  }
  const Number& operator()(std::int64_t i, std::int64_t j) const {
    return data[static_cast<std::size_t>(i + j * n)];
  }
};
using QuadrupleMatrix = SquareMatrix<Quadruple>;

/// Eigenvalues, descending, of a symmetric matrix; its vectors into `z` where that is not null.
/// `tiny` is the unit roundoff: elements below it, relative to their diagonal, are left alone.
template <class Number>
std::vector<Number> jacobi(SquareMatrix<Number> a, double tiny, SquareMatrix<Number>* z = nullptr) {
  const std::int64_t n = a.n;
  if (z)
    for (std::int64_t i = 0; i < n; ++i)
      (*z)(i, i) = Number(1.0);
  Number total = Number(0.0);
  for (const Number& x : a.data)
    total += x * x;
  const Number square = Number(tiny) * Number(tiny), absolute = total * square * Number(0x1p-14);
  for (int sweep = 0; sweep < 40; ++sweep) {
    bool rotated = false;
    for (std::int64_t q = 1; q < n; ++q)
      for (std::int64_t p = 0; p < q; ++p) {
        const Number off = a(p, q);
        if (off * off <= absolute || off * off <= square * magnitude(a(p, p) * a(q, q))) continue;
        rotated = true;
        const Number theta = (a(q, q) - a(p, p)) / (Number(2.0) * off);
        const Number t = Number(theta < Number(0.0) ? -1.0 : 1.0) /
                         (magnitude(theta) + root(theta * theta + Number(1.0)));
        const Number c = Number(1.0) / root(t * t + Number(1.0)), s = t * c;
        const auto turn = [&](Number& x, Number& y) {
          const Number kept = c * x - s * y;
          y = s * x + c * y;
          x = kept;
        };
        for (std::int64_t i = 0; i < n; ++i)
          turn(a(i, p), a(i, q));
        for (std::int64_t i = 0; i < n; ++i)
          turn(a(p, i), a(q, i));
        if (z)
          for (std::int64_t i = 0; i < n; ++i)
            turn((*z)(i, p), (*z)(i, q));
      }
    if (!rotated) break;
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::int64_t i, std::int64_t j) { return a(i, i) > a(j, j); });
  std::vector<Number> value;
  const SquareMatrix<Number> unsorted = z ? *z : SquareMatrix<Number>(0);
  for (std::int64_t k = 0; k < n; ++k) {
    const std::int64_t from_col = order[static_cast<std::size_t>(k)];
    value.push_back(a(from_col, from_col));
    if (z)
      for (std::int64_t i = 0; i < n; ++i)
        (*z)(i, k) = unsorted(i, from_col);
  }
  return value;
}

/// Eigenvalues to about 1e-45 of the largest and 1e-32 of themselves: Z from 113-bit arithmetic is
/// orthogonal to 1e-32, which changes the eigenvalues of ZᵀAZ by so much of themselves; that
/// matrix, and a sweep or two over it, in quad-double.
inline std::vector<qd_real> exact_spectrum(const QuadrupleMatrix& a, QuadrupleMatrix* vectors) {
  const std::int64_t n = a.n;
  QuadrupleMatrix z(n);
  jacobi(a, 0x1p-112, &z);
  SquareMatrix<qd_real> q(n), az(n), r(n);
  for (std::size_t k = 0; k < z.data.size(); ++k)
    q.data[k] = to_quad_double(z.data[k]);
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t k = 0; k < n; ++k) {
      for (std::int64_t i = 0; i < n; ++i)
        az(i, j) += to_quad_double(a(i, k)) * q(k, j);
    }
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i <= j; ++i) {
      for (std::int64_t k = 0; k < n; ++k)
        r(i, j) += q(k, i) * az(k, j);
      r(j, i) = r(i, j);
    }
  if (vectors) *vectors = z;
  return jacobi(r, 0x1p-150);
}

/// A matrix as it is stored, as hi + lo.
struct ExtendedCase {
  std::string name;
  QuadrupleMatrix matrix{0};
  std::int64_t least_trusted = 0;  ///< so many modes have to be trusted at least
  double assembly_error = 0;
};

inline ExtendedCase stored(std::string name, QuadrupleMatrix a, std::int64_t least_trusted) {
  for (std::int64_t j = 0; j < a.n; ++j)
    for (std::int64_t i = 0; i <= j; ++i)
      a(i, j) = a(j, i) = from(to_two_doubles(a(i, j)));
  return {std::move(name), std::move(a), least_trusted, 0};
}

/// Random reflectors around diag(value).
inline ExtendedCase with_spectrum(std::string name, const std::vector<Quadruple>& value,
                                  std::int64_t least_trusted, unsigned seed = 11) {
  const auto n = static_cast<std::int64_t>(value.size());
  QuadrupleMatrix a(n);
  for (std::int64_t i = 0; i < n; ++i)
    a(i, i) = value[static_cast<std::size_t>(i)];
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  for (int reflector = 0; reflector < 3; ++reflector) {
    std::vector<Quadruple> v(static_cast<std::size_t>(n)), w(v.size(), 0);
    Quadruple square = 0, vw = 0;
    for (Quadruple& x : v) {
      x = normal(engine);
      square += x * x;
    }
    const Quadruple length = root(square);
    for (Quadruple& x : v)
      x /= length;
    const auto at = [](std::vector<Quadruple>& x, std::int64_t i) -> Quadruple& {
      return x[static_cast<std::size_t>(i)];
    };
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t i = 0; i < n; ++i)
        at(w, i) += a(i, j) * at(v, j);
    for (std::int64_t i = 0; i < n; ++i)
      vw += at(v, i) * at(w, i);
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t i = 0; i < n; ++i)
        a(i, j) += -2 * (at(v, i) * at(w, j) + at(w, i) * at(v, j)) + 4 * vw * at(v, i) * at(v, j);
  }
  return stored(std::move(name), std::move(a), least_trusted);
}

inline Quadruple power(Quadruple x, int exponent) {
  Quadruple y = 1;
  for (int k = 0; k < std::abs(exponent); ++k)
    y *= x;
  return exponent < 0 ? 1 / y : y;
}

inline Quadruple cosine(Quadruple x) {
  // Down to a small angle, a Taylor series, and back by doubling: three digits are lost.
  const int halvings = 6;
  x /= 64;
  Quadruple term = 1, sum = 0;
  for (int k = 0; k < 30; ++k) {
    sum += term;
    term *= -x * x / ((2 * k + 1) * (2 * k + 2));
  }
  for (int k = 0; k < halvings; ++k)
    sum = 2 * sum * sum - 1;
  return sum;
}

inline Quadruple exponential(Quadruple x) {
  x /= 1024;
  Quadruple term = 1, sum = 0;
  for (int k = 1; k < 30; ++k) {
    sum += term;
    term *= x / k;
  }
  for (int k = 0; k < 10; ++k)
    sum *= sum;
  return sum;
}

/// exp(−|x − y|²/2) on points of an interval: faster than any power.
inline ExtendedCase smooth_kernel(std::int64_t n) {
  QuadrupleMatrix a(n);
  std::mt19937_64 engine(3);
  std::uniform_real_distribution<double> place(-1.5, 1.5);
  std::vector<double> x;
  for (std::int64_t i = 0; i < n; ++i)
    x.push_back(place(engine));
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i < n; ++i) {
      const Quadruple d =
          static_cast<Quadruple>(x[static_cast<std::size_t>(i)]) - x[static_cast<std::size_t>(j)];
      a(i, j) = exponential(-d * d / 2);
    }
  return stored("smooth kernel", std::move(a), 18);
}

/// Eigenvalues rate^|m| in pairs, m = 0, ±1, …: entries Σ_m rate^|m| cos(2π m (i − j)/n) / n.
inline ExtendedCase circulant(std::int64_t n) {
  const Quadruple rate = static_cast<Quadruple>(1) / 16;
  const Quadruple pi = static_cast<Quadruple>(3.141592653589793116) + 1.2246467991473532072e-16 -
                       2.9947698097183396659e-33;
  std::vector<Quadruple> row(static_cast<std::size_t>(n), 0);
  for (std::int64_t d = 0; d <= n / 2; ++d) {
    for (std::int64_t m = -(n / 2); m <= (n - 1) / 2; ++m)
      row[static_cast<std::size_t>(d)] +=
          power(rate, static_cast<int>(std::abs(m))) *
          cosine(2 * pi * static_cast<Quadruple>((std::abs(m) * d) % n) / n) / n;
    row[static_cast<std::size_t>((n - d) % n)] = row[static_cast<std::size_t>(d)];
  }
  QuadrupleMatrix a(n);
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i < n; ++i)
      a(i, j) = row[static_cast<std::size_t>((i - j + n) % n)];
  return stored("circulant", std::move(a), std::min<std::int64_t>(n, 45));
}

/// E over x ~ N(0, diag(j^-alpha)) of (w·x)² (w'·x)² for random rows w: a² b² … as ab + 2s².
inline ExtendedCase population(std::int64_t n, int alpha, std::int64_t least_trusted) {
  const std::int64_t ambient = 4 * n;
  std::mt19937_64 engine(5);
  std::normal_distribution<double> normal;
  std::vector<double> w(static_cast<std::size_t>(ambient * n));
  for (double& x : w)
    x = normal(engine);
  QuadrupleMatrix s(n), a(n);
  for (std::int64_t k = 0; k < ambient; ++k) {
    const Quadruple h = power(static_cast<Quadruple>(k + 1), -alpha);
    for (std::int64_t j = 0; j < n; ++j) {
      const Quadruple hw = h * w[static_cast<std::size_t>(k * n + j)];
      for (std::int64_t i = 0; i <= j; ++i)
        s(i, j) += hw * w[static_cast<std::size_t>(k * n + i)];
    }
  }
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i <= j; ++i)
      a(i, j) = (s(i, i) * s(j, j) + 2 * s(i, j) * s(i, j)) / n;
  return stored("population " + std::to_string(alpha), std::move(a), least_trusted);
}

inline std::vector<Quadruple> spectrum_of(std::int64_t n,
                                          const std::function<Quadruple(std::int64_t)>& value) {
  std::vector<Quadruple> all;
  for (std::int64_t j = 0; j < n; ++j)
    all.push_back(value(j));
  return all;
}

inline ExtendedSource source_of(const ExtendedCase& one) {
  return [&one](const ProcessGrid& grid, std::int64_t block) {
    const std::int64_t n = one.matrix.n;
    ExtendedSymmetric made{ExtendedMatrix::make(grid, n, n, block, block), one.assembly_error};
    made.matrix.hi.fill_from(
        [&](std::int64_t i, std::int64_t j) { return to_two_doubles(one.matrix(i, j)).x[0]; });
    made.matrix.lo.fill_from(
        [&](std::int64_t i, std::int64_t j) { return to_two_doubles(one.matrix(i, j)).x[1]; });
    return made;
  };
}

}  // namespace fathom::testing_eigen
