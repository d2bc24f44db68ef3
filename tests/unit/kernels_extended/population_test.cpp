// Double-double population kernels and sums of products against MPFR.

#include "base/error.hpp"
#include "exact_kernels.hpp"
#include "kernels/extended_population.hpp"
#include "kernels/extended_products.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double u = double_double_roundoff;

TEST(ExtendedPopulation, moments_lie_inside_their_bounds) {
  Random random(21);
  for (int p = 1; p <= 8; ++p) {
    const ExtendedPopulationMap map(Activation(ActivationKind::monomial, p), 70);
    for (int k = 0; k < 60; ++k) {
      const DoubleDouble a = random.extended(0.1, 3), b = random.extended(0.1, 3);
      const DoubleDouble s = sqrt(a * b) * (k % 3 == 0 ? DoubleDouble(1.0 - std::ldexp(1.0, -k))
                                                       : random.extended(-1, 1));
      const ExtendedValue got = map.entry({a, 0.0}, {b, 0.0}, {s, 0.0});
      const Mp exact = isserlis(p, p, a, b, s) / Mp(70);
      EXPECT_TRUE(inside(got, exact)) << "degree " << p;
      EXPECT_LE(got.error, 50 * u * std::fabs(exact.number()));
      EXPECT_EQ(got.value, map.entry({b, 0.0}, {a, 0.0}, {s, 0.0}).value);

      const double e = std::ldexp(1.0, -90);
      const auto off = [&](const DoubleDouble& v) {
        return ExtendedValue{v + random.uniform(-e, e), e};
      };
      EXPECT_TRUE(inside(map.entry(off(a), off(b), off(s)), exact)) << "degree " << p;
    }
  }
}

TEST(ExtendedPopulation, a_wrong_degree_is_seen) {
  const ExtendedPopulationMap map(Activation(ActivationKind::monomial, 3), 1);
  const ExtendedValue got = map.entry({1.5, 0.0}, {1.25, 0.0}, {0.5, 0.0});
  EXPECT_TRUE(inside(got, isserlis(3, 3, 1.5, 1.25, 0.5)));
  EXPECT_FALSE(inside(got, isserlis(2, 2, 1.5, 1.25, 0.5)));
  EXPECT_FALSE(inside(got, isserlis(3, 3, 1.5, 1.25, 0.5 + 1e-15)));
}

TEST(ExtendedPopulation, other_activations_are_refused) {
  EXPECT_THROW(ExtendedPopulationMap(Activation(ActivationKind::relu), 5), Error);
}

struct Panel {
  std::vector<double> x, y;
  std::vector<DoubleDouble> weight;
  std::int64_t count, items;
  MatrixView<const double> view() const { return {x.data(), count, items, count}; }
};

Panel random_panel(std::int64_t count, std::int64_t items, bool weighted, std::uint64_t seed) {
  Random random(seed);
  Panel p{{}, {}, {}, count, items};
  for (std::int64_t k = 0; k < count * items; ++k)
    p.x.push_back(random.uniform(-2, 2));
  for (std::int64_t k = 0; k < count; ++k) {
    p.y.push_back(random.uniform(-2, 2));
    if (weighted)
      p.weight.push_back(random.extended(0.5, 1) *
                         std::exp2(static_cast<double>(-(count - 1 - k) / 8)));
  }
  return p;
}

struct Sums {
  std::vector<double> hi, lo;
};

Sums summed(const Panel& p, std::int64_t first) {
  Sums s{std::vector<double>(static_cast<std::size_t>(p.items - first), 0.0), {}};
  s.lo = s.hi;
  ExtendedPanel(p.view(), p.weight).add_products(p.y.data(), first, s.hi, s.lo);
  return s;
}

/// |sum − exact| over Σ |terms|, the largest over the items.
double worst_part(const Panel& p, const Sums& s) {
  double worst = 0;
  for (std::int64_t i = 0; i < p.items; ++i) {
    Mp sum = 0, size = 0;
    for (std::int64_t k = 0; k < p.count; ++k) {
      const auto at = static_cast<std::size_t>(k);
      Mp term = Mp(p.view()(k, i)) * Mp(p.y[at]);
      if (!p.weight.empty()) term = term * Mp(p.weight[at]);
      sum = sum + term;
      size = size + abs(term);
    }
    const auto at = static_cast<std::size_t>(i);
    EXPECT_TRUE(normalised({s.hi[at], s.lo[at]}));
    worst = std::max(worst, distance({s.hi[at], s.lo[at]}, sum) / size.number());
  }
  return worst;
}

TEST(ExtendedProducts, sums_are_right_to_the_stated_roundings) {
  for (const bool weighted : {false, true})
    for (const std::int64_t count : {1, 2, 64, 500}) {
      const Panel p = random_panel(count, 37, weighted, 31);
      EXPECT_LE(worst_part(p, summed(p, 0)), (static_cast<double>(count) + 1) * u);
    }
}

TEST(ExtendedProducts, a_lost_low_part_is_seen) {
  const Panel p = random_panel(64, 5, false, 32);
  Sums s = summed(p, 0);
  s.lo[3] = 0;
  EXPECT_GT(worst_part(p, s), 65 * u);
}

TEST(ExtendedProducts, bits_depend_on_neither_place_nor_chunks) {
  for (const bool weighted : {false, true}) {
    const Panel p = random_panel(30, 41, weighted, 33);
    const Sums whole = summed(p, 0);
    for (const std::int64_t first : {1, 15, 16, 40}) {
      const Sums part = summed(p, first);
      for (std::size_t i = 0; i < part.hi.size(); ++i) {
        EXPECT_EQ(part.hi[i], whole.hi[i + static_cast<std::size_t>(first)]);
        EXPECT_EQ(part.lo[i], whole.lo[i + static_cast<std::size_t>(first)]);
      }
    }
    Sums chunked{std::vector<double>(41, 0.0), std::vector<double>(41, 0.0)};
    for (const auto& [begin, length] : {std::pair<std::int64_t, std::int64_t>{0, 7}, {7, 23}}) {
      const std::span<const DoubleDouble> weight(p.weight);
      ExtendedPanel(p.view().block(begin, 0, length, 41),
                    weighted ? weight.subspan(static_cast<std::size_t>(begin),
                                              static_cast<std::size_t>(length))
                             : weight)
          .add_products(p.y.data() + begin, 0, chunked.hi, chunked.lo);
    }
    EXPECT_EQ(chunked.hi, whole.hi);
    EXPECT_EQ(chunked.lo, whole.lo);
  }
}

}  // namespace
}  // namespace fathom
