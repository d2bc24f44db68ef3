#pragma once

// Layer normalisation of columns, y = gain∘n + bias with n = (x − mean x)/√(var x + 1e-5), and its
// derivatives. n and the inverse of the root are kept from the forward pass. T is double or float.
// Local.

#include "base/view.hpp"

#include <cstdint>
#include <span>

namespace fathom {

inline constexpr double layer_norm_epsilon = 1e-5;

/// @pre normal and y like x; gain and bias of x.rows, inverse_root of x.cols entries
template <class T>
void layer_norm(MatrixView<const T> x, std::span<const T> gain, std::span<const T> bias,
                MatrixView<T> normal, std::span<T> inverse_root, MatrixView<T> y);

/// g ← (∂y/∂x)ᵀ·g. Columns of g come in groups of `positions`, `choices` groups to one of the
/// forward pass: group c + choices·i goes with the i-th one.
/// @pre g.cols == choices·normal.cols, a multiple of positions
template <class T>
void layer_norm_pull_back(MatrixView<const T> normal, std::span<const T> inverse_root,
                          std::span<const T> gain, std::int64_t positions, std::int64_t choices,
                          MatrixView<T> g);

/// y_tangent ← (∂y/∂x)·x_tangent + gain_tangent∘n + bias_tangent
template <class T>
void layer_norm_tangent(MatrixView<const T> normal, std::span<const T> inverse_root,
                        std::span<const T> gain, std::span<const T> gain_tangent,
                        std::span<const T> bias_tangent, MatrixView<const T> x_tangent,
                        MatrixView<T> y_tangent);

}  // namespace fathom
