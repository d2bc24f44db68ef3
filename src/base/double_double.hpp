#pragma once

// Double-double numbers: an unevaluated sum hi + lo of two doubles, |lo| ≤ ulp(hi)/2, with about 32
// digits. Arithmetic and elementary functions are libqd's (Hida, Li & Bailey).

#include <qd/dd_real.h>

namespace fathom {

using DoubleDouble = dd_real;

/// Unit roundoff of libqd's arithmetic, per operation: 2⁻¹⁰⁴ (QD_IEEE_ADD is defined: no sloppy
/// sums here).
inline constexpr double double_double_roundoff = 0x1p-104;

}  // namespace fathom
