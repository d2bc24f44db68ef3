#include "training/batches.hpp"

#include "base/assert.hpp"
#include "base/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace fathom {
namespace {

/// Eight rounds, twice those of Luby & Rackoff, on halves that are not tiny: on halves of 3 and 2
/// some orders of 6 samples would be twice as likely as others.
constexpr std::uint32_t passes = 4;
constexpr std::uint64_t least_half = 8;

/// A keyed function of (round, value), uniform on 0 … range − 1 up to range/2^64.
class RoundFunction {
 public:
  RoundFunction(std::uint64_t seed, std::int64_t epoch)
      : key_(philox_key({seed, Stream::batches})), epoch_(static_cast<std::uint64_t>(epoch)) {}

  std::uint64_t operator()(std::uint32_t round, std::uint64_t value, std::uint64_t range) const {
    // Values are below 2^32, as halves are; the round takes the word they leave free.
    const auto block =
        philox_block({static_cast<std::uint32_t>(epoch_), static_cast<std::uint32_t>(epoch_ >> 32),
                      static_cast<std::uint32_t>(value), round},
                     key_);
    return ((std::uint64_t{block[1]} << 32) | block[0]) % range;
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t epoch_;
};

void draw(const Batches& batches, std::int64_t step, std::int64_t first,
          std::span<std::int64_t> out) {
  std::vector<double> u(out.size());
  fill_uniform({batches.seed, Stream::batches}, {&step, 1}, first,
               {u.data(), std::ssize(u), 1, std::max<std::int64_t>(1, std::ssize(u))});
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = std::min(batches.samples - 1,
                      static_cast<std::int64_t>(u[i] * static_cast<double>(batches.samples)));
}

}  // namespace

std::string_view name(BatchKind kind) {
  switch (kind) {
    case BatchKind::full:
      return "full";
    case BatchKind::permutation:
      return "permutation";
    case BatchKind::replacement:
      return "replacement";
    case BatchKind::fresh:
      return "fresh";
  }
  return "full";
}

std::int64_t permuted(std::uint64_t seed, std::int64_t epoch, std::int64_t n, std::int64_t place) {
  FATHOM_ASSERT(0 <= place && place < n && n < std::int64_t{1} << 62, "place {} of {}", place, n);
  const RoundFunction shift(seed, epoch);
  const auto size = static_cast<std::uint64_t>(n);
  const auto root = static_cast<std::uint64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  const std::uint64_t a = std::max(least_half, root), b = std::max(least_half, (size + a - 1) / a);
  auto x = static_cast<std::uint64_t>(place);
  do {
    std::uint64_t low = x % a, high = x / a;
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      low = (low + shift(2 * pass, high, a)) % a;
      high = (high + shift(2 * pass + 1, low, b)) % b;
    }
    x = low + a * high;
  } while (x >= size);
  return static_cast<std::int64_t>(x);
}

void Batches::fill(std::int64_t step, std::int64_t first, std::span<std::int64_t> out) const {
  FATHOM_ASSERT(step >= 0 && first >= 0 && first + std::ssize(out) <= step_size(),
                "places {} + {} of a batch of {}, step {}", first, out.size(), step_size(), step);
  const std::int64_t start = step * step_size() + first;
  switch (kind) {
    case BatchKind::full:
      std::iota(out.begin(), out.end(), first);
      return;
    case BatchKind::permutation:
      for (std::size_t i = 0; i < out.size(); ++i) {
        const std::int64_t place = start + static_cast<std::int64_t>(i);
        out[i] = permuted(seed, place / samples, samples, place % samples);
      }
      return;
    case BatchKind::replacement:
      draw(*this, step, first, out);
      return;
    case BatchKind::fresh:
      std::iota(out.begin(), out.end(), start);
      return;
  }
}

SampleRange contiguous_share(std::int64_t total, int number, int parts) {
  FATHOM_ASSERT(0 <= number && number < parts, "part {} of {}", number, parts);
  const std::int64_t each = total / parts, more = total % parts;
  return {number * each + std::min<std::int64_t>(number, more), each + (number < more ? 1 : 0)};
}

}  // namespace fathom
