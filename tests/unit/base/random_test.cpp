#include "base/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include <Random123/philox.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using Words = std::array<std::uint32_t, 4>;

std::vector<double> normals(RandomKey key, std::int64_t item, std::int64_t count) {
  std::vector<double> z(static_cast<std::size_t>(count));
  fill_normal(key, {&item, 1}, 0, {z.data(), count, 1, count});
  return z;
}

Words random123_block(RandomKey key, std::uint64_t item, std::uint64_t pair) {
  const auto words = philox_key(key);
  const r123::Philox4x32::ctr_type counter = {
      {static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32),
       static_cast<std::uint32_t>(pair), static_cast<std::uint32_t>(pair >> 32)}};
  const auto out = r123::Philox4x32()(counter, {{words[0], words[1]}});
  return {out[0], out[1], out[2], out[3]};
}

/// The uniform that two words of a block define.
double uniform_of(std::uint32_t low, std::uint32_t high) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32 | low) >> 12;
  return static_cast<double>(2 * bits + 1) * 0x1p-53;
}

/// √n times the Kolmogorov–Smirnov distance from N(0, 1): above 1.95 with probability 1e-3.
double kolmogorov_smirnov(std::vector<double> z) {
  std::sort(z.begin(), z.end());
  const auto n = static_cast<double>(z.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double cdf = 0.5 * std::erfc(-z[i] / std::numbers::sqrt2);
    const auto rank = static_cast<double>(i);
    distance = std::max({distance, cdf - rank / n, (rank + 1.0) / n - cdf});
  }
  return std::sqrt(n) * distance;
}

/// √n times the sample correlation: standard normal for independent samples.
double correlation_score(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0) / std::sqrt(n);
}

TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox_block({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox_block({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox_block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, UniformsAreRandom123BitForBit) {
  const RandomKey key{20240229, Stream::test};
  for (const std::int64_t item : {0L, 1L, 77L, (1L << 32) + 5, (1L << 62) - 1}) {
    for (const std::int64_t first : {0L, (1L << 33) - 34, 6L * 1000 * 1000 * 1000}) {
      std::vector<double> u(101);
      fill_uniform(key, {&item, 1}, first, {u.data(), 101, 1, 101});
      for (std::int64_t k = 0; k < 101; ++k) {
        const std::int64_t coordinate = first + k;
        const Words w = random123_block(key, static_cast<std::uint64_t>(item),
                                        static_cast<std::uint64_t>(coordinate / 2));
        const double expected =
            coordinate % 2 == 0 ? uniform_of(w[0], w[1]) : uniform_of(w[2], w[3]);
        ASSERT_EQ(u[static_cast<std::size_t>(k)], expected) << item << " " << coordinate;
      }
    }
  }
}

TEST(Random, NormalsAreBoxMullerOfTheUniforms) {
  const RandomKey key{3, Stream::test};
  for (std::int64_t pair = 0; pair < 20000; ++pair) {
    const long double radius = sqrtl(-2.0L * logl(uniform(key, 5, 2 * pair)));
    const long double angle =
        2.0L * std::numbers::pi_v<long double> * uniform(key, 5, 2 * pair + 1);
    EXPECT_NEAR(normal(key, 5, 2 * pair), static_cast<double>(radius * cosl(angle)),
                6e-16 * static_cast<double>(radius));
    EXPECT_NEAR(normal(key, 5, 2 * pair + 1), static_cast<double>(radius * sinl(angle)),
                6e-16 * static_cast<double>(radius));
  }
}

TEST(Random, SameBitsWhateverTheChunk) {
  const RandomKey key{1, Stream::data};
  const std::vector<std::int64_t> items = {0, 3, 4, 1000000007};
  const std::int64_t whole = 200;
  std::vector<double> all(static_cast<std::size_t>(whole) * items.size());
  const MatrixView<double> reference{all.data(), whole, 4, whole};
  fill_normal(key, items, 0, reference);
  for (const std::int64_t first : {0, 1, 2, 7, 15, 16, 33}) {
    for (const std::int64_t count : {0, 1, 2, 3, 15, 16, 17, 64, 131}) {
      const std::int64_t ld = count + 3;
      std::vector<double> part(static_cast<std::size_t>(2 * ld), -1.0);
      fill_normal(key, std::span(items).subspan(1, 2), first, {part.data(), count, 2, ld});
      for (std::int64_t q = 0; q < 2; ++q) {
        for (std::int64_t k = 0; k < count; ++k)
          ASSERT_EQ(part[static_cast<std::size_t>(k + q * ld)], reference(first + k, q + 1))
              << first << " " << count << " " << k;
        for (std::int64_t k = count; k < ld; ++k)
          ASSERT_EQ(part[static_cast<std::size_t>(k + q * ld)], -1.0) << "written past the end";
      }
    }
  }
  EXPECT_EQ(normal(key, 4, 61), reference(61, 2));
}

TEST(Random, TheSameBitsOnEveryMachine) {
  std::uint64_t hash = 0;
  for (std::int64_t item = 0; item < 16; ++item)
    for (const double z : normals({1, Stream::data}, item, 512))
      hash = hash * 6364136223846793005u + std::bit_cast<std::uint64_t>(z);
  EXPECT_EQ(hash, 0x5a02a1b126820f58u);
}

TEST(Random, Moments) {
  const std::int64_t count = 4000000;
  const auto z = normals({7, Stream::test}, 11, count);
  double moment[7] = {};
  for (const double x : z) {
    double power = 1.0;
    for (double& m : moment) {
      m += power / static_cast<double>(count);
      power *= x;
    }
  }
  const double expected[] = {1, 0, 1, 0, 3, 0, 15}, variance[] = {0, 1, 2, 15, 96, 945, 10170};
  for (int k = 1; k <= 6; ++k)
    EXPECT_NEAR(moment[k], expected[k], 4.0 * std::sqrt(variance[k] / static_cast<double>(count)))
        << "moment " << k;
}

TEST(Random, KolmogorovSmirnov) {
  for (const std::uint64_t seed : {1u, 2u, 3u})
    EXPECT_LT(kolmogorov_smirnov(normals({seed, Stream::weights}, 0, 200000)), 1.95);
  // Across items at one coordinate, as a matrix's rows are made.
  std::vector<double> across;
  for (std::int64_t item = 0; item < 50000; ++item)
    across.push_back(normal({1, Stream::weights}, item, 0));
  EXPECT_LT(kolmogorov_smirnov(across), 1.95);
}

TEST(Random, KolmogorovSmirnovSeesAPlantedShift) {
  auto z = normals({1, Stream::weights}, 0, 200000);
  for (double& x : z)
    x += 0.02;
  EXPECT_GT(kolmogorov_smirnov(z), 1.95);
}

TEST(Random, StreamsSeedsItemsAndCoordinatesAreIndependent) {
  const std::int64_t count = 100000;
  const auto base = normals({1, Stream::data}, 0, count + 1);
  const std::vector<double> z(base.begin(), base.end() - 1);
  EXPECT_LT(std::fabs(correlation_score(z, normals({2, Stream::data}, 0, count))), 4.0);
  EXPECT_LT(std::fabs(correlation_score(z, normals({0, Stream::data}, 0, count))), 4.0);
  EXPECT_LT(std::fabs(correlation_score(z, normals({1, Stream::weights}, 0, count))), 4.0);
  EXPECT_LT(std::fabs(correlation_score(z, normals({1, Stream::data}, 1, count))), 4.0);
  EXPECT_LT(std::fabs(correlation_score(z, {base.begin() + 1, base.end()})), 4.0);
  EXPECT_GT(correlation_score(z, z), 4.0) << "the checker sees a copy";
}

TEST(Random, KeysAreAllDifferent) {
  std::vector<std::array<std::uint32_t, 2>> keys;
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    for (const Stream stream :
         {Stream::data, Stream::weights, Stream::probes, Stream::targets, Stream::bootstrap})
      keys.push_back(philox_key({seed, stream}));
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(Random, UniformsStayInsideTheOpenInterval) {
  EXPECT_EQ(uniform_of(0, 0), 0x1p-53);
  EXPECT_EQ(uniform_of(~0u, ~0u), 1.0 - 0x1p-53);
}

}  // namespace
}  // namespace fathom
