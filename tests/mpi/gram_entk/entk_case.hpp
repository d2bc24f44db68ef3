#pragma once

// Small networks and samples of every kind, with explicit gradients as reference.

#include "gram/empirical_ntk.hpp"
#include "networks/mlp.hpp"
#include "networks/transformer.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fathom {

struct EntkCase {
  std::string name;
  std::unique_ptr<Network<double>> network;
  std::vector<double> parameters;
  std::unique_ptr<NetworkInputs> samples;
  std::vector<OutputChoice> outputs;

  EmpiricalNtk ntk(NtkKind kind) const { return {*network, parameters, *samples, outputs, kind}; }
};

inline std::vector<double> some_features(std::int64_t dim, std::int64_t n) {
  std::vector<double> x(static_cast<std::size_t>(dim * n));
  std::int64_t item = 0;
  fill_normal({5, Stream::test}, {&item, 1}, 0, {x.data(), dim * n, 1, dim * n});
  return x;
}

inline EntkCase mlp_case(std::string name, MlpShape shape, std::int64_t n) {
  EntkCase c;
  c.name = std::move(name);
  c.network = make_mlp<double>(shape);
  c.parameters = initial_parameters(*c.network, 3);
  c.samples = replicated_features(some_features(shape.input, n), shape.input, "normal features");
  c.outputs = every_output(*c.network);
  return c;
}

inline EntkCase transformer_case(std::string name, TransformerShape shape, std::int64_t n,
                                 std::vector<OutputChoice> outputs) {
  EntkCase c;
  c.name = std::move(name);
  c.network = make_transformer<double>(shape);
  c.parameters = initial_parameters(*c.network, 4);
  std::vector<std::int32_t> tokens;
  for (std::int64_t k = 0; k < n * shape.context; ++k)
    tokens.push_back(static_cast<std::int32_t>((k * k + 3 * k / 7 + k / 5) % shape.vocabulary));
  c.samples = replicated_tokens(std::move(tokens), shape.context, "some tokens");
  c.outputs = std::move(outputs);
  return c;
}

/// One output and three, deep and shallow, weights held in factors and formed, with positions.
inline std::vector<EntkCase> entk_cases() {
  std::vector<EntkCase> all;
  MlpShape one;
  one.input = 4;
  one.hidden = {9, 7};
  one.activation = ActivationKind::relu;
  one.bias_variance = 0.3;
  all.push_back(mlp_case("one output", one, 23));
  MlpShape three = one;
  three.classes = 3;
  three.activation = ActivationKind::erf;
  three.parametrisation = Parametrisation::ntk;
  all.push_back(mlp_case("three outputs", three, 13));
  MlpShape thin = three;  // a single input: gradients are formed
  thin.input = 1;
  thin.hidden = {5};
  thin.biases = false;
  all.push_back(mlp_case("one feature", thin, 7));
  TransformerShape sequence;
  sequence.vocabulary = 3;
  sequence.context = 4;
  sequence.blocks = 1;
  sequence.width = 6;
  sequence.head_size = 3;
  sequence.mlp_width = 30;  // 16 (6/9 + 30) > 6·30: formed; in one position factors
  sequence.bias_deviation = 0.1;
  sequence.output_bias = true;
  all.push_back(transformer_case("transformer", sequence, 6, {{3, 0}, {3, 2}, {1, 1}}));
  sequence.context = 2;
  sequence.output_bias = false;
  sequence.tied_output = true;
  sequence.attention_biases = true;
  sequence.mlp_width = 40;
  all.push_back(transformer_case("tied transformer", sequence, 5, {{1, 0}, {0, 2}}));
  return all;
}

inline constexpr NtkKind every_kind[] = {NtkKind::all_outputs, NtkKind::trace_kernel,
                                         NtkKind::sum_of_outputs};

}  // namespace fathom
