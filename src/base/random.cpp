#include "base/random.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

// Eight Philox blocks (sixteen numbers) are made at a time in vectors of eight 64-bit lanes. Every
// floating-point step is a single IEEE operation (this file is compiled with -ffp-contract=off),
// so the numbers have the same bits on every machine, with and without vector instructions.

namespace fathom {
namespace {

constexpr int lanes = 8;
constexpr int chunk = 2 * lanes;  // coordinates made at a time
using U64 = std::uint64_t __attribute__((vector_size(64)));
using F64 = double __attribute__((vector_size(64)));

struct KeyWords {
  std::uint32_t k0, k1;
};

/// One Philox block a lane: 32-bit words in 64-bit lanes, whose upper halves are not defined.
struct Blocks {
  U64 c0, c1, c2, c3;
};

U64 broadcast(std::uint64_t x) {
  return U64{} + x;
}

/// Finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection of 64-bit words.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

KeyWords key_words(RandomKey key) {
  const std::uint64_t k = mix(key.seed ^ mix(static_cast<std::uint64_t>(key.stream)));
  return {static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(k >> 32)};
}

/// Product of the lower halves.
inline U64 multiply_low(U64 a, std::uint32_t m) {
#ifdef __AVX512F__
  return reinterpret_cast<U64>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a),
                                                      reinterpret_cast<__m512i>(broadcast(m))));
#else
  return (a & 0xffffffffu) * static_cast<std::uint64_t>(m);
#endif
}

inline Blocks philox(Blocks x, KeyWords key) {
  constexpr std::uint32_t m0 = 0xd2511f53u, m1 = 0xcd9e8d57u;
  constexpr std::uint32_t w0 = 0x9e3779b9u, w1 = 0xbb67ae85u;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const U64 p0 = multiply_low(x.c0, m0);
    const U64 p1 = multiply_low(x.c2, m1);
    x = {(p1 >> 32) ^ x.c1 ^ static_cast<std::uint64_t>(key.k0), p1,
         (p0 >> 32) ^ x.c3 ^ static_cast<std::uint64_t>(key.k1), p0};
    key.k0 += w0;
    key.k1 += w1;
  }
  return x;
}

/// The blocks of the coordinate pairs pair … pair + 7 of an item.
inline Blocks item_blocks(KeyWords key, std::int64_t item, std::int64_t pair) {
  const U64 pairs = broadcast(static_cast<std::uint64_t>(pair)) + U64{0, 1, 2, 3, 4, 5, 6, 7};
  const auto index = static_cast<std::uint64_t>(item);
  return philox({broadcast(index), broadcast(index >> 32), pairs, pairs >> 32}, key);
}

/// Odd multiples of 2^-53 in (0, 1) from the upper 52 of the 64 bits high:low.
inline F64 open_uniform(U64 low, U64 high) {
  const U64 bits = (high << 32) | (low & 0xffffffffu);
  const F64 in_1_2 = reinterpret_cast<F64>((bits >> 12) | 0x3ff0000000000000u);
  return (in_1_2 - 1.0) + 0x1p-53;
}

inline F64 square_root(F64 x) {
#ifdef __AVX512F__
  return reinterpret_cast<F64>(_mm512_maskz_sqrt_pd(0xff, reinterpret_cast<__m512d>(x)));
#else
  F64 root{};
  for (int i = 0; i < lanes; ++i)
    root[i] = __builtin_sqrt(x[i]);
  return root;
#endif
}

/// −2 ln u for normal u in (0, 1): u = 2^e m, √½ ≤ m < √2, ln m = 2 atanh(s), s = (m−1)/(m+1).
/// Minimax polynomial in s², of relative error 5e-16 in a term below 1 % of the whole.
inline F64 minus_two_log(F64 u) {
  const U64 bits = reinterpret_cast<U64>(u);
  constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcdu;
  const U64 shifted = bits - sqrt_half;
  // The upper 12 bits of shifted are e in two's complement.
  const U64 exponent = shifted & 0xfff0000000000000u;
  const F64 m = reinterpret_cast<F64>(bits - exponent);
  // The double 2^52 + 2048 + e, made from its bits.
  const U64 e_bits = ((exponent >> 52) ^ 0x800u) | 0x4330000000000000u;
  const F64 e = reinterpret_cast<F64>(e_bits) - (0x1p52 + 2048.0);
  const F64 f = m - 1.0;
  const F64 s = f / (m + 1.0);
  const F64 z = s * s;
  F64 p = z * 0x1.2b61a5afae902p-3 + 0x1.39fd9a4c3ec82p-3;
  p = p * z + 0x1.7462bac8c7606p-3;
  p = p * z + 0x1.c71c62cf5828ep-3;
  p = p * z + 0x1.2492492e034f4p-2;
  p = p * z + 0x1.9999999995238p-2;
  p = p * z + 0x1.5555555555558p-1;
  const F64 log_m = (s + s) + s * (z * p);
  constexpr double ln2_high = 0x1.62e42fefa0000p-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
  return -2.0 * (e * ln2_high + (log_m + e * ln2_low));
}

struct SineCosine {
  F64 sine, cosine;
};

/// sin 2πu and cos 2πu for u in (0, 1): quarter turns exactly, then minimax polynomials of relative
/// error 4e-18 and 4e-20 on |r| ≤ ½ quarter turn.
inline SineCosine sine_cosine_turn(F64 u) {
  constexpr double to_integer = 0x1.8p52;
  const F64 quarters = u * 4.0;
  const F64 shifted = quarters + to_integer;
  const U64 q = reinterpret_cast<U64>(shifted);
  const F64 r = quarters - (shifted - to_integer);
  const F64 z = r * r;
  F64 s = z * 0x1.e3eed5c67a376p-25 + -0x1.e30063a00c5e9p-19;
  s = s * z + 0x1.50782fca388fcp-13;
  s = s * z + -0x1.32d2cce2d535dp-8;
  s = s * z + 0x1.466bc67758700p-4;
  s = s * z + -0x1.4abbce625be41p-1;
  s = (s * z + 0x1.921fb54442d18p+0) * r;
  F64 c = z * -0x1.b2586b8a6d927p-28 + 0x1.f9cc15d4e1ee7p-22;
  c = c * z + -0x1.a6d1ec3d47beep-16;
  c = c * z + 0x1.e1f5068303f1fp-11;
  c = c * z + -0x1.55d3c7e3c8d5cp-6;
  c = c * z + 0x1.03c1f081b5aaap-2;
  c = c * z + -0x1.3bd3cc9be45dep+0;
  c = c * z + 1.0;
  const auto odd = (q & 1u) != 0u;
  const U64 sine = reinterpret_cast<U64>(odd ? c : s) ^ ((q & 2u) << 62);
  const U64 cosine = reinterpret_cast<U64>(odd ? s : c) ^ (((q + 1u) & 2u) << 62);
  return {reinterpret_cast<F64>(sine), reinterpret_cast<F64>(cosine)};
}

inline void store_interleaved(F64 even, F64 odd, double* out) {
  const F64 low = __builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
  const F64 high = __builtin_shufflevector(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
  std::memcpy(out, &low, sizeof low);
  std::memcpy(out + lanes, &high, sizeof high);
}

struct Uniforms {
  static void make(KeyWords key, std::int64_t item, std::int64_t pair, double* out) {
    const Blocks x = item_blocks(key, item, pair);
    store_interleaved(open_uniform(x.c0, x.c1), open_uniform(x.c2, x.c3), out);
  }
};

struct Normals {
  static void make(KeyWords key, std::int64_t item, std::int64_t pair, double* out) {
    const Blocks x = item_blocks(key, item, pair);
    const F64 radius = square_root(minus_two_log(open_uniform(x.c0, x.c1)));
    const SineCosine turn = sine_cosine_turn(open_uniform(x.c2, x.c3));
    store_interleaved(radius * turn.cosine, radius * turn.sine, out);
  }
};

/// out[k] = number(first + k). Chunks always start at an even coordinate; ends are cut out of
/// whole ones.
template <class Numbers>
void fill_column(KeyWords key, std::int64_t item, std::int64_t first, std::int64_t count,
                 double* out) {
  double buffer[chunk];
  std::int64_t done = 0;
  while (done < count) {
    const std::int64_t coordinate = first + done;
    const std::int64_t skip = coordinate & 1;
    const std::int64_t take = std::min<std::int64_t>(chunk - skip, count - done);
    const bool whole = take == chunk;
    double* target = whole ? out + done : buffer;
    Numbers::make(key, item, coordinate / 2, target);
    if (!whole) std::copy_n(buffer + skip, take, out + done);
    done += take;
  }
}

template <class Numbers>
void fill(RandomKey key, std::span<const std::int64_t> items, std::int64_t first,
          MatrixView<double> out) {
  FATHOM_ASSERT(first >= 0, "first coordinate {}", first);
  FATHOM_ASSERT(out.cols == std::ssize(items), "{} columns for {} items", out.cols, items.size());
  const KeyWords words = key_words(key);
  for (std::int64_t q = 0; q < out.cols; ++q)
    fill_column<Numbers>(words, items[static_cast<std::size_t>(q)], first, out.rows, out.col(q));
}

template <class Numbers>
double one(RandomKey key, std::int64_t item, std::int64_t coordinate) {
  FATHOM_ASSERT(coordinate >= 0, "coordinate {}", coordinate);
  double value = 0.0;
  fill_column<Numbers>(key_words(key), item, coordinate, 1, &value);
  return value;
}

}  // namespace

void fill_normal(RandomKey key, std::span<const std::int64_t> items, std::int64_t first,
                 MatrixView<double> out) {
  fill<Normals>(key, items, first, out);
}

void fill_uniform(RandomKey key, std::span<const std::int64_t> items, std::int64_t first,
                  MatrixView<double> out) {
  fill<Uniforms>(key, items, first, out);
}

double normal(RandomKey key, std::int64_t item, std::int64_t coordinate) {
  return one<Normals>(key, item, coordinate);
}

double uniform(RandomKey key, std::int64_t item, std::int64_t coordinate) {
  return one<Uniforms>(key, item, coordinate);
}

std::array<std::uint32_t, 2> philox_key(RandomKey key) {
  const KeyWords words = key_words(key);
  return {words.k0, words.k1};
}

std::array<std::uint32_t, 4> philox_block(std::array<std::uint32_t, 4> counter,
                                          std::array<std::uint32_t, 2> key) {
  const Blocks x = philox(
      {broadcast(counter[0]), broadcast(counter[1]), broadcast(counter[2]), broadcast(counter[3])},
      {key[0], key[1]});
  return {static_cast<std::uint32_t>(x.c0[0]), static_cast<std::uint32_t>(x.c1[0]),
          static_cast<std::uint32_t>(x.c2[0]), static_cast<std::uint32_t>(x.c3[0])};
}

}  // namespace fathom
