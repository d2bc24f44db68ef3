#pragma once

// The normalised arc-cosine kernels (Cho & Saul 2009) of the defect δ = 1 − cosθ:
//   κ₀ = (π−θ)/π,   κ₁ = (sinθ + (π−θ) cosθ)/π,   κ₀(0) = κ₁(0) = 1.
// κ₀ has infinite slope in cosθ at ±1, and κ₁ infinite curvature: from cosθ in double precision
// both lose half of the digits near the diagonal. From an accurate defect nothing is lost.
// Everything here is local and inlines into vector loops.

#include <cmath>
#include <numbers>

namespace fathom {

namespace arc {

/// asin(√z)/√z on 0 ≤ z ≤ ½: minimax polynomial of relative error 3e-18.
inline double arcsine_over_root(double z) {
  constexpr double c[] = {
      0x1.0000000000000p+0,  0x1.55555555555e1p-3, 0x1.33333333218b0p-4,  0x1.6db6db7bed90ap-5,
      0x1.f1c7166622fd4p-6,  0x1.6e8c6bbd2be5ep-6, 0x1.1c3d730b6aa7dp-6,  0x1.cbb2bb40aa2f7p-7,
      0x1.62cef35f8030fp-7,  0x1.043c84f2f6b30p-6, -0x1.fbfff1e77df94p-6, 0x1.9e33649ba04e8p-3,
      -0x1.7a1a94ecf2e39p-1, 0x1.19ba19ce1ba08p+1, -0x1.3c50880cecd00p+2, 0x1.0c64bea372ca9p+3,
      -0x1.4b3b4a198ed2cp+3, 0x1.1ac62fce6a2b4p+3, -0x1.2b19c670c87a5p+2, 0x1.2d0b8b91c6eeep+0};
  double p = c[19];
#pragma GCC unroll 19
  for (int k = 18; k >= 0; --k)
    p = p * z + c[k];
  return p;
}

/// (sinθ − θ cosθ)/(8 z^{3/2}), θ = 2 asin(√z), on 0 ≤ z ≤ ½: minimax of relative error 1e-18.
inline double segment_over_root_cubed(double z) {
  constexpr double c[] = {
      0x1.5555555555555p-2,  0x1.11111111110d7p-5,  0x1.5f15f15f233d8p-7,  0x1.4514513b72027p-8,
      0x1.6a052fa4682d2p-9,  0x1.c3212826a5e26p-10, 0x1.2f53e06798b17p-10, 0x1.acdb21f080a4ep-11,
      0x1.51114f8ba7d97p-11, 0x1.ad3889eeb1201p-13, 0x1.df4cb760353a4p-10, -0x1.87853d202c6a0p-8,
      0x1.52f1dd240d1f7p-6,  -0x1.9c72216104c10p-5, 0x1.7e6e3c0316c66p-4,  -0x1.fd88bda7419a4p-4,
      0x1.d5190ea9b5563p-4,  -0x1.0a3377eded70bp-4, 0x1.218aae890c2aep-6};
  double q = c[18];
#pragma GCC unroll 18
  for (int k = 17; k >= 0; --k)
    q = q * z + c[k];
  return q;
}

/// asin t where the caller knows 1 − t² without cancellation. @pre |t| ≤ 1
inline double arcsine(double t, double one_minus_square) {
  const double size = std::fabs(t);
  const double square = t * t;
  const bool steep = square > 0.5;
  const double defect = one_minus_square / (1.0 + size);
  const double p = arcsine_over_root(steep ? 0.5 * defect : square);
  const double flat_value = size * p;
  const double steep_value = 0.5 * std::numbers::pi - std::sqrt(2.0 * defect) * p;
  return std::copysign(steep ? steep_value : flat_value, t);
}

}  // namespace arc

struct ArcCosine {
  double kappa0;
  double kappa1;
  double one_minus_kappa1;  ///< to full relative accuracy
  double sine;              ///< sinθ, to full relative accuracy in the defect
};

/// Of the defect δ = 1 − cosθ = |x/|x| − y/|y||²/2. @pre 0 ≤ defect ≤ 2
inline ArcCosine arc_cosine(double defect) {
  constexpr double inv_pi = std::numbers::inv_pi;
  const bool obtuse = defect > 1.0;
  const double near = obtuse ? 2.0 - defect : defect;
  const double twice = near + near;
  const double root = std::sqrt(twice);
  const double z = 0.5 * near;
  const double angle = inv_pi * root * arc::arcsine_over_root(z);
  const double segment = inv_pi * twice * root * arc::segment_over_root_cubed(z);
  return {obtuse ? angle : 1.0 - angle, obtuse ? segment : (1.0 - near) + segment,
          (obtuse ? 1.0 : near) - segment, std::sqrt(defect * (2.0 - defect))};
}

/// The NTK of one hidden ReLU layer on the unit sphere: u κ₀ + κ₁, u = 1 − δ.
inline double arc_cosine_tangent(double defect) {
  const ArcCosine k = arc_cosine(defect);
  return (1.0 - defect) * k.kappa0 + k.kappa1;
}

}  // namespace fathom
