#include "training/learning_rate.hpp"

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(LearningRate, constant_without_warm_up_is_its_peak) {
  const LearningRate rate{.peak = 0.3, .steps = 10};
  for (const std::int64_t step : {0, 1, 9, 10, 1000})
    EXPECT_EQ(rate.at(step), 0.3);
}

TEST(LearningRate, warm_up_rises_linearly_to_the_peak) {
  const LearningRate rate{.peak = 0.8, .warmup = 4, .steps = 10};
  EXPECT_DOUBLE_EQ(rate.at(0), 0.2);
  EXPECT_DOUBLE_EQ(rate.at(1), 0.4);
  EXPECT_DOUBLE_EQ(rate.at(2), 0.6);
  EXPECT_DOUBLE_EQ(rate.at(3), 0.8);
  EXPECT_DOUBLE_EQ(rate.at(4), 0.8);
}

TEST(LearningRate, linear_decay_reaches_its_final_fraction_at_the_last_step) {
  const LearningRate rate{
      .peak = 1, .decay = Decay::linear, .warmup = 2, .steps = 7, .final_fraction = 0.2};
  EXPECT_DOUBLE_EQ(rate.at(1), 1);
  EXPECT_DOUBLE_EQ(rate.at(2), 1);
  EXPECT_DOUBLE_EQ(rate.at(3), 0.8);
  EXPECT_DOUBLE_EQ(rate.at(6), 0.2);
  EXPECT_DOUBLE_EQ(rate.at(100), 0.2) << "held after the last step";
}

TEST(LearningRate, cosine_decay_is_half_way_down_in_the_middle) {
  const LearningRate rate{.peak = 2, .decay = Decay::cosine, .steps = 9, .final_fraction = 0.5};
  EXPECT_DOUBLE_EQ(rate.at(0), 2);
  EXPECT_DOUBLE_EQ(rate.at(4), 1.5);
  EXPECT_NEAR(rate.at(2), 1.5 + 0.5 * 0.70710678118654752, 1e-15);
  EXPECT_DOUBLE_EQ(rate.at(8), 1);
}

TEST(LearningRate, one_step_and_a_warm_up_of_all_steps_are_defined) {
  const LearningRate one{.peak = 1, .decay = Decay::cosine, .steps = 1};
  EXPECT_EQ(one.at(0), 1);
  const LearningRate rising{.peak = 1, .decay = Decay::linear, .warmup = 4, .steps = 4};
  EXPECT_EQ(rising.at(3), 1);
}

TEST(LearningRate, decays_have_names) {
  EXPECT_EQ(name(Decay::constant), "constant");
  EXPECT_EQ(name(Decay::linear), "linear");
  EXPECT_EQ(name(Decay::cosine), "cosine");
}

}  // namespace
}  // namespace fathom
