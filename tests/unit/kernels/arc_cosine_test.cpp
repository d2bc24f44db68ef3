#include "kernels/arc_cosine.hpp"

#include "oracles.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <quadmath.h>

namespace fathom {
namespace {

__extension__ typedef __float128 Quad;

const Quad quad_pi = 4 * atanq(Quad(1));

struct Reference {
  double kappa0, kappa1, one_minus_kappa1, sine;
};

/// Straight from the definition in 113 bits, for the angle that the defect stands for.
Reference reference(double defect) {
  const Quad cosine = Quad(1) - Quad(defect), theta = acosq(cosine), sine = sinq(theta);
  const Quad kappa1 = (sine + (quad_pi - theta) * cosine) / quad_pi;
  return {static_cast<double>((quad_pi - theta) / quad_pi), static_cast<double>(kappa1),
          static_cast<double>(1 - kappa1), static_cast<double>(sine)};
}

TEST(ArcCosine, RelativeAccuracyFromTinyDefectsToAntipodes) {
  constexpr double eps = 0x1p-53;
  for (double defect = 1e-20; defect < 2.0; defect *= 1.37) {
    const ArcCosine k = arc_cosine(defect);
    const Reference r = reference(defect);
    EXPECT_NEAR(k.kappa0, r.kappa0, 4 * eps) << defect;
    EXPECT_NEAR(k.kappa1, r.kappa1, 4 * eps) << defect;
    // 1 − cosθ costs the reference its digits below the last of 113 bits.
    if (defect > 1e-16) {
      EXPECT_NEAR(k.one_minus_kappa1, r.one_minus_kappa1, 6 * eps * r.one_minus_kappa1) << defect;
    }
    EXPECT_NEAR(k.sine, r.sine, 4 * eps * r.sine + 1e-34 / r.sine) << defect;
  }
}

TEST(ArcCosine, EndsAndMiddleAreExact) {
  EXPECT_EQ(arc_cosine(0.0).kappa0, 1.0);
  EXPECT_EQ(arc_cosine(0.0).kappa1, 1.0);
  EXPECT_EQ(arc_cosine(0.0).one_minus_kappa1, 0.0);
  EXPECT_EQ(arc_cosine(2.0).kappa0, 0.0);
  EXPECT_EQ(arc_cosine(2.0).kappa1, 0.0);
  EXPECT_NEAR(arc_cosine(1.0).kappa0, 0.5, 2e-16);
  EXPECT_NEAR(arc_cosine(1.0).kappa1, std::numbers::inv_pi, 1e-16);
  EXPECT_EQ(arc_cosine_tangent(0.0), 2.0);
}

TEST(ArcCosine, CorrelationsAloneWouldLoseHalfOfTheDigits) {
  // The trap itself: θ = 1e-6 through cosθ in double.
  const double theta = 1e-6, defect = 2.0 * std::pow(std::sin(0.5 * theta), 2);
  const double kappa0 = 1.0 - theta * std::numbers::inv_pi;
  EXPECT_GT(std::fabs(1.0 - std::acos(std::cos(theta)) * std::numbers::inv_pi - kappa0), 1e-12);
  EXPECT_NEAR(arc_cosine(defect).kappa0, kappa0, 2e-16);
}

TEST(ArcCosine, IsTheGaussianMeanOfRectifiedPairs) {
  // In polar coordinates E[relu x relu y] = (1/π) ∫ cosφ cos(φ−θ) dφ over the overlap.
  for (const double theta : {0.1, 1.0, 2.0, 3.0}) {
    const double mean =
        std::numbers::inv_pi *
        oracle::integrate([&](double phi) { return std::cos(phi) * std::cos(phi - theta); },
                          theta - 0.5 * std::numbers::pi, 0.5 * std::numbers::pi);
    EXPECT_NEAR(0.5 * arc_cosine(1.0 - std::cos(theta)).kappa1, mean, 1e-14);
  }
}

TEST(Arcsine, AllItsRange) {
  for (double t = -1.0; t <= 1.0; t += 0.00390625)
    EXPECT_NEAR(arc::arcsine(t, (1.0 - t) * (1.0 + t)), std::asin(t),
                4e-16 * std::fabs(std::asin(t)));
  // A sine of one to within rounding, and what is known of the rest.
  EXPECT_NEAR(0.5 * std::numbers::pi - arc::arcsine(1.0 - 1e-14, 2e-14), std::sqrt(2e-14), 1e-15);
}

}  // namespace
}  // namespace fathom
