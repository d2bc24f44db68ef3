#include "training/batches.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t n) {
  std::vector<std::int64_t> order;
  for (std::int64_t place = 0; place < n; ++place)
    order.push_back(permuted(seed, epoch, n, place));
  return order;
}

std::vector<std::int64_t> batch(const Batches& batches, std::int64_t step) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(batches.step_size()));
  batches.fill(step, 0, index);
  return index;
}

bool each_once(std::vector<std::int64_t> values, std::int64_t n) {
  std::ranges::sort(values);
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return values == all;
}

/// χ² of the counts against a uniform distribution, as standard deviations above its mean.
template <class Counts>
double chi_square_deviation(const Counts& counts, double cells) {
  double total = 0, sum = 0;
  for (const auto& [key, count] : counts)
    total += count;
  const double expected = total / cells;
  for (const auto& [key, count] : counts)
    sum += (count - expected) * (count - expected) / expected;
  sum += expected * (cells - static_cast<double>(counts.size()));
  return (sum - (cells - 1)) / std::sqrt(2 * (cells - 1));
}

TEST(Batches, an_epochs_order_is_a_permutation) {
  for (const std::int64_t n : {1, 2, 3, 4, 5, 6, 7, 16, 17, 63, 64, 65, 97, 1000, 4097})
    for (const std::int64_t epoch : {0, 1, 2, 77})
      EXPECT_TRUE(each_once(epoch_order(3, epoch, n), n)) << n << " samples, epoch " << epoch;
}

TEST(Batches, what_tells_a_permutation_sees_that_draws_are_none) {
  EXPECT_FALSE(each_once(
      batch({.kind = BatchKind::replacement, .samples = 100, .size = 100, .seed = 1}, 0), 100));
}

TEST(Batches, large_sets_stay_within_their_range) {
  const std::int64_t n = (std::int64_t{1} << 40) + 12345;
  for (std::int64_t place = n - 100; place < n; ++place) {
    const std::int64_t to = permuted(5, 1, n, place);
    EXPECT_TRUE(0 <= to && to < n);
  }
}

TEST(Batches, epochs_and_seeds_have_unrelated_orders) {
  const std::int64_t n = 10000;
  const auto order = epoch_order(1, 0, n);
  for (const auto& other : {epoch_order(1, 1, n), epoch_order(2, 0, n), epoch_order(1, 2, n)}) {
    int equal = 0, successors = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      equal += order[i] == other[i];
      // Neighbours of one order must not be neighbours of the other.
      if (i > 0) successors += other[i] - other[i - 1] == order[i] - order[i - 1];
    }
    // Both counts are close to Poisson of mean 1.
    EXPECT_LT(equal, 9);
    EXPECT_LT(successors, 9);
  }
}

TEST(Batches, all_orders_of_few_samples_are_equally_likely) {
  for (const auto& [n, orders] : {std::pair{3, 6.0}, {4, 24.0}, {5, 120.0}}) {
    std::map<std::vector<std::int64_t>, double> seen;
    for (std::int64_t epoch = 0; epoch < 300 * static_cast<std::int64_t>(orders); ++epoch)
      seen[epoch_order(11, epoch, n)] += 1;
    EXPECT_LT(chi_square_deviation(seen, orders), 5) << n << " samples";
  }
}

TEST(Batches, every_place_sees_every_sample_equally_often) {
  constexpr std::int64_t n = 23;
  std::map<std::pair<std::int64_t, std::int64_t>, double> seen;
  for (std::int64_t epoch = 0; epoch < 4000; ++epoch)
    for (std::int64_t place = 0; place < n; ++place)
      seen[{place, permuted(7, epoch, n, place)}] += 1;
  EXPECT_LT(chi_square_deviation(seen, n * n), 5);
}

TEST(Batches, what_tells_uniform_counts_sees_a_rotation) {
  std::map<std::vector<std::int64_t>, double> seen;
  for (std::int64_t epoch = 0; epoch < 2400; ++epoch) {
    std::vector<std::int64_t> rotated{0, 1, 2, 3};
    std::ranges::rotate(rotated, rotated.begin() + epoch % 4);
    seen[rotated] += 1;
  }
  EXPECT_GT(chi_square_deviation(seen, 24), 100);
}

TEST(Batches, permuted_batches_see_every_sample_once_an_epoch) {
  const Batches batches{.kind = BatchKind::permutation, .samples = 10, .size = 4, .seed = 9};
  std::vector<std::int64_t> run;
  for (std::int64_t step = 0; step < 5; ++step)
    std::ranges::copy(batch(batches, step), std::back_inserter(run));
  EXPECT_TRUE(each_once({run.begin(), run.begin() + 10}, 10));
  EXPECT_TRUE(each_once({run.begin() + 10, run.end()}, 10));
}

TEST(Batches, a_part_of_a_batch_is_that_part_whoever_asks) {
  for (const auto kind :
       {BatchKind::full, BatchKind::permutation, BatchKind::replacement, BatchKind::fresh}) {
    const Batches batches{.kind = kind, .samples = 29, .size = 13, .seed = 4};
    const auto whole = batch(batches, 6);
    for (std::int64_t first = 0; first < batches.step_size(); first += 3) {
      std::vector<std::int64_t> part(
          static_cast<std::size_t>(std::min<std::int64_t>(3, batches.step_size() - first)));
      batches.fill(6, first, part);
      EXPECT_TRUE(std::ranges::equal(part, std::span(whole).subspan(first, part.size())))
          << name(kind);
    }
  }
}

TEST(Batches, full_ones_are_all_samples_in_order) {
  EXPECT_THAT(batch({.kind = BatchKind::full, .samples = 4, .size = 2}, 3),
              ElementsAre(0, 1, 2, 3));
}

TEST(Batches, fresh_ones_go_on_counting) {
  EXPECT_THAT(batch({.kind = BatchKind::fresh, .size = 3}, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(batch({.kind = BatchKind::fresh, .size = 3}, 5), ElementsAre(15, 16, 17));
}

TEST(Batches, draws_are_uniform_and_change_with_step_and_seed) {
  Batches batches{.kind = BatchKind::replacement, .samples = 10, .size = 50, .seed = 4};
  std::map<std::int64_t, double> seen;
  for (std::int64_t step = 0; step < 200; ++step)
    for (const std::int64_t i : batch(batches, step))
      seen[i] += 1;
  EXPECT_GE(seen.begin()->first, 0);
  EXPECT_LT(seen.rbegin()->first, 10);
  EXPECT_LT(std::abs(chi_square_deviation(seen, 10)), 5);
  const auto first = batch(batches, 0);
  EXPECT_NE(first, batch(batches, 1));
  batches.seed = 5;
  EXPECT_NE(first, batch(batches, 0));
}

TEST(ContiguousShare, shares_follow_each_other_and_differ_by_one_at_most) {
  for (const std::int64_t total : {0, 1, 5, 12, 13})
    for (const int parts : {1, 2, 3, 5, 16}) {
      std::int64_t next = 0;
      for (int part = 0; part < parts; ++part) {
        const SampleRange share = contiguous_share(total, part, parts);
        EXPECT_EQ(share.first, next);
        EXPECT_TRUE(share.count == total / parts || share.count == total / parts + 1);
        next += share.count;
      }
      EXPECT_EQ(next, total);
    }
}

}  // namespace
}  // namespace fathom
