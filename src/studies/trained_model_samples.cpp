// Samples that are made by key.

#include "kernels/data.hpp"
#include "kernels/hidden_markov_sequences.hpp"
#include "kernels/teacher.hpp"
#include "studies/sample_models.hpp"
#include "studies/trained_model.hpp"

#include <cmath>
#include <optional>

namespace fathom {

std::uint64_t seed_of(const Deck& deck) {
  return static_cast<std::uint64_t>(deck.integer("run.seed"));
}

TeacherParameters teacher_of(const Deck& deck) {
  return {.dim = deck.integer("data.dim"),
          .beta = deck.real("data.target_exponent"),
          .signs = CoefficientSigns::random,
          .unit_variance = true,
          .second_order_share = deck.real("data.second_order"),
          .noise_deviation = deck.real("data.noise")};
}

HiddenMarkov hidden_markov_of(const Deck& deck) {
  if (deck.text("data.process") == "custom") {
    const RealTensor& tensors = deck.tensor("data.transitions");
    return {"custom", tensors.extent[1], tensors.extent[0], tensors.entry};
  }
  std::vector<double> parameters;
  for (const char* key : {"data.process_alpha", "data.process_x"})
    if (deck.has(key)) parameters.push_back(deck.real(key));
  return hidden_markov_by_name(deck.text("data.process"), parameters);
}

namespace {

template <class T>
class TeacherSamples final : public SampleSource<T> {
 public:
  explicit TeacherSamples(const Deck& deck)
      : n_(deck.integer("data.n")),
        dim_(deck.integer("data.dim")),
        alpha_(deck.real("data.alpha")),
        seed_(seed_of(deck)) {
    if (deck.has("data.target_exponent")) teacher_.emplace(teacher_of(deck), seed_);
    double trace = 0;
    for (std::int64_t j = dim_; j >= 1; --j)
      trace += std::pow(static_cast<double>(j), -alpha_);
    scale_ = std::sqrt(static_cast<double>(dim_) / trace);
  }

  std::int64_t samples() const override { return n_; }

  void fill(std::span<const std::int64_t> index, SampleBatch<T>& batch) const override {
    batch = {};
    batch.samples = std::ssize(index);
    batch.dim = dim_;
    batch.outputs = teacher_ ? 1 : 0;
    std::vector<double> x(static_cast<std::size_t>(dim_) * index.size());
    fill_power_law({seed_, Stream::data}, alpha_, index, 0, {x.data(), dim_, batch.samples, dim_});
    for (const double value : x)
      batch.features.push_back(static_cast<T>(scale_ * value));
    if (!teacher_) return;
    const TeacherTargets targets = teacher_->targets(index);
    for (std::size_t i = 0; i < index.size(); ++i)
      batch.values.push_back(static_cast<T>(targets.signal[i] + targets.noise[i]));
  }

 private:
  std::int64_t n_, dim_;
  double alpha_, scale_ = 1;
  std::uint64_t seed_;
  std::optional<Teacher> teacher_;  // none where nothing is trained
};

template <class T>
class SequenceSamples final : public SampleSource<T> {
 public:
  explicit SequenceSamples(const Deck& deck)
      : source_(hidden_markov_of(deck)),
        context_(deck.integer("data.context")),
        seed_(seed_of(deck)) {}

  std::int64_t samples() const override { return -1; }

  void fill(std::span<const std::int64_t> index, SampleBatch<T>& batch) const override {
    batch = {};
    batch.samples = std::ssize(index);
    const std::int64_t length = context_ + 1;
    std::vector<std::int32_t> symbols(static_cast<std::size_t>(length) * index.size());
    fill_sequences(source_, {seed_, Stream::sequences}, index, length, symbols);
    for (std::size_t i = 0; i < index.size(); ++i) {
      const auto first = symbols.begin() + static_cast<std::ptrdiff_t>(i) * length;
      batch.tokens.insert(batch.tokens.end(), first, first + context_);
      batch.labels.insert(batch.labels.end(), first + 1, first + length);
    }
  }

 private:
  HiddenMarkov source_;
  std::int64_t context_;
  std::uint64_t seed_;
};

}  // namespace

template <class T>
std::unique_ptr<SampleSource<T>> teacher_samples(const Deck& deck) {
  return std::make_unique<TeacherSamples<T>>(deck);
}
template <class T>
std::unique_ptr<SampleSource<T>> sequence_samples(const Deck& deck) {
  return std::make_unique<SequenceSamples<T>>(deck);
}

template std::unique_ptr<SampleSource<double>> teacher_samples(const Deck&);
template std::unique_ptr<SampleSource<float>> teacher_samples(const Deck&);
template std::unique_ptr<SampleSource<double>> sequence_samples(const Deck&);
template std::unique_ptr<SampleSource<float>> sequence_samples(const Deck&);

}  // namespace fathom
