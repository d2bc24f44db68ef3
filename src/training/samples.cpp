#include "training/samples.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace fathom {
namespace {

template <class Value>
void check_whole(const char* what, const std::vector<Value>& values, std::int64_t samples) {
  FATHOM_ASSERT(samples == 0 ? values.empty() : std::ssize(values) % samples == 0,
                "{} {} of {} samples", values.size(), what, samples);
}

/// to ← the columns of `from` that are asked for; a column is what one sample has.
template <class Value>
void take(const std::vector<Value>& from, std::int64_t samples, std::span<const std::int64_t> index,
          std::vector<Value>& to) {
  const std::int64_t each = samples > 0 ? std::ssize(from) / samples : 0;
  to.resize(static_cast<std::size_t>(each) * index.size());
  for (std::size_t i = 0; i < index.size(); ++i)
    std::copy_n(from.data() + index[i] * each, each,
                to.data() + static_cast<std::int64_t>(i) * each);
}

}  // namespace

template <class T>
Batch<T> SampleBatch<T>::inputs() const {
  Batch<T> batch;
  batch.samples = samples;
  if (dim > 0) batch.features = {features.data(), dim, samples, dim};
  batch.tokens = tokens;
  return batch;
}

template <class T>
LossTargets<T> SampleBatch<T>::targets() const {
  LossTargets<T> targets;
  if (outputs > 0) targets.values = {values.data(), outputs, samples, outputs};
  targets.labels = labels;
  return targets;
}

template <class T>
StoredSamples<T>::StoredSamples(SampleBatch<T> all) : all_(std::move(all)) {
  FATHOM_ASSERT(std::ssize(all_.features) == all_.dim * all_.samples, "{} features, {} x {}",
                all_.features.size(), all_.dim, all_.samples);
  FATHOM_ASSERT(std::ssize(all_.values) == all_.outputs * all_.samples, "{} values, {} x {}",
                all_.values.size(), all_.outputs, all_.samples);
  check_whole("tokens", all_.tokens, all_.samples);
  check_whole("labels", all_.labels, all_.samples);
}

template <class T>
void StoredSamples<T>::fill(std::span<const std::int64_t> index, SampleBatch<T>& batch) const {
  for (const std::int64_t i : index)
    FATHOM_ASSERT(0 <= i && i < all_.samples, "sample {} of {}", i, all_.samples);
  batch.samples = std::ssize(index);
  batch.dim = all_.dim;
  batch.outputs = all_.outputs;
  take(all_.features, all_.samples, index, batch.features);
  take(all_.tokens, all_.samples, index, batch.tokens);
  take(all_.values, all_.samples, index, batch.values);
  take(all_.labels, all_.samples, index, batch.labels);
}

template <class T>
std::int64_t counted(LossKind loss, const SampleBatch<T>& batch) {
  if (loss == LossKind::squared_error) return batch.samples;
  return std::count_if(batch.labels.begin(), batch.labels.end(),
                       [](std::int32_t label) { return label >= 0; });
}

template struct SampleBatch<double>;
template struct SampleBatch<float>;
template class StoredSamples<double>;
template class StoredSamples<float>;
template std::int64_t counted(LossKind, const SampleBatch<double>&);
template std::int64_t counted(LossKind, const SampleBatch<float>&);

}  // namespace fathom
