#pragma once

// The gradients of single outputs, entry by entry, from the signals of a forward pass. Local.

#include "base/view.hpp"
#include "networks/network.hpp"

#include <cstdint>

namespace fathom {

/// out(k, r) = ∂f_r/∂θ_{first_parameter+k}: rows first_parameter … + out.rows of the transposed
/// Jacobian, wherever the range begins and ends within tensors.
/// @pre out.cols == signals.rows(), the range lies in [0, parameters()); signals of this network
template <class T>
void gradient_columns(const Network<T>& network, const GradientSignals<T>& signals,
                      std::int64_t first_parameter, MatrixView<T> out);

}  // namespace fathom
