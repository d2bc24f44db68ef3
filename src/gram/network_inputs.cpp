#include "gram/network_inputs.hpp"

#include <algorithm>
#include <utility>

namespace fathom {
namespace {

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

class MadeSamples final : public NetworkInputs {
 public:
  explicit MadeSamples(const DataRows& rows) : rows_(rows) {
    FATHOM_ASSERT(rows.held() == nullptr, "{}: samples held by a matrix cannot be made anywhere",
                  rows.description());
  }
  std::int64_t samples() const override { return rows_.count(); }
  std::int64_t dim() const override { return rows_.dim(); }
  std::string description() const override { return rows_.description(); }
  double input_epsilon() const override { return rows_.input_epsilon(); }
  void fill_features(std::span<const std::int64_t> samples, MatrixView<double> out) const override {
    rows_.make(samples, 0, out);
  }

 private:
  const DataRows& rows_;
};

class ReplicatedFeatures final : public NetworkInputs {
 public:
  ReplicatedFeatures(std::vector<double> features, std::int64_t dim, std::string description,
                     double input_epsilon)
      : features_(std::move(features)),
        dim_(dim),
        description_(std::move(description)),
        input_epsilon_(input_epsilon) {
    FATHOM_ASSERT(dim >= 1 && std::ssize(features_) % dim == 0, "{} features, {} a sample",
                  features_.size(), dim);
  }
  std::int64_t samples() const override { return std::ssize(features_) / dim_; }
  std::int64_t dim() const override { return dim_; }
  std::string description() const override { return description_; }
  double input_epsilon() const override { return input_epsilon_; }
  void fill_features(std::span<const std::int64_t> samples, MatrixView<double> out) const override {
    for (std::int64_t q = 0; q < std::ssize(samples); ++q)
      std::copy_n(features_.data() + samples[size(q)] * dim_, dim_, out.col(q));
  }

 private:
  std::vector<double> features_;
  std::int64_t dim_;
  std::string description_;
  double input_epsilon_;
};

class ReplicatedTokens final : public NetworkInputs {
 public:
  ReplicatedTokens(std::vector<std::int32_t> tokens, std::int64_t positions,
                   std::string description)
      : tokens_(std::move(tokens)), positions_(positions), description_(std::move(description)) {
    FATHOM_ASSERT(positions >= 1 && std::ssize(tokens_) % positions == 0, "{} tokens, {} a sample",
                  tokens_.size(), positions);
  }
  std::int64_t samples() const override { return std::ssize(tokens_) / positions_; }
  std::int64_t positions() const override { return positions_; }
  std::string description() const override { return description_; }
  void fill_tokens(std::span<const std::int64_t> samples,
                   std::span<std::int32_t> out) const override {
    for (std::int64_t q = 0; q < std::ssize(samples); ++q)
      std::copy_n(tokens_.data() + samples[size(q)] * positions_, positions_,
                  out.data() + q * positions_);
  }

 private:
  std::vector<std::int32_t> tokens_;
  std::int64_t positions_;
  std::string description_;
};

}  // namespace

void NetworkInputs::fill_features(std::span<const std::int64_t>, MatrixView<double>) const {
  FATHOM_ASSERT(false, "{}: no features", description());
}

void NetworkInputs::fill_tokens(std::span<const std::int64_t>, std::span<std::int32_t>) const {
  FATHOM_ASSERT(false, "{}: no tokens", description());
}

std::unique_ptr<NetworkInputs> made_samples(const DataRows& rows) {
  return std::make_unique<MadeSamples>(rows);
}

std::unique_ptr<NetworkInputs> replicated_features(std::vector<double> features, std::int64_t dim,
                                                   std::string description, double input_epsilon) {
  return std::make_unique<ReplicatedFeatures>(std::move(features), dim, std::move(description),
                                              input_epsilon);
}

std::unique_ptr<NetworkInputs> replicated_tokens(std::vector<std::int32_t> tokens,
                                                 std::int64_t positions, std::string description) {
  return std::make_unique<ReplicatedTokens>(std::move(tokens), positions, std::move(description));
}

InputBatch::InputBatch(const NetworkInputs& source, std::span<const std::int64_t> samples) {
  batch_.samples = std::ssize(samples);
  if (const std::int64_t dim = source.dim(); dim > 0) {
    features_.resize(size(dim * batch_.samples));
    const MatrixView<double> view{features_.data(), dim, batch_.samples, dim};
    source.fill_features(samples, view);
    batch_.features = view;
  } else {
    tokens_.resize(size(source.positions() * batch_.samples));
    source.fill_tokens(samples, tokens_);
    batch_.tokens = tokens_;
  }
}

}  // namespace fathom
