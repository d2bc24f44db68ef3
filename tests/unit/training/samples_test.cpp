#include "training/samples.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(StoredSamples, gives_features_and_values_in_the_order_asked_for) {
  SampleBatch<double> all;
  all.samples = 3;
  all.dim = 2;
  all.features = {1, 2, 3, 4, 5, 6};
  all.outputs = 1;
  all.values = {10, 20, 30};
  const StoredSamples<double> stored(all);
  SampleBatch<double> batch;
  stored.fill(std::vector<std::int64_t>{2, 0, 2}, batch);
  EXPECT_EQ(stored.samples(), 3);
  EXPECT_EQ(batch.inputs().samples, 3);
  EXPECT_THAT(batch.features, ElementsAre(5, 6, 1, 2, 5, 6));
  EXPECT_EQ(batch.inputs().features(1, 1), 2);
  EXPECT_THAT(batch.values, ElementsAre(30, 10, 30));
  EXPECT_EQ(batch.targets().values(0, 2), 30);
  EXPECT_THAT(batch.labels, IsEmpty());
  EXPECT_THAT(batch.tokens, IsEmpty());
}

TEST(StoredSamples, gives_tokens_and_labels_a_sequence_at_a_time) {
  SampleBatch<float> all;
  all.samples = 2;
  all.tokens = {0, 1, 2, 3, 4, 5};
  all.labels = {1, 2, 3, 4, 5, 0};
  const StoredSamples<float> stored(all);
  SampleBatch<float> batch;
  stored.fill(std::vector<std::int64_t>{1}, batch);
  EXPECT_THAT(batch.inputs().tokens, ElementsAre(3, 4, 5));
  EXPECT_THAT(batch.targets().labels, ElementsAre(4, 5, 0));
  EXPECT_EQ(batch.inputs().features.data, nullptr);
  EXPECT_EQ(batch.targets().values.data, nullptr);
}

TEST(Counted, samples_under_squared_error_and_labels_under_cross_entropy) {
  SampleBatch<double> batch;
  batch.samples = 2;
  batch.labels = {0, -1, 3, 1, -1, -1};
  EXPECT_EQ(counted(LossKind::squared_error, batch), 2);
  EXPECT_EQ(counted(LossKind::cross_entropy, batch), 3);
}

TEST(StoredSamplesDeath, samples_outside_are_refused) {
  SampleBatch<double> all;
  all.samples = 1;
  all.dim = 1;
  all.features = {1};
  const StoredSamples<double> stored(all);
  SampleBatch<double> batch;
  EXPECT_DEATH(stored.fill(std::vector<std::int64_t>{1}, batch), "sample 1 of 1");
}

}  // namespace
}  // namespace fathom
