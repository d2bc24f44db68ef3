// Writes small networks of every kind, and all that fathom derives from each, to the HDF5 file
// given: for test_torch.py, which makes the same from definitions of its own. One rank.
//
// A group a network; its attribute `network` has the shape in JSON. Arrays are row-major:
//   tensors/{name, rows, cols, offset, multiplier}   the layout of the parameter vector
//   parameters, direction (like them), features (samples × dim) or tokens (samples × positions)
//   outputs, tangent = J·direction                   samples × outputs
//   jacobian                                         rows of K × parameters, from its factor
//   kernel/{all_outputs, trace_kernel, sum_of_outputs}
//   {squared_error, cross_entropy}/{targets, loss, output_gradient, parameter_gradient}

#include "base/random.hpp"
#include "bindings/hdf5.hpp"
#include "comm/session.hpp"
#include "gram/empirical_ntk.hpp"
#include "networks/loss.hpp"
#include "networks/mlp.hpp"
#include "networks/parametrisation.hpp"
#include "networks/transformer.hpp"

#include <cstdio>
#include <exception>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace {

using namespace fathom;
using nlohmann::json;
using Extents = std::vector<std::int64_t>;
using Values = std::vector<double>;

constexpr std::int64_t sample_count = 4;
constexpr Parametrisation every_parametrisation[] = {
    Parametrisation::standard, Parametrisation::ntk, Parametrisation::maximal_update};
/// What the numbers of a stream are for.
enum Item : std::int64_t { features, parameters, directions, targets, tokens, labels };

Values normals(std::int64_t count, std::int64_t item) {
  Values z(static_cast<std::size_t>(count));
  fill_normal({11, Stream::test}, {&item, 1}, 0, {z.data(), count, 1, count});
  return z;
}

/// Of 0 … choices − 1, all of them possible.
std::vector<std::int32_t> integers(std::int64_t count, std::int64_t item, std::int64_t choices) {
  std::vector<std::int32_t> k(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    k[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(
        uniform({11, Stream::test}, item, i) * static_cast<double>(choices));
  return k;
}

struct Case {
  std::string name;
  json shape;
  std::unique_ptr<Network<double>> network;
  std::unique_ptr<NetworkInputs> samples;
};

Case mlp_case(const MlpShape& s) {
  Case c;
  c.name =
      fmt::format("mlp_{}_{}_{}_hidden_{}_outputs{}", name(s.activation), name(s.parametrisation),
                  s.hidden.size(), s.classes, s.biases ? "_biases" : "");
  c.shape = {{"kind", "mlp"},
             {"input", s.input},
             {"hidden", s.hidden},
             {"classes", s.classes},
             {"activation", name(s.activation)},
             {"degree", s.degree},
             {"biases", s.biases},
             {"parametrisation", name(s.parametrisation)},
             {"weight_variance", s.weight_variance},
             {"bias_variance", s.bias_variance}};
  c.network = make_mlp<double>(s);
  c.samples =
      replicated_features(normals(s.input * sample_count, Item::features), s.input, "normal");
  return c;
}

Case transformer_case(const TransformerShape& s) {
  Case c;
  c.name = fmt::format("transformer_{}_{}_{}_vocabulary{}{}{}", name(s.activation),
                       name(s.parametrisation), s.tied_output ? "tied" : "untied", s.vocabulary,
                       s.attention_biases ? "_attention_biases" : "",
                       s.output_bias ? "_output_bias" : "");
  c.shape = {{"kind", "transformer"},
             {"vocabulary", s.vocabulary},
             {"context", s.context},
             {"blocks", s.blocks},
             {"width", s.width},
             {"heads", s.heads},
             {"head_size", s.head_size},
             {"mlp_width", s.mlp_width},
             {"activation", name(s.activation)},
             {"degree", s.degree},
             {"attention_biases", s.attention_biases},
             {"tied_output", s.tied_output},
             {"output_bias", s.output_bias},
             {"parametrisation", name(s.parametrisation)},
             {"weight_deviation", s.weight_deviation},
             {"query_deviation", s.query_deviation},
             {"bias_deviation", s.bias_deviation},
             {"embedding_deviation", s.embedding_deviation},
             {"position_deviation", s.position_deviation},
             {"output_deviation", s.output_deviation}};
  c.network = make_transformer<double>(s);
  c.samples = replicated_tokens(integers(s.context * sample_count, Item::tokens, s.vocabulary),
                                s.context, "any tokens");
  return c;
}

/// Every activation, parametrisation, with and without biases, one output and three; other depths.
std::vector<Case> mlp_cases() {
  std::vector<Case> all;
  for (const std::string_view activation : activation_names())
    for (const Parametrisation parametrisation : every_parametrisation)
      for (const std::int64_t classes : {1, 3})
        for (const bool biases : {false, true})
          all.push_back(mlp_case({.input = 5,
                                  .hidden = {7, 6},
                                  .classes = classes,
                                  .activation = parse_activation(activation),
                                  .degree = activation == "monomial" ? 3 : 1,
                                  .biases = biases,
                                  .parametrisation = parametrisation,
                                  .weight_variance = 1.7,
                                  .bias_variance = 0.3}));
  for (const Parametrisation parametrisation : every_parametrisation)
    for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{}, {9}, {3, 1, 4, 2}})
      all.push_back(mlp_case({.input = 4,
                              .hidden = hidden,
                              .classes = 3,
                              .activation = ActivationKind::gelu,
                              .parametrisation = parametrisation}));
  return all;
}

/// Every parametrisation, tied and untied, one class and three, with and without the biases that
/// may be left out, the activations in turn; three heads whose sizes do not fill the width.
std::vector<Case> transformer_cases() {
  std::vector<Case> all;
  std::size_t turn = 0;
  for (const Parametrisation parametrisation : every_parametrisation)
    for (const bool tied : {false, true})
      for (const std::int64_t vocabulary : {1, 3})
        for (const bool biases : {false, true}) {
          TransformerShape s;
          s.vocabulary = vocabulary;
          s.context = 4;
          s.blocks = 2;
          s.width = 7;
          s.heads = 3;
          s.head_size = 2;
          s.mlp_width = 11;
          s.activation = parse_activation(activation_names()[turn++ % activation_names().size()]);
          s.degree = s.activation == ActivationKind::monomial ? 2 : 1;
          s.attention_biases = biases;
          s.tied_output = tied;
          s.output_bias = biases && !tied;
          s.parametrisation = parametrisation;
          s.weight_deviation = 1.3;
          s.query_deviation = 0.9;
          s.bias_deviation = biases ? 0.4 : 0;
          s.embedding_deviation = 0.8;
          s.position_deviation = 0.6;
          s.output_deviation = 1.1;
          all.push_back(transformer_case(s));
        }
  return all;
}

void write(const hdf5::Object& group, const std::string& name, const Extents& extents,
           const Values& values) {
  hdf5::write(hdf5::create_dataset(group, name, hdf5::Type::float64, extents), hdf5::Type::float64,
              values.data());
}

void write(const hdf5::Object& group, const std::string& name, const Extents& extents,
           std::span<const std::int32_t> values) {
  const std::vector<std::int64_t> wide(values.begin(), values.end());
  hdf5::write(hdf5::create_dataset(group, name, hdf5::Type::int64, extents), hdf5::Type::int64,
              wide.data());
}

void write_tensors(const hdf5::Object& parent, const std::vector<ParameterTensor>& tensors) {
  const hdf5::Object group = hdf5::create_group(parent, "tensors");
  const std::int64_t count = std::ssize(tensors);
  std::vector<std::string> name;
  std::vector<std::int64_t> rows, cols, offset;
  Values multiplier;
  for (const ParameterTensor& tensor : tensors) {
    name.push_back(tensor.name);
    rows.push_back(tensor.rows);
    cols.push_back(tensor.cols);
    offset.push_back(tensor.offset);
    multiplier.push_back(tensor.multiplier);
  }
  hdf5::write_text(hdf5::create_text_dataset(group, "name", count), name);
  for (const auto& [what, values] :
       {std::pair("rows", &rows), {"cols", &cols}, {"offset", &offset}})
    hdf5::write(hdf5::create_dataset(group, what, hdf5::Type::int64, {{count}}), hdf5::Type::int64,
                values->data());
  write(group, "multiplier", {count}, multiplier);
}

/// A matrix on a single rank, column by column.
Values columns_of(const DistMatrix& a) {
  Values out;
  for (std::int64_t j = 0; j < a.cols(); ++j)
    out.insert(out.end(), a.local().col(j), a.local().col(j) + a.rows());
  return out;
}

/// The loss of the outputs and its gradients, by outputs and by parameters.
void write_loss(const hdf5::Object& parent, LossKind kind, const Network<double>& network,
                const ForwardPass<double>& pass) {
  const std::int64_t outputs = network.outputs(), positions = network.positions();
  const hdf5::Object group = hdf5::create_group(parent, std::string(name(kind)));
  const Values value = normals(outputs * sample_count, Item::targets);
  std::vector<std::int32_t> label =
      integers(positions * sample_count, Item::labels, network.classes());
  label[1] = -1;  // one that is not counted
  double count = sample_count;
  if (kind == LossKind::squared_error) {
    write(group, "targets", {sample_count, outputs}, value);
  } else {
    write(group, "targets", {sample_count, positions}, label);
    count *= static_cast<double>(positions);
  }
  Values g(static_cast<std::size_t>(outputs * sample_count));
  const double loss =
      loss_and_gradient<double>(kind, pass.outputs(), network.classes(),
                                {{value.data(), outputs, sample_count, outputs}, label}, count,
                                {g.data(), outputs, sample_count, outputs});
  Values gradient(static_cast<std::size_t>(network.parameters()), 0.0);
  pass.backward({g.data(), outputs, sample_count, outputs}, gradient);
  write(group, "loss", {1}, {loss});
  write(group, "output_gradient", {sample_count, outputs}, g);
  write(group, "parameter_gradient", {network.parameters()}, gradient);
}

void write_kernels(const hdf5::Object& parent, const ProcessGrid& grid, const Case& c,
                   const Values& theta) {
  const hdf5::Object group = hdf5::create_group(parent, "kernel");
  EmpiricalNtk ntk{*c.network, theta, *c.samples, every_output(*c.network)};
  for (const NtkKind kind :
       {NtkKind::all_outputs, NtkKind::trace_kernel, NtkKind::sum_of_outputs}) {
    ntk.kind = kind;
    const Assembly k = assemble_empirical_ntk(grid, 16, ntk);
    const char* dataset = kind == NtkKind::all_outputs    ? "all_outputs"
                          : kind == NtkKind::trace_kernel ? "trace_kernel"
                                                          : "sum_of_outputs";
    write(group, dataset, {ntk.order(), ntk.order()}, columns_of(k.symmetric.matrix));
  }
  ntk.kind = NtkKind::all_outputs;
  const auto factor = empirical_ntk_factor(ntk);
  DistMatrix f = DistMatrix::make(grid, factor->rows(), factor->cols(), 16, 16);
  factor->fill(f, 0);
  write(parent, "jacobian", {factor->cols(), factor->rows()}, columns_of(f));
}

void write_case(const hdf5::Object& file, const ProcessGrid& grid, const Case& c) {
  const hdf5::Object group = hdf5::create_group(file, c.name);
  hdf5::write_attribute(group, "network", c.shape.dump());
  write_tensors(group, c.network->tensors());

  // Nowhere special: gains are not 1 and no bias is 0.
  const std::int64_t count = c.network->parameters(), outputs = c.network->outputs();
  Values theta = initial_parameters(*c.network, 7);
  const Values moved = normals(count, Item::parameters);
  for (std::size_t k = 0; k < theta.size(); ++k)
    theta[k] += 0.2 * moved[k];
  const Values direction = normals(count, Item::directions);
  write(group, "parameters", {count}, theta);
  write(group, "direction", {count}, direction);

  std::vector<std::int64_t> all(sample_count);
  std::iota(all.begin(), all.end(), 0);
  const InputBatch inputs(*c.samples, all);
  const Batch<double>& batch = inputs.batch();
  if (c.samples->dim() > 0)
    write(group, "features", {sample_count, c.samples->dim()},
          Values(batch.features.data, batch.features.data + sample_count * c.samples->dim()));
  else
    write(group, "tokens", {sample_count, c.samples->positions()}, batch.tokens);

  const auto pass = c.network->forward(theta, batch);
  Values tangent(static_cast<std::size_t>(outputs * sample_count));
  pass->tangent(direction, {tangent.data(), outputs, sample_count, outputs});
  const MatrixView<const double> f = pass->outputs();
  write(group, "outputs", {sample_count, outputs}, Values(f.data, f.data + outputs * sample_count));
  write(group, "tangent", {sample_count, outputs}, tangent);
  write_loss(group, LossKind::squared_error, *c.network, *pass);
  write_loss(group, LossKind::cross_entropy, *c.network, *pass);
  write_kernels(group, grid, c, theta);
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  if (argc != 2 || session.world().size() != 1) {
    std::fprintf(stderr, "usage: write_networks FILE, on one rank\n");
    session.finish();
    return 64;
  }
  try {
    const ProcessGrid grid(session.world(), {1, 1});
    hdf5::Object file = hdf5::create_file(argv[1]);
    for (const Case& c : mlp_cases())
      write_case(file, grid, c);
    for (const Case& c : transformer_cases())
      write_case(file, grid, c);
    file.close(argv[1]);
  } catch (const std::exception& error) {
    session.abort(error.what(), ExitCode::internal);
  }
  session.finish();
  return 0;
}
