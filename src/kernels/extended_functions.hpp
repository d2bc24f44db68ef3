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

/// Bounds of libqd's rounding errors relative to the result, u = 2⁻¹⁰⁴. With v = 2⁻⁵³, u = 4v²:
/// sums 3v², products 5v² and quotients 15v² (Joldes, Muller & Popescu, ACM TOMS 44, 2017, the
/// algorithms that libqd compiled with QD_IEEE_ADD has); the root is one Newton step from double,
/// 7v² and what its division-free form adds.
namespace rounding {
inline constexpr double sum = double_double_roundoff;
inline constexpr double product = 1.5 * double_double_roundoff;
inline constexpr double quotient = 4.0 * double_double_roundoff;
inline constexpr double root = 2.5 * double_double_roundoff;
/// Absolute, of sine and cosine on [−π/2, π/2]; 1.55 u is the largest that was measured.
inline constexpr double sincos = 2.0 * double_double_roundoff;
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
