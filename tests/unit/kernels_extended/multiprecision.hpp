#pragma once

// Numbers of 80 digits (MPFR) as oracles, and the check that an extended value lies inside its
// bound.

#include "kernels/extended_functions.hpp"

#include <cmath>
#include <cstdint>
#include <random>

#include <mpfr.h>

namespace fathom {

class Mp {
 public:
  Mp(double x = 0) { init(), mpfr_set_d(x_, x, MPFR_RNDN); }
  Mp(const DoubleDouble& x) {
    init(), mpfr_set_d(x_, x.x[0], MPFR_RNDN), mpfr_add_d(x_, x_, x.x[1], MPFR_RNDN);
  }
  Mp(const Mp& y) { init(), mpfr_set(x_, y.x_, MPFR_RNDN); }
  Mp& operator=(const Mp& y) {
    mpfr_set(x_, y.x_, MPFR_RNDN);
    return *this;
  }
  ~Mp() { mpfr_clear(x_); }

  friend Mp operator+(const Mp& a, const Mp& b) { return of(mpfr_add, a, b); }
  friend Mp operator-(const Mp& a, const Mp& b) { return of(mpfr_sub, a, b); }
  friend Mp operator*(const Mp& a, const Mp& b) { return of(mpfr_mul, a, b); }
  friend Mp operator/(const Mp& a, const Mp& b) { return of(mpfr_div, a, b); }
  friend Mp pow(const Mp& a, const Mp& b) { return of(mpfr_pow, a, b); }
  friend Mp sqrt(const Mp& a) { return of(mpfr_sqrt, a); }
  friend Mp abs(const Mp& a) { return of(mpfr_abs, a); }
  friend Mp sin(const Mp& a) { return of(mpfr_sin, a); }
  friend Mp cos(const Mp& a) { return of(mpfr_cos, a); }
  friend Mp asin(const Mp& a) { return of(mpfr_asin, a); }
  friend bool operator==(const Mp& a, const Mp& b) { return mpfr_equal_p(a.x_, b.x_) != 0; }
  static Mp pi() {
    Mp p;
    mpfr_const_pi(p.x_, MPFR_RNDN);
    return p;
  }
  double number() const { return mpfr_get_d(x_, MPFR_RNDN); }

 private:
  void init() { mpfr_init2(x_, 266); }
  template <class F>
  static Mp of(F f, const Mp& a, const Mp& b) {
    Mp c;
    f(c.x_, a.x_, b.x_, MPFR_RNDN);
    return c;
  }
  template <class F>
  static Mp of(F f, const Mp& a) {
    Mp c;
    f(c.x_, a.x_, MPFR_RNDN);
    return c;
  }

  mpfr_t x_;
};

inline double distance(const DoubleDouble& value, const Mp& exact) {
  return abs(Mp(value) - exact).number();
}

/// The checker of this folder.
inline bool inside(const ExtendedValue& got, const Mp& exact) {
  return distance(got.value, exact) <= got.error;
}

inline bool normalised(const DoubleDouble& x) {
  return x.x[0] + x.x[1] == x.x[0];
}

/// A random double-double with all bits of both parts in use, in (from, to).
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double uniform(double from, double to) {
    return std::uniform_real_distribution<double>(from, to)(engine_);
  }
  DoubleDouble extended(double from, double to) {
    const double high = uniform(from, to);
    return DoubleDouble(high) + high * uniform(-0x1p-54, 0x1p-54);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace fathom
