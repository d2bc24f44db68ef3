// libqd under this build's flags, and the functions made of it, against MPFR.

#include "multiprecision.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double u = double_double_roundoff;

/// Whether s + e is a + b, p + f is a·b, to the last bit.
struct Transforms {
  double s, e, p, f;
};
Transforms transforms(double a, double b) {
  Transforms t{};
  t.s = qd::two_sum(a, b, t.e);
  t.p = qd::two_prod(a, b, t.f);
  return t;
}
bool exact(const Transforms& t, double a, double b) {
  return Mp(t.s) + Mp(t.e) == Mp(a) + Mp(b) && Mp(t.p) + Mp(t.f) == Mp(a) * Mp(b) && t.s == a + b &&
         t.p == a * b;
}

TEST(ErrorFree, transforms_are_exact_under_these_flags) {
  Random random(1);
  for (int k = 0; k < 20000; ++k) {
    const double a = std::ldexp(random.uniform(-1, 1), k % 61 - 30), b = random.uniform(-8, 8);
    EXPECT_TRUE(exact(transforms(a, b), a, b)) << a << " " << b;
  }
}

TEST(ErrorFree, a_lost_part_is_seen) {
  const double a = 1.0 + 0x1p-40, b = 1.0 / 3.0;
  const Transforms right = transforms(a, b);
  Transforms wrong = right;
  wrong.f = 0;
  EXPECT_TRUE(exact(right, a, b));
  EXPECT_FALSE(exact(wrong, a, b));
  wrong = right;
  wrong.e = 0;
  EXPECT_FALSE(exact(wrong, a, b));
}

TEST(ErrorFree, operations_of_libqd_keep_their_bounds) {
  Random random(2);
  const auto part = [](const DoubleDouble& got, const Mp& is) {
    return (abs(Mp(got) - is) / abs(is)).number();
  };
  for (int k = 0; k < 50000; ++k) {
    const DoubleDouble a = random.extended(0.5, 2.0);
    const DoubleDouble b = k % 3 == 0 ? random.extended(-2, 2) : -a * random.extended(0.99, 1.01);
    EXPECT_LE(part(a + b, Mp(a) + Mp(b)), rounding::sum);
    EXPECT_LE(part(a * b, Mp(a) * Mp(b)), rounding::product);
    EXPECT_LE(part(a / b, Mp(a) / Mp(b)), rounding::quotient);
    EXPECT_LE(part(sqrt(a), sqrt(Mp(a))), rounding::root);
    EXPECT_TRUE(normalised(a + b) && normalised(a * b) && normalised(a / b) && normalised(sqrt(a)));
    const double angle = random.uniform(-1.5708, 1.5708);
    DoubleDouble s, c;
    sincos(DoubleDouble(angle), s, c);
    EXPECT_LE(distance(s, sin(Mp(angle))), rounding::sincos);
    EXPECT_LE(distance(c, cos(Mp(angle))), rounding::sincos);
  }
}

TEST(Arcsine, lies_inside_a_narrow_bound) {
  Random random(3);
  double widest = 0;
  for (int k = 0; k < 40000; ++k) {
    DoubleDouble t = random.extended(-1, 1);
    if (k % 4 == 1) t = t * 1e-6;
    if (k % 4 == 2) t = 1.0 - t * t * std::ldexp(1.0, -(k % 90));
    if (k % 4 == 3) t = -1.0 + t * t * std::ldexp(1.0, -(k % 90));
    if (abs(t) > 1.0) continue;
    const Arcsine got = arcsine({t, 0.0});
    const Mp cosine = sqrt((Mp(1) - Mp(t)) * (Mp(1) + Mp(t)));
    EXPECT_TRUE(inside(got.angle, asin(Mp(t)))) << t.x[0] << " k " << k;
    EXPECT_TRUE(inside(got.cosine, cosine)) << t.x[0];
    if (cosine.number() > 1e-6) widest = std::max(widest, got.angle.error);
  }
  EXPECT_LT(widest, 12 * u);
}

TEST(Arcsine, carries_the_error_of_its_argument) {
  Random random(4);
  for (int k = 0; k < 20000; ++k) {
    const double error = std::ldexp(1.0, -40 - k % 60);
    const DoubleDouble exact =
        k % 2 ? random.extended(-1, 1) : 1.0 - random.extended(0, 1) * std::ldexp(1.0, -(k % 80));
    const DoubleDouble shifted = exact + random.uniform(-error, error);
    const Arcsine got = arcsine({shifted, error});
    EXPECT_TRUE(inside(got.angle, asin(Mp(exact)))) << exact.x[0] << " +- " << error;
    EXPECT_TRUE(inside(got.cosine, sqrt((Mp(1) - Mp(exact)) * (Mp(1) + Mp(exact)))));
  }
}

TEST(Arcsine, keeps_nan_and_clamps_what_rounding_put_beyond_one) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(arcsine({nan, 0.0}).angle.value.x[0]));
  EXPECT_TRUE(inside(arcsine({DoubleDouble(1.0, 0x1p-100), 0x1p-99}).angle, asin(Mp(1))));
  EXPECT_TRUE(inside(arcsine({-1.0, 0.0}).angle, asin(Mp(-1))));
}

TEST(Inside, sees_an_error_beyond_the_bound) {
  Arcsine got = arcsine({0.5, 0.0});
  EXPECT_TRUE(inside(got.angle, asin(Mp(0.5))));
  got.angle.value += 2 * got.angle.error;
  EXPECT_FALSE(inside(got.angle, asin(Mp(0.5))));
  got.angle.value.x[1] = std::nan("");
  EXPECT_FALSE(inside(got.angle, asin(Mp(0.5))));
}

TEST(Cosine, of_turns_lies_inside_its_bound) {
  const auto expect = [](std::int64_t p, std::int64_t q) {
    const Mp exact =
        cos(Mp(2) * Mp::pi() * Mp(static_cast<double>(p)) / Mp(static_cast<double>(q)));
    EXPECT_TRUE(inside(cosine_of_turns(p, q), exact) ||
                distance(cosine_of_turns(p, q).value, exact) < 1e-70)
        << p << "/" << q;
  };
  for (const std::int64_t q : {1, 2, 3, 4, 5, 8, 12, 31, 64, 500, 4099})
    for (std::int64_t p = 0; p <= q / 2; ++p)
      expect(p, q);
  Random random(5);
  for (int k = 0; k < 5000; ++k)
    expect(static_cast<std::int64_t>(random.uniform(0, 0x1p52)), std::int64_t{1} << 53);
  EXPECT_EQ(cosine_of_turns(3, 12).value, DoubleDouble(0.0));
  EXPECT_EQ(cosine_of_turns(6, 12).value, DoubleDouble(-1.0));
}

TEST(Circle, inner_products_are_of_the_exact_positions) {
  const Circle circle(50, CircleSpacing::random, {7, Stream::data});
  for (std::int64_t i = 0; i < 50; ++i)
    for (std::int64_t j = 0; j < 50; ++j) {
      const Mp exact = cos(Mp(2) * Mp::pi() * (Mp(circle.turn(i)) - Mp(circle.turn(j))));
      const ExtendedValue got = inner_product(circle, i, j);
      EXPECT_TRUE(inside(got, exact));
      EXPECT_EQ(got.value, inner_product(circle, j, i).value);
      EXPECT_NEAR(to_double(2.0 - 2.0 * got.value), circle.squared_chord(i, j), 1e-15);
    }
}

TEST(PowerLaw, lies_inside_its_bound) {
  for (const double alpha : {0.0, 0.5, 1.0, 1.5, 2.0, 3.7, 8.0, 16.0, 24.0})
    for (const std::int64_t j : {1, 2, 3, 10, 97, 1000, 4000, 123457, 100000007}) {
      const ExtendedValue got = extended_power_law_eigenvalue(j, alpha);
      const Mp exact = pow(Mp(static_cast<double>(j)), Mp(-alpha));
      EXPECT_TRUE(inside(got, exact)) << j << "^-" << alpha;
      EXPECT_LE(got.error, 2000 * u * exact.number());
    }
}

}  // namespace
}  // namespace fathom
