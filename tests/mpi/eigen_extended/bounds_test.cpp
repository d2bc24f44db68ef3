#include "eigen/extended_cascade.hpp"
#include "eigen/extended_cascade_bounds.hpp"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::ElementsAre;

TEST(ChooseHead, at_the_widest_ratio_near_the_threshold) {
  EXPECT_EQ(choose_head(std::vector<double>{}, 1e-8), 0);
  EXPECT_EQ(choose_head(std::vector<double>{0.0, 0.0}, 1e-8), 0);
  EXPECT_EQ(choose_head(std::vector<double>{-1.0}, 1e-8), 0);
  EXPECT_EQ(choose_head(std::vector<double>{2.0}, 1e-8), 1);
  EXPECT_EQ(choose_head(std::vector<double>{1.0, 1e-30}, 1e-8), 1);
  EXPECT_EQ(choose_head(std::vector<double>{1.0, 0.9, 0.8}, 1e-8), 3);
  // The gap beside the threshold, not the pair at it.
  EXPECT_EQ(choose_head(std::vector<double>{1.0, 0.1, 2e-8, 1.9e-8, 3e-9, 1e-12}, 1e-8), 2);
  EXPECT_EQ(choose_head(std::vector<double>{1.0, 2e-7, 9e-8, 1.1e-8, 1e-8, 1.1e-9, 6e-10}, 1e-8),
            5);
  EXPECT_EQ(choose_head(std::vector<double>{1.0, 1e-20, -1e-18}, 1e-8), 1);
}

TEST(FindClusters, by_gaps_whatever_the_order) {
  EXPECT_THAT(find_clusters(std::vector<double>{5.0, 3.0, 4.95, 1.0, 2.96}, 0.1),
              ElementsAre(0, 1, 0, 2, 1));
}

/// Eigenvalues of [[a, e], [e, b]], a > b.
double upper(double a, double b, double e) {
  return (a + b) / 2 + std::hypot((a - b) / 2, e);
}

TEST(HeadErrors, of_two_by_two_matrices) {
  for (const double e : {1e-6, 1e-3, 0.05}) {
    const HeadMeasures head{{2.0, 1.0}, {0, 0}, {e * e, e * e}, std::sqrt(2.0) * e, -1e300};
    const auto cluster = find_clusters(head.value, 4 * head.coupling);
    const auto error = head_errors(head, cluster);
    const double true_error = upper(2, 1, e) - 2;
    EXPECT_GE(error[0], true_error - 1e-15);
    EXPECT_GE(error[1], true_error - 1e-15);
    EXPECT_LE(error[0], 1.5 * true_error);
  }
}

TEST(HeadErrors, a_cluster_is_bounded_to_first_order) {
  const double e = 1e-5, a = 1 + 1e-6, b = 1;
  const HeadMeasures head{{a, b}, {e * e, e * e}, {0, 0}, std::sqrt(2.0) * e, 0.1};
  const auto cluster = find_clusters(head.value, 4 * head.coupling);
  EXPECT_THAT(cluster, ElementsAre(0, 0));
  const auto error = head_errors(head, cluster);
  EXPECT_GE(error[0], upper(a, b, e) - a);
  EXPECT_LE(error[0], 2 * e);
}

TEST(HeadErrors, a_rest_without_a_gap) {
  const HeadMeasures head{{1.0}, {0}, {1e-4}, 1e-2, 1.0};
  EXPECT_GE(head_errors(head, std::vector<std::int64_t>{0})[0], 1e-2);
}

TEST(SchurError, of_two_by_two_matrices) {
  // [[h, x], [x, d]]: the lower eigenvalue against d − x²/h.
  for (const double x : {1e-4, 1e-2, 0.1})
    for (const double d : {0.2, 0.6}) {
      const double h = 1, s = d - x * x / h;
      const double exact = (h + d) / 2 - std::hypot((h - d) / 2, x);
      const double bound = schur_error(x * x / h, h, s);
      EXPECT_LE(std::abs(exact - s), bound * std::abs(exact) * (1 + 1e-6) + 1e-16);
      EXPECT_LE(bound, 10 * x * x / (h - s));
    }
  EXPECT_TRUE(std::isinf(schur_error(1e-9, -1.0, 0.0)));
  EXPECT_LE(schur_error(1e-8, 1.0, 1.0), 3e-4);
}

TEST(ExtendedCost, grows_as_the_cube) {
  const ExtendedCost cost = extended_cost(500);
  EXPECT_EQ(cost.levels, 3);
  EXPECT_EQ(cost.flops, 2.0 * 500 * 500 * 500 * static_cast<double>(cost.products));
  EXPECT_GE(cost.products, 30);
  EXPECT_LE(cost.products, 80);
  EXPECT_GE(extended_cost(50000).products, cost.products);
}

}  // namespace
}  // namespace fathom
