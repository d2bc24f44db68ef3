#pragma once

// Networks and samples small enough for a test, and ways to break them.

#include "base/random.hpp"
#include "comm/communicator.hpp"
#include "networks/mlp.hpp"
#include "training/trainer.hpp"

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fathom::testing_training {

/// Normal features and values, and labels of two classes by the sign of the first feature.
template <class T>
SampleBatch<T> made_up_samples(std::int64_t samples, std::int64_t dim, std::int64_t outputs,
                               std::uint64_t seed = 1) {
  SampleBatch<T> all;
  all.samples = samples;
  all.dim = dim;
  all.outputs = outputs;
  for (std::int64_t i = 0; i < samples; ++i) {
    for (std::int64_t k = 0; k < dim; ++k)
      all.features.push_back(static_cast<T>(normal({seed, Stream::test}, i, k)));
    for (std::int64_t k = 0; k < outputs; ++k)
      all.values.push_back(static_cast<T>(normal({seed, Stream::test}, i, dim + k)));
    all.labels.push_back(normal({seed, Stream::test}, i, 0) > 0 ? 1 : 0);
  }
  return all;
}

inline const std::vector<std::int64_t> no_hidden_layer;

/// A network and its samples: 3 features, 2 outputs, 37 samples.
template <class T>
struct SmallProblem {
  explicit SmallProblem(std::vector<std::int64_t> hidden = {8, 7},
                        LossKind loss = LossKind::squared_error)
      : network(make_mlp<T>({.input = 3,
                             .hidden = std::move(hidden),
                             .classes = 2,
                             .activation = ActivationKind::tanh,
                             .bias_variance = 0.1})),
        samples(made_up_samples<T>(37, 3, 2)),
        start(initial_parameters(*network, 5)) {
    problem.network = network.get();
    problem.loss = loss;
    problem.samples = &samples;
    problem.at_once = 5;
  }
  TrainingState<T> state() const {
    TrainingState<T> state;
    state.parameters = start;
    return state;
  }

  std::unique_ptr<Network<T>> network;
  StoredSamples<T> samples;
  std::vector<T> start;
  TrainingProblem<T> problem;
};

inline TrainingOptions full_batch(std::int64_t steps, double rate) {
  TrainingOptions options;
  options.rate.peak = rate;
  options.rate.steps = steps;
  options.steps = steps;
  options.batches = {.kind = BatchKind::full, .samples = 37};
  return options;
}

/// This rank alone.
inline Communicator alone(const Communicator& comm) {
  return comm.split(comm.rank(), 0);
}

inline double largest_relative_difference(const std::vector<double>& a,
                                          const std::vector<double>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]) / std::abs(b[i]));
  return largest;
}

template <class T>
TrainingResult<T> run(const Communicator& comm, const SmallProblem<T>& small,
                      const TrainingOptions& options) {
  return train<T>(comm, small.problem, options, small.state(), {});
}

/// Another network whose gradients, or whose rates, can be spoilt.
class SpoiltNetwork : public Network<double> {
 public:
  explicit SpoiltNetwork(const Network<double>& network)
      : network_(network), tensors_(network.tensors()) {}
  bool drops_gradients = false;
  std::vector<ParameterTensor>& rates() { return tensors_; }

  std::string description() const override { return "spoilt"; }
  const std::vector<ParameterTensor>& tensors() const override { return tensors_; }
  std::int64_t parameters() const override { return network_.parameters(); }
  std::int64_t positions() const override { return network_.positions(); }
  std::int64_t classes() const override { return network_.classes(); }
  double forward_flops() const override { return network_.forward_flops(); }
  std::unique_ptr<ForwardPass<double>> forward(std::span<const double> parameters,
                                               const Batch<double>& batch) const override {
    auto pass = network_.forward(parameters, batch);
    if (!drops_gradients) return pass;
    return std::make_unique<WithoutGradient>(std::move(pass));
  }

 private:
  struct WithoutGradient : ForwardPass<double> {
    explicit WithoutGradient(std::unique_ptr<ForwardPass<double>> whole) : pass(std::move(whole)) {}
    MatrixView<const double> outputs() const override { return pass->outputs(); }
    void backward(MatrixView<const double>, std::span<double>) const override {}
    void tangent(std::span<const double> direction, MatrixView<double> out) const override {
      pass->tangent(direction, out);
    }
    GradientSignals<double> signals(std::span<const OutputChoice> choices) const override {
      return pass->signals(choices);
    }
    std::unique_ptr<ForwardPass<double>> pass;
  };
  const Network<double>& network_;
  std::vector<ParameterTensor> tensors_;
};

/// Other samples, after which `spoil` is called.
class SpoiltSamples : public SampleSource<double> {
 public:
  using Spoil = std::function<void(std::span<const std::int64_t>, SampleBatch<double>&)>;
  SpoiltSamples(const SampleSource<double>& samples, Spoil spoil)
      : samples_(samples), spoil_(std::move(spoil)) {}
  std::int64_t samples() const override { return samples_.samples(); }
  void fill(std::span<const std::int64_t> index, SampleBatch<double>& batch) const override {
    samples_.fill(index, batch);
    spoil_(index, batch);
  }

 private:
  const SampleSource<double>& samples_;
  Spoil spoil_;
};

}  // namespace fathom::testing_training
