// What maximal update is for: a step of training moves the logits as far at any width, at one
// learning rate (the coordinate check of Yang et al. 2022, 2203.03466, appendix D.1).

#include "cases.hpp"
#include "networks/loss.hpp"

namespace fathom {
namespace {

enum class Step { sgd, sign };  ///< sign: Adam's first step

TransformerShape shape_of_width(std::int64_t width, Parametrisation parametrisation, bool tied) {
  TransformerShape shape;
  shape.vocabulary = 4;
  shape.context = 6;
  shape.blocks = 2;
  shape.width = width;
  shape.heads = 2;
  shape.head_size = width / 2;
  shape.mlp_width = 2 * width;
  shape.tied_output = tied;
  shape.parametrisation = parametrisation;
  return shape;
}

/// The root mean square by which three steps of training move the logits.
double logits_moved(const TransformerShape& shape, Step step, double rate) {
  const auto network = make_transformer<double>(shape);
  std::vector<double> parameters = initial_parameters(*network, 11);
  const std::int64_t samples = 16, outputs = network->outputs();
  const std::vector<std::int32_t> tokens = some_tokens(shape, samples);
  std::vector<std::int32_t> labels(tokens.rbegin(), tokens.rend());
  std::vector<double> g(static_cast<std::size_t>(outputs * samples)), before;
  for (int count = 0; count <= 3; ++count) {
    const auto pass = network->forward(parameters, {samples, {}, tokens});
    const MatrixView<const double> logits = pass->outputs();
    if (count == 0) before.assign(logits.data, logits.data + outputs * samples);
    if (count == 3) {
      double sum = 0;
      for (std::size_t k = 0; k < before.size(); ++k)
        sum += std::pow(logits.data[k] - before[k], 2);
      return std::sqrt(sum / static_cast<double>(before.size()));
    }
    loss_and_gradient<double>(LossKind::cross_entropy, logits, shape.vocabulary, {{}, labels},
                              static_cast<double>(std::ssize(labels)),
                              {g.data(), outputs, samples, outputs});
    std::vector<double> gradient(parameters.size(), 0.0);
    pass->backward({g.data(), outputs, samples, outputs}, gradient);
    for (const ParameterTensor& tensor : network->tensors())
      for (std::int64_t k = tensor.offset; k < tensor.offset + tensor.size(); ++k) {
        const double slope = gradient[static_cast<std::size_t>(k)];
        parameters[static_cast<std::size_t>(k)] -=
            rate * (step == Step::sgd ? tensor.sgd_rate * slope
                                      : tensor.adam_rate * ((slope > 0) - (slope < 0)));
      }
  }
  return 0;
}

double growth(Parametrisation parametrisation, bool tied, Step step, double rate) {
  const double narrow = logits_moved(shape_of_width(32, parametrisation, tied), step, rate);
  const double wide = logits_moved(shape_of_width(256, parametrisation, tied), step, rate);
  return wide / narrow;
}

TEST(TransformerWidth, MaximalUpdateMovesLogitsAlikeAtEveryWidth) {
  for (const bool tied : {false, true}) {
    EXPECT_NEAR(growth(Parametrisation::maximal_update, tied, Step::sgd, 0.1), 1, 0.4) << tied;
    EXPECT_NEAR(growth(Parametrisation::maximal_update, tied, Step::sign, 0.01), 1, 0.4) << tied;
  }
}

TEST(TransformerWidth, TheStandardParametrisationDoesNot) {
  for (const bool tied : {false, true}) {
    EXPECT_GT(growth(Parametrisation::standard, tied, Step::sgd, 1e-3), 3) << tied;
    EXPECT_GT(growth(Parametrisation::standard, tied, Step::sign, 1e-4), 3) << tied;
  }
}

}  // namespace
}  // namespace fathom
