#pragma once

// Losses as functions of the outputs, with their gradients in function space. Local.

#include "base/view.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace fathom {

enum class LossKind {
  squared_error,  ///< L = Σ ½(f − y)² / n, n samples; g = (f − y)/n
  cross_entropy,  ///< L = −Σ log softmax(f)_target / N, N = samples × positions; g = (softmax −
                  ///< onehot)/N
};
std::string_view name(LossKind kind);

/// What a batch is held against: values for squared_error, classes for cross_entropy.
template <class T>
struct LossTargets {
  MatrixView<const T> values{};            ///< like the outputs
  std::span<const std::int32_t> labels{};  ///< labels[t + positions·i], −1: not counted
};

/// The sum of the loss over the batch divided by `count` (the n or N of the whole of which the
/// batch is a part), in double; gradient ← ∂/∂outputs of that where its data is not null.
/// @pre outputs is (positions·classes) × samples
template <class T>
double loss_and_gradient(LossKind kind, MatrixView<const T> outputs, std::int64_t classes,
                         const LossTargets<T>& targets, double count, MatrixView<T> gradient);

}  // namespace fathom
