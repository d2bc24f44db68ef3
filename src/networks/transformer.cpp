#include "networks/transformer.hpp"

#include "networks/description.hpp"
#include "networks/parametrisation.hpp"
#include "networks/transformer_sweeps.hpp"

#include <algorithm>
#include <utility>

namespace fathom {
namespace {

template <class T>
class Transformer;

template <class T>
class TransformerPass : public ForwardPass<T> {
 public:
  TransformerPass(const Transformer<T>& network, std::span<const T> parameters,
                  std::span<const std::int32_t> tokens, std::unique_ptr<TransformerState<T>> state)
      : network_(network), parameters_(parameters), tokens_(tokens), state_(std::move(state)) {}
  ~TransformerPass() override { network_.keep(std::move(state_)); }

  MatrixView<const T> outputs() const override {
    return {state_->logits.data(), network_.outputs(), state_->samples, network_.outputs()};
  }

  void backward(MatrixView<const T> g, std::span<T> gradient) const override {
    assert_outputs(g);
    FATHOM_ASSERT(std::ssize(gradient) == network_.parameters(), "gradient of {} entries",
                  gradient.size());
    if (g.ld != g.rows && g.cols > 1) {
      for (std::int64_t i = 0; i < g.cols; ++i)
        std::copy_n(g.col(i), g.rows, workspace_logits().col(i));
      g = workspace_logits();
    }
    const std::int64_t classes = network_.classes();
    accumulate_gradient<T>(network_.layout(), parameters_, tokens_, *state_,
                           {g.data, classes, network_.positions() * g.cols, classes}, gradient);
  }

  void tangent(std::span<const T> direction, MatrixView<T> out) const override {
    assert_outputs(out);
    FATHOM_ASSERT(std::ssize(direction) == network_.parameters(), "direction of {} entries",
                  direction.size());
    const std::int64_t classes = network_.classes();
    const MatrixView<T> logits = workspace_logits();
    sweep_tangent<T>(network_.layout(), parameters_, direction, tokens_, *state_, state_->workspace,
                     {logits.data, classes, network_.positions() * logits.cols, classes});
    for (std::int64_t i = 0; i < out.cols; ++i)
      std::copy_n(logits.col(i), out.rows, out.col(i));
  }

  GradientSignals<T> signals(std::span<const OutputChoice> choices) const override {
    return collect_signals(network_.layout(), parameters_, tokens_, *state_, choices);
  }

 private:
  void assert_outputs(MatrixView<const T> view) const {
    FATHOM_ASSERT(view.rows == network_.outputs() && view.cols == state_->samples,
                  "{} x {} for {} outputs of {} samples", view.rows, view.cols, network_.outputs(),
                  state_->samples);
  }

  MatrixView<T> workspace_logits() const {
    return {state_->workspace.logits.data(), network_.outputs(), state_->samples,
            network_.outputs()};
  }

  const Transformer<T>& network_;
  std::span<const T> parameters_;
  std::span<const std::int32_t> tokens_;
  std::unique_ptr<TransformerState<T>> state_;
};

template <class T>
class Transformer : public Network<T> {
 public:
  explicit Transformer(const TransformerShape& shape) : layout_(transformer_layout(shape)) {}

  std::string description() const override {
    const TransformerShape& s = layout_.shape;
    return fmt::format(
        "transformer of {} block{}, width {}, {} head{} of {}, MLP {} {}, context {}, vocabulary "
        "{}{}, {} parametrisation, {} parameters",
        s.blocks, s.blocks == 1 ? "" : "s", s.width, s.heads, s.heads == 1 ? "" : "s", s.head_size,
        s.mlp_width, name(s.activation), s.context, s.vocabulary,
        s.tied_output ? ", tied output" : "", name(s.parametrisation), grouped(layout_.parameters));
  }

  const std::vector<ParameterTensor>& tensors() const override { return layout_.tensors; }
  std::int64_t parameters() const override { return layout_.parameters; }
  std::int64_t positions() const override { return layout_.shape.context; }
  std::int64_t classes() const override { return layout_.shape.vocabulary; }

  double forward_flops() const override {
    const TransformerShape& s = layout_.shape;
    const auto width = static_cast<double>(s.width), context = static_cast<double>(s.context);
    const auto inner = static_cast<double>(layout_.attention_width());
    const double weights = 4 * inner * width + 2 * width * static_cast<double>(s.mlp_width);
    const double block = context * weights + 2 * context * context * inner;
    const double output = context * width * static_cast<double>(s.vocabulary);
    return 2 * (static_cast<double>(s.blocks) * block + output);
  }

  std::unique_ptr<ForwardPass<T>> forward(std::span<const T> parameters,
                                          const Batch<T>& batch) const override {
    const TransformerShape& s = layout_.shape;
    FATHOM_ASSERT(std::ssize(parameters) == layout_.parameters, "{} parameters, the network has {}",
                  parameters.size(), layout_.parameters);
    FATHOM_ASSERT(std::ssize(batch.tokens) == s.context * batch.samples,
                  "{} tokens for {} samples of {} positions", batch.tokens.size(), batch.samples,
                  s.context);
    for (const std::int32_t token : batch.tokens)
      FATHOM_ASSERT(token >= 0 && token < s.vocabulary, "token {} of {}", token, s.vocabulary);
    auto state = kept_ ? std::move(kept_) : std::make_unique<TransformerState<T>>();
    state->resize(layout_, batch.samples);
    sweep_forward(layout_, parameters, batch.tokens, *state);
    return std::make_unique<TransformerPass<T>>(*this, parameters, batch.tokens, std::move(state));
  }

  const TransformerLayout& layout() const { return layout_; }
  /// Takes the memory of a pass that ends, for the next one.
  void keep(std::unique_ptr<TransformerState<T>> state) const { kept_ = std::move(state); }

 private:
  TransformerLayout layout_;
  mutable std::unique_ptr<TransformerState<T>> kept_;
};

}  // namespace

template <class T>
std::unique_ptr<Network<T>> make_transformer(const TransformerShape& shape) {
  return std::make_unique<Transformer<T>>(shape);
}

template std::unique_ptr<Network<double>> make_transformer(const TransformerShape&);
template std::unique_ptr<Network<float>> make_transformer(const TransformerShape&);

}  // namespace fathom
