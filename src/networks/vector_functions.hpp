#pragma once

// Elementwise functions of a forward pass, vectorised. T is double or float. Local.

#include "kernels/activation.hpp"

#include <span>

namespace fathom {

/// x ← f(x) and slope ← f'(x), each to a few ulp of T; a value does not depend on its place in the
/// span, and NaN stays NaN. At a kink the slope is the mean of the two sides.
/// @pre slope.size() == x.size()
template <class T>
void activate(const Activation& activation, std::span<T> x, std::span<T> slope);

/// x ← eˣ
template <class T>
void exponentiate(std::span<T> x);

}  // namespace fathom
