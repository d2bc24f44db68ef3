#pragma once

// Transformers small enough for finite differences of every parameter, one a parametrisation, tied
// and untied, with and without biases; and what tests need around them.

#include "base/random.hpp"
#include "networks/transformer.hpp"

#include <cmath>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {

struct TransformerCase {
  std::string name;
  TransformerShape shape;
};
inline std::ostream& operator<<(std::ostream& out, const TransformerCase& one) {
  return out << one.name;
}

inline TransformerShape small_shape() {
  TransformerShape shape;
  shape.vocabulary = 3;
  shape.context = 4;
  shape.blocks = 2;
  shape.width = 6;
  shape.heads = 2;
  shape.head_size = 3;
  shape.mlp_width = 5;
  shape.bias_deviation = 0.3;
  return shape;
}

inline std::vector<TransformerCase> small_cases() {
  std::vector<TransformerCase> cases;
  TransformerShape shape = small_shape();
  shape.attention_biases = shape.output_bias = true;
  cases.push_back({"StandardUntiedAllBiases", shape});

  shape = small_shape();
  shape.tied_output = true;
  shape.embedding_deviation = 0.4;
  shape.activation = ActivationKind::relu;
  cases.push_back({"StandardTiedRelu", shape});

  shape = small_shape();
  shape.parametrisation = Parametrisation::ntk;
  shape.weight_deviation = 1.3;
  shape.output_deviation = 0.7;
  shape.activation = ActivationKind::tanh;
  shape.output_bias = true;
  cases.push_back({"NtkUntiedTanh", shape});

  shape = small_shape();
  shape.parametrisation = Parametrisation::ntk;
  shape.tied_output = true;
  shape.embedding_deviation = 0.6;
  shape.position_deviation = 0.5;
  shape.output_deviation = 1.7;
  shape.attention_biases = true;
  cases.push_back({"NtkTied", shape});

  shape = small_shape();
  shape.parametrisation = Parametrisation::maximal_update;
  shape.activation = ActivationKind::softplus;
  shape.heads = 1;
  shape.blocks = 1;
  cases.push_back({"MaximalUpdateUntiedSoftplus", shape});

  shape = small_shape();
  shape.parametrisation = Parametrisation::maximal_update;
  shape.tied_output = true;
  cases.push_back({"MaximalUpdateTied", shape});
  return cases;
}

inline std::vector<double> normals(std::int64_t count, std::int64_t item) {
  std::vector<double> z(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k)
    z[static_cast<std::size_t>(k)] = normal({5, Stream::test}, item, k);
  return z;
}

inline std::vector<std::int32_t> some_tokens(const TransformerShape& shape, std::int64_t samples) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t k = 0; k < shape.context * samples; ++k)
    tokens.push_back(static_cast<std::int32_t>(uniform({5, Stream::test}, 99, k) *
                                               static_cast<double>(shape.vocabulary)));
  return tokens;
}

/// A network at parameters that are nowhere special: gains are not 1 and no bias is 0.
template <class T>
struct Trial {
  explicit Trial(const TransformerShape& shape_in, std::int64_t samples_in = 3)
      : shape(shape_in), samples(samples_in), network(make_transformer<T>(shape)) {
    const std::vector<double> exact = initial_parameters(*make_transformer<double>(shape), 3);
    const std::vector<double> moved = normals(network->parameters(), 1);
    for (std::size_t k = 0; k < exact.size(); ++k)
      parameters.push_back(static_cast<T>(exact[k] + 0.1 * moved[k]));
    tokens = some_tokens(shape, samples);
    batch.samples = samples;
    batch.tokens = tokens;
    pass = network->forward(parameters, batch);
  }

  std::vector<T> outputs() const {
    const MatrixView<const T> view = pass->outputs();
    return {view.data, view.data + view.rows * view.cols};
  }

  std::vector<T> gradient(const std::vector<T>& g) const {
    std::vector<T> sum(parameters.size(), T(0));
    pass->backward({g.data(), network->outputs(), samples, network->outputs()}, sum);
    return sum;
  }

  std::vector<T> tangent(const std::vector<T>& direction) const {
    std::vector<T> out(static_cast<std::size_t>(network->outputs() * samples));
    pass->tangent(direction, {out.data(), network->outputs(), samples, network->outputs()});
    return out;
  }

  TransformerShape shape;
  std::int64_t samples;
  std::unique_ptr<Network<T>> network;
  std::vector<T> parameters;
  std::vector<std::int32_t> tokens;
  Batch<T> batch;
  std::unique_ptr<ForwardPass<T>> pass;
};

}  // namespace fathom
