#include "networks/loss.hpp"

#include "base/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr RandomKey test_key{5, Stream::test};

template <class T>
MatrixView<const T> view(const std::vector<T>& data, std::int64_t rows) {
  return {data.data(), rows, std::ssize(data) / rows, rows};
}

template <class T>
MatrixView<T> view(std::vector<T>& data, std::int64_t rows) {
  return {data.data(), rows, std::ssize(data) / rows, rows};
}

/// The loss by its definition, in long double.
long double plain_cross_entropy(const std::vector<double>& outputs, std::size_t classes,
                                const std::vector<std::int32_t>& labels, long double count) {
  long double sum = 0;
  for (std::size_t at = 0; at < labels.size(); ++at) {
    if (labels[at] < 0) continue;
    long double all = 0;
    for (std::size_t c = 0; c < classes; ++c)
      all += std::exp(static_cast<long double>(outputs[at * classes + c]));
    const std::size_t target = at * classes + static_cast<std::size_t>(labels[at]);
    sum -= static_cast<long double>(outputs[target]) - std::log(all);
  }
  return sum / count;
}

TEST(Loss, SquaredErrorByHand) {
  const std::vector<double> outputs{1, 2, 3, 4}, values{0, 2, 5, 4};
  std::vector<double> gradient(4);
  const double loss = loss_and_gradient<double>(LossKind::squared_error, view(outputs, 2), 2,
                                                {view(values, 2), {}}, 2.0, view(gradient, 2));
  EXPECT_EQ(loss, 0.5 * (1 + 4) / 2.0);
  EXPECT_EQ(gradient, (std::vector<double>{0.5, 0, -1, 0}));
}

TEST(Loss, CrossEntropyAndItsGradientAreThoseOfTheDefinition) {
  // Two positions of three samples, four classes; one target is not counted.
  const std::vector<std::int32_t> labels{0, 3, -1, 2, 1, 1};
  std::vector<double> outputs(24), gradient(24, 99.0);
  for (std::size_t k = 0; k < outputs.size(); ++k)
    outputs[k] = 2 * normal(test_key, 0, static_cast<std::int64_t>(k));
  const auto plain = [&] { return plain_cross_entropy(outputs, 4, labels, 5.0L); };
  const double loss = loss_and_gradient<double>(LossKind::cross_entropy, view(outputs, 8), 4,
                                                {{}, labels}, 5.0, view(gradient, 8));
  EXPECT_NEAR(loss, static_cast<double>(plain()), 1e-14);
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const double kept = outputs[k], h = 0x1p-10;
    const auto difference = [&](double step) {
      outputs[k] = kept + step;
      const long double above = plain();
      outputs[k] = kept - step;
      const long double slope = (above - plain()) / (2 * step);
      outputs[k] = kept;
      return slope;
    };
    const long double slope = (4 * difference(h / 2) - difference(h)) / 3;
    EXPECT_NEAR(gradient[k], static_cast<double>(slope), 1e-12) << k;
  }
}

TEST(Loss, APlantedShiftOfTheTargetIsSeen) {
  const std::vector<double> outputs{0.1, 0.7, -0.4};
  const std::vector<std::int32_t> labels{1}, shifted{2};
  const double loss = loss_and_gradient<double>(LossKind::cross_entropy, view(outputs, 3), 3,
                                                {{}, shifted}, 1.0, {});
  EXPECT_GT(std::fabs(loss - static_cast<double>(plain_cross_entropy(outputs, 3, labels, 1))), 0.1);
}

TEST(Loss, PartsOfABatchAddUp) {
  std::vector<double> outputs(12);
  for (std::size_t k = 0; k < 12; ++k)
    outputs[k] = normal(test_key, 1, static_cast<std::int64_t>(k));
  const std::vector<std::int32_t> labels{0, 1, 2, 0};
  const auto part = [&](std::int64_t first, std::int64_t samples) {
    return loss_and_gradient<double>(LossKind::cross_entropy,
                                     view(outputs, 3).block(0, first, 3, samples), 3,
                                     {{},
                                      std::span(labels).subspan(static_cast<std::size_t>(first),
                                                                static_cast<std::size_t>(samples))},
                                     4.0, {});
  };
  EXPECT_NEAR(part(0, 1) + part(1, 3), part(0, 4), 1e-15);
}

TEST(Loss, LargeOutputsNeitherOverflowNorLoseTheirDifference) {
  const std::vector<double> outputs{1e4, 1e4 - 1, -1e4};
  const std::vector<float> single{3e4F, 3e4F - 1, -3e4F};
  const std::vector<std::int32_t> labels{1};
  std::vector<double> gradient(3);
  const double expected = 1 + std::log1p(std::exp(-1.0));
  EXPECT_NEAR(loss_and_gradient<double>(LossKind::cross_entropy, view(outputs, 3), 3, {{}, labels},
                                        1.0, view(gradient, 3)),
              expected, 1e-15);
  EXPECT_NEAR(
      loss_and_gradient<float>(LossKind::cross_entropy, view(single, 3), 3, {{}, labels}, 1.0, {}),
      expected, 1e-15);
  EXPECT_NEAR(gradient[0], 1 / (1 + std::exp(-1.0)), 1e-15);
  EXPECT_NEAR(gradient[0] + gradient[1] + gradient[2], 0.0, 1e-15);
}

TEST(Loss, ANaNIsNotLost) {
  const std::vector<std::int32_t> labels{0};
  for (std::size_t where = 0; where < 3; ++where) {
    std::vector<double> outputs{1, 2, 3};
    outputs[where] = std::numeric_limits<double>::quiet_NaN();
    for (const LossKind kind : {LossKind::squared_error, LossKind::cross_entropy})
      EXPECT_TRUE(std::isnan(loss_and_gradient<double>(kind, view(outputs, 3), 3,
                                                       {view(outputs, 3), labels}, 1.0, {})))
          << name(kind) << " " << where;
  }
}

TEST(LossDeathTest, ALabelOutOfRangeIsRefused) {
  const std::vector<double> outputs{1, 2, 3};
  for (const std::int32_t label : {3, -2}) {
    const std::vector<std::int32_t> labels{label};
    EXPECT_DEATH(loss_and_gradient<double>(LossKind::cross_entropy, view(outputs, 3), 3,
                                           {{}, labels}, 1.0, {}),
                 "label");
  }
}

TEST(LossDeathTest, MissingValuesAreRefused) {
  const std::vector<double> outputs{1, 2, 3};
  EXPECT_DEATH(loss_and_gradient<double>(LossKind::squared_error, view(outputs, 3), 3, {}, 1.0, {}),
               "values");
}

}  // namespace
}  // namespace fathom
