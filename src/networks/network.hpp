#pragma once

// A network as training and kernels see it: parameters as one flat vector, outputs for a batch, and
// what a forward pass can tell of its derivatives. A new architecture is one file that makes one of
// these. T is double or float. No MPI; everything is local.
//
// Outputs of a sample are numbered position by position: output = position·classes + class. A
// network without positions has one.

#include "base/view.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fathom {

enum class Parametrisation {
  standard,        ///< z = W a + b, W ~ N(0, σ_w²/fan_in), b ~ N(0, σ_b²)
  ntk,             ///< z = σ_w W a/√fan_in + σ_b b, all entries N(0, 1) (Jacot et al. 2018)
  maximal_update,  ///< Yang & Hu 2021 (2011.14522), definition 5.1: features move at any width
};

/// One tensor of the parameter vector, rows × cols column-major from `offset` on. The forward pass
/// uses multiplier · tensor; derivatives are with respect to the tensor as it is stored.
struct ParameterTensor {
  std::string name;  ///< "layer2.weight", "block1.attention.key"
  std::int64_t rows = 0, cols = 1, offset = 0;
  double initial_mean = 0, initial_deviation = 0;  ///< N(mean, deviation²), independent entries
  double multiplier = 1;
  /// The parametrisation's factors of the learning rate.
  double sgd_rate = 1, adam_rate = 1;
  std::int64_t size() const { return rows * cols; }
};

/// Inputs of a batch: features (dim × samples), or tokens, sample by sample.
template <class T>
struct Batch {
  std::int64_t samples = 0;
  MatrixView<const T> features{};
  std::span<const std::int32_t> tokens{};  ///< tokens[t + positions·i]
};

/// One output of a sample: where, and which class.
struct OutputChoice {
  std::int64_t position = 0, output_class = 0;
};

/// The use of a weight matrix once a position: z = multiplier·W·a (+ a bias). Of the output row r
/// the gradient is ∂f_r/∂W = multiplier Σ_t b_{r,t} a_{i(r),t}ᵀ, ∂f_r/∂bias = bias_multiplier Σ_t
/// b_{r,t}. Rows r = choice + choices·sample.
template <class T>
struct LinearSignals {
  std::int64_t weight = -1;  ///< its place in tensors()
  std::int64_t bias = -1;    ///< −1: none
  std::int64_t in = 0, out = 0, positions = 1;
  std::vector<T> a;  ///< in × (positions·samples), column t + positions·sample
  std::vector<T> b;  ///< out × (positions·rows), column t + positions·row
};

/// The gradients with respect to a tensor without such structure, or used twice: entries × rows.
template <class T>
struct DirectGradients {
  std::int64_t tensor = -1;
  std::vector<T> gradient;
};

/// From which all per-output gradients of a batch follow; every tensor stands in exactly one place:
/// as a weight or a bias of `linear`, or in `direct`.
template <class T>
struct GradientSignals {
  std::int64_t samples = 0, choices = 0;
  std::vector<LinearSignals<T>> linear;
  std::vector<DirectGradients<T>> direct;
  std::int64_t rows() const { return samples * choices; }
};

/// A forward pass with the activations it went through. Refers to the network, the parameters and
/// the inputs it was made from.
template <class T>
class ForwardPass {
 public:
  virtual ~ForwardPass() = default;
  /// outputs() × samples
  virtual MatrixView<const T> outputs() const = 0;
  /// gradient += Jᵀ·g, J = ∂outputs/∂parameters, summed over the samples; g like outputs().
  virtual void backward(MatrixView<const T> g, std::span<T> gradient) const = 0;
  /// out ← J·direction, like outputs(), by forward differentiation.
  virtual void tangent(std::span<const T> direction, MatrixView<T> out) const = 0;
  /// Signals of the chosen outputs of every sample.
  virtual GradientSignals<T> signals(std::span<const OutputChoice> choices) const = 0;
};

template <class T>
class Network {
 public:
  Network() = default;
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// "MLP 64-512-512-10, relu, ntk parametrisation, 301,066 parameters"
  virtual std::string description() const = 0;
  virtual const std::vector<ParameterTensor>& tensors() const = 0;
  virtual std::int64_t parameters() const = 0;
  virtual std::int64_t positions() const = 0;  ///< of a sample
  virtual std::int64_t classes() const = 0;    ///< outputs a position
  std::int64_t outputs() const { return positions() * classes(); }
  /// Flops of a forward pass a sample, matrix products alone; a backward pass takes twice that.
  virtual double forward_flops() const = 0;
  /// Flops of the signals of one output of a sample once the forward pass is there, products alone:
  /// where the inputs are data, the first layer's are none of them.
  virtual double signal_flops() const { return forward_flops(); }
  /// @pre parameters.size() == parameters(); the batch is of this network's kind
  virtual std::unique_ptr<ForwardPass<T>> forward(std::span<const T> parameters,
                                                  const Batch<T>& batch) const = 0;
};

/// Entries as tensors() say, keyed by (seed, tensor, entry): the same for T = float, rounded.
template <class T>
std::vector<T> initial_parameters(const Network<T>& network, std::uint64_t seed);

}  // namespace fathom
