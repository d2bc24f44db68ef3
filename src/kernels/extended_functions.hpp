#pragma once

// Elementary functions in double-double with bounds of their errors, for kernels whose spectra fall
// below what double precision holds. Arithmetic and sincos are libqd's. Everything here is local.

#include "base/double_double.hpp"
#include "kernels/data.hpp"

#include <cstdint>

namespace fathom {

/// A number and a bound: |value − exact| ≤ error.
struct ExtendedValue {
  DoubleDouble value = 0.0;
  double error = 0.0;
};

/// Bounds of libqd's rounding errors relative to the result, in u = 2⁻¹⁰⁴ = 4v², v = 2⁻⁵³. Sums
/// 3v², products 5v², quotients 15v² (Joldes, Muller & Popescu, ACM TOMS 44, 2017, for the
/// algorithms that libqd compiled with QD_IEEE_ADD has). Root, sine and cosine are measured against
/// MPFR: the largest of 300,000 errors were 1.84, 1.50 and 1.55 u; a test holds them.
namespace rounding {
inline constexpr double sum = 0.75 * double_double_roundoff;
inline constexpr double product = 1.25 * double_double_roundoff;
inline constexpr double quotient = 3.75 * double_double_roundoff;
inline constexpr double root = 2.5 * double_double_roundoff;
inline constexpr double sincos = 2.0 * double_double_roundoff;  ///< absolute, on [−π/2, π/2]
}  // namespace rounding

struct Arcsine {
  ExtendedValue angle;
  ExtendedValue cosine;  ///< √(1 − t²); its error is infinite where it is not known to be positive
};

/// asin t and the cosine that goes with it. y₀ from double by atan2, then one step exact to third
/// order,
///   asin t = y₀ + (t cos y₀ − √(1−t²) sin y₀).
/// A t that rounding put beyond ±1 counts as ±1. NaN stays NaN. @pre |t| ≤ 1 for the exact t
Arcsine arcsine(const ExtendedValue& t);

/// cos(2π p/q), the argument reduced in integers: exact for multiples of 1/4, a function of p/q
/// alone up to its error. @pre 0 ≤ p ≤ q/2, 1 ≤ q ≤ 2⁵⁵
ExtendedValue cosine_of_turns(std::int64_t p, std::int64_t q);

/// ⟨x_i, x_j⟩ of two points of the circle, as exact as their positions in turns are: a function of
/// i − j mod n bit by bit where the points are equispaced; 1 for i = j.
ExtendedValue inner_product(const Circle& circle, std::int64_t i, std::int64_t j);

/// j^-alpha. @pre j ≥ 1
ExtendedValue extended_power_law_eigenvalue(std::int64_t j, double alpha);

}  // namespace fathom
