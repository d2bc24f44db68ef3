// Gradients of single outputs: layer inputs and backward signals where they factor, entries where
// they do not.

#include "networks/transformer_layers.hpp"
#include "networks/transformer_sweeps.hpp"

#include <algorithm>
#include <utility>

namespace fathom {
namespace {

template <class T>
std::vector<T> copied(MatrixView<const T> from) {
  std::vector<T> to(static_cast<std::size_t>(from.rows * from.cols));
  for (std::int64_t j = 0; j < from.cols; ++j)
    std::copy_n(from.col(j), from.rows, to.data() + j * from.rows);
  return to;
}

template <class T>
class SignalCollector : public GradientSink<T> {
 public:
  SignalCollector(const TransformerLayout& layout, std::span<const std::int32_t> tokens,
                  std::int64_t samples, std::int64_t choices)
      : layout_(layout), tokens_(tokens) {
    signals_.samples = samples;
    signals_.choices = choices;
    table_ = direct(layout.embedding);
  }

  void linear(const LinearTensors& layer, MatrixView<const T> a, MatrixView<const T> b) override {
    LinearSignals<T> signals;
    signals.weight = layer.weight;
    signals.bias = layer.bias;
    signals.in = a.rows;
    signals.out = b.rows;
    signals.positions = layout_.shape.context;
    signals.a = copied(a);
    signals.b = copied(b);
    signals_.linear.push_back(std::move(signals));
  }

  void norm(const NormTensors& norm, MatrixView<const T> normal, MatrixView<const T> b) override {
    const T by_gain = static_cast<T>(layout_.tensor(norm.gain).multiplier),
            by_bias = static_cast<T>(layout_.tensor(norm.bias).multiplier);
    const std::size_t gain_place = direct(norm.gain), bias_place = direct(norm.bias);
    std::vector<T>& gain = signals_.direct[gain_place].gradient;
    std::vector<T>& bias = signals_.direct[bias_place].gradient;
    for (std::int64_t j = 0; j < b.cols; ++j) {
      const std::int64_t row = j / layout_.shape.context;
      const T *n = normal.col(forward_column(j)), *from = b.col(j);
      T *to_gain = gain.data() + row * b.rows, *to_bias = bias.data() + row * b.rows;
      for (std::int64_t k = 0; k < b.rows; ++k) {
        to_gain[k] += by_gain * n[k] * from[k];
        to_bias[k] += by_bias * from[k];
      }
    }
  }

  void tied_output(MatrixView<const T> a, MatrixView<const T> b) override {
    for (std::int64_t j = 0; j < b.cols; ++j)
      for (std::int64_t c = 0; c < b.rows; ++c)
        if (b(c, j) != 0)  // one output a row: one entry of all its columns
          add_to_table(j, c, static_cast<T>(layout_.tied_multiplier) * b(c, j),
                       a.col(forward_column(j)));
  }

  void embedded(MatrixView<const T> b) override {
    const T by_token = static_cast<T>(layout_.tensor(layout_.embedding).multiplier),
            by_position = static_cast<T>(layout_.tensor(layout_.position).multiplier);
    for (std::int64_t j = 0; j < b.cols; ++j)
      add_to_table(j, tokens_[static_cast<std::size_t>(forward_column(j))], by_token, b.col(j));
    // A row's entries are its columns as they stand: width × positions.
    std::vector<T>& place = signals_.direct[direct(layout_.position)].gradient;
    for (std::size_t k = 0; k < place.size(); ++k)
      place[k] = by_position * b.data[k];
  }

  GradientSignals<T> take() { return std::move(signals_); }

 private:
  /// Zeros for a tensor, entries × rows; its place in `direct`.
  std::size_t direct(std::int64_t tensor) {
    const std::int64_t entries = layout_.tensor(tensor).size() * signals_.rows();
    signals_.direct.push_back({tensor, std::vector<T>(static_cast<std::size_t>(entries), T(0))});
    return signals_.direct.size() - 1;
  }

  std::int64_t forward_column(std::int64_t j) const {
    const std::int64_t positions = layout_.shape.context;
    return j % positions + positions * (j / (positions * signals_.choices));
  }

  void add_to_table(std::int64_t column, std::int64_t token, T factor, const T* from) {
    const std::int64_t width = layout_.shape.width, row = column / layout_.shape.context;
    T* to =
        signals_.direct[table_].gradient.data() + width * (token + layout_.shape.vocabulary * row);
    for (std::int64_t k = 0; k < width; ++k)
      to[k] += factor * from[k];
  }

  const TransformerLayout& layout_;
  std::span<const std::int32_t> tokens_;
  GradientSignals<T> signals_;
  std::size_t table_ = 0;
};

/// The gradient of each chosen output by the logits, classes × positions·rows: a unit.
template <class T>
std::vector<T> units(const TransformerShape& shape, std::int64_t samples,
                     std::span<const OutputChoice> choices) {
  const std::int64_t outputs = shape.vocabulary * shape.context;
  std::vector<T> g(static_cast<std::size_t>(outputs * samples * std::ssize(choices)), T(0));
  std::int64_t row = 0;
  for (std::int64_t i = 0; i < samples; ++i)
    for (const OutputChoice& choice : choices) {
      FATHOM_ASSERT(choice.position >= 0 && choice.position < shape.context &&
                        choice.output_class >= 0 && choice.output_class < shape.vocabulary,
                    "output {} at position {} of {} at {}", choice.output_class, choice.position,
                    shape.vocabulary, shape.context);
      const std::int64_t output = choice.position * shape.vocabulary + choice.output_class;
      g[static_cast<std::size_t>(output + outputs * row++)] = 1;
    }
  return g;
}

}  // namespace

template <class T>
GradientSignals<T> collect_signals(const TransformerLayout& layout, std::span<const T> parameters,
                                   std::span<const std::int32_t> tokens,
                                   const TransformerState<T>& state,
                                   std::span<const OutputChoice> choices) {
  SignalCollector<T> collector(layout, tokens, state.samples, std::ssize(choices));
  const std::vector<T> g = units<T>(layout.shape, state.samples, choices);
  Workspace<T> workspace;  // of its own: the sweep is `choices` times as wide as the forward pass
  workspace.resize(layout, layout.shape.context * state.samples * std::ssize(choices));
  sweep_backward(layout, parameters, state, std::ssize(choices),
                 columns(g, layout.shape.vocabulary), workspace, collector);
  return collector.take();
}

template GradientSignals<double> collect_signals(const TransformerLayout&, std::span<const double>,
                                                 std::span<const std::int32_t>,
                                                 const TransformerState<double>&,
                                                 std::span<const OutputChoice>);
template GradientSignals<float> collect_signals(const TransformerLayout&, std::span<const float>,
                                                std::span<const std::int32_t>,
                                                const TransformerState<float>&,
                                                std::span<const OutputChoice>);

}  // namespace fathom
