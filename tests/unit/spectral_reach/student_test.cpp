#include "spectral/student.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Student, QuantilesOfTheTable) {
  EXPECT_NEAR(student_quantile(0.95, 4), 2.776445, 1e-6);
  EXPECT_NEAR(student_quantile(0.95, 1), 12.706205, 1e-6);
  EXPECT_NEAR(student_quantile(0.9, 9), 1.833113, 1e-6);
}

TEST(Student, MeanIntervalByHand) {
  // 1, 2, 3: mean 2, deviation 1, t(2) = 4.302653, half-width 4.302653/√3.
  const MeanInterval interval = mean_interval(std::vector<double>{1.0, nan, 2.0, 3.0}, 0.95);
  EXPECT_EQ(interval.count, 3);
  EXPECT_DOUBLE_EQ(interval.mean, 2.0);
  EXPECT_NEAR(interval.high - 2.0, 4.302653 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(interval.low, 4.0 - interval.high, 1e-12);
  EXPECT_FALSE(interval.contains(-0.5));
}

TEST(Student, OneValueHasNoInterval) {
  const MeanInterval one = mean_interval(std::vector<double>{5.0}, 0.95);
  EXPECT_DOUBLE_EQ(one.mean, 5.0);
  EXPECT_FALSE(one.known());
  EXPECT_FALSE(one.contains(5.0));
  EXPECT_TRUE(std::isnan(mean_spread(std::vector<double>{}).mean));
}

}  // namespace
}  // namespace fathom
