#include "training/frozen.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

/// The original's pass at θ₀, with outputs moved along the tangent.
template <class T>
class LinearisedPass : public ForwardPass<T> {
 public:
  LinearisedPass(std::unique_ptr<ForwardPass<T>> at_origin, std::span<const T> displacement)
      : at_origin_(std::move(at_origin)) {
    const MatrixView<const T> f = at_origin_->outputs();
    rows_ = f.rows;
    cols_ = f.cols;
    outputs_.resize(static_cast<std::size_t>(rows_ * cols_));
    at_origin_->tangent(displacement, {outputs_.data(), rows_, cols_, ld()});
    for (std::int64_t j = 0; j < cols_; ++j)
      for (std::int64_t i = 0; i < rows_; ++i)
        outputs_[static_cast<std::size_t>(i + j * rows_)] += f(i, j);
  }

  MatrixView<const T> outputs() const override { return {outputs_.data(), rows_, cols_, ld()}; }
  void backward(MatrixView<const T> g, std::span<T> gradient) const override {
    at_origin_->backward(g, gradient);
  }
  void tangent(std::span<const T> direction, MatrixView<T> out) const override {
    at_origin_->tangent(direction, out);
  }
  GradientSignals<T> signals(std::span<const OutputChoice> choices) const override {
    return at_origin_->signals(choices);
  }

 private:
  std::int64_t ld() const { return std::max<std::int64_t>(1, rows_); }

  std::unique_ptr<ForwardPass<T>> at_origin_;
  std::int64_t rows_ = 0, cols_ = 0;
  std::vector<T> outputs_;
};

}  // namespace

template <class T>
LinearisedNetwork<T>::LinearisedNetwork(const Network<T>& network, std::vector<T> parameters)
    : network_(network), origin_(std::move(parameters)) {
  FATHOM_ASSERT(std::ssize(origin_) == network.parameters(), "{} parameters for a network of {}",
                origin_.size(), network.parameters());
}

template <class T>
std::string LinearisedNetwork<T>::description() const {
  return fmt::format("{}, linearised", network_.description());
}

template <class T>
std::unique_ptr<ForwardPass<T>> LinearisedNetwork<T>::forward(std::span<const T> parameters,
                                                              const Batch<T>& batch) const {
  FATHOM_ASSERT(parameters.size() == origin_.size(), "{} parameters for a network of {}",
                parameters.size(), origin_.size());
  std::vector<T> displacement(origin_.size());
  std::transform(parameters.begin(), parameters.end(), origin_.begin(), displacement.begin(),
                 [](T theta, T origin) { return theta - origin; });
  return std::make_unique<LinearisedPass<T>>(network_.forward(origin_, batch), displacement);
}

template class LinearisedNetwork<double>;
template class LinearisedNetwork<float>;

}  // namespace fathom
