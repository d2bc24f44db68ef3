#pragma once

// Activations of a layer with their derivatives, vectorised, in double and float. Local.

#include "kernels/activation.hpp"

#include <span>

namespace fathom {

/// z ← f(z), derivative ← f'(z), each to a few ulp of Activation's in T (at a kink the mean of the
/// two sides). A value does not depend on its place in the span. NaN stays NaN in z.
/// @pre z.size() == derivative.size()
void activate(const Activation& f, std::span<double> z, std::span<double> derivative);
void activate(const Activation& f, std::span<float> z, std::span<float> derivative);

/// z ← eᶻ, likewise.
void exponentiate(std::span<double> z);
void exponentiate(std::span<float> z);

}  // namespace fathom
