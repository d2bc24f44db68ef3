#pragma once

// A block of the empirical neural tangent kernel K = JJᵀ from the signals of its rows and columns,
// layer by layer, without ever forming the gradient of a layer where that is dearer.
//
// A linear layer with inputs a and backward signals b gives, with multipliers m and m' of weight
// and bias and T positions,
//   K_rr' += m² Σ_{t,s} (a_{i(r)t}·a_{j(r')s}) (b_{rt}·b_{r's}) + m'² (Σ_t b_rt)·(Σ_s b_r's)
// either from the products of signals, those of a once a pair of samples and those of b once a pair
// of rows, or from the gradients Σ_t b_rt a_i(r)tᵀ of the rows, materialised for some inputs at a
// time, and one product of depth in·out. Local; double.

#include "base/view.hpp"
#include "networks/network.hpp"

#include <cstdint>

namespace fathom {

/// How a linear layer enters; automatic takes the one with fewer flops.
enum class SignalRoute { automatic, signals, materialised };

/// What decides between the routes.
struct LinearBlockShape {
  std::int64_t in = 0, out = 0, positions = 1;
  std::int64_t row_samples = 0, column_samples = 0;
  std::int64_t row_choices = 1, column_choices = 1;  ///< outputs a sample
};

struct RouteCost {
  SignalRoute route = SignalRoute::signals;  ///< never automatic
  double flops = 0;                          ///< of the weight's part by that route
};

/// The route taken for a layer where `route` is asked for, and its flops: with C, C' choices and n,
/// n' samples, signals 2T²nn'(in + CC'(out + 1)), materialised 2in·out(nC·n'C' + T(nC + n'C')).
RouteCost linear_block_cost(const LinearBlockShape& shape, SignalRoute route);

/// Flops of kernel_block, biases and direct tensors included.
double kernel_block_flops(const Network<double>& network, const GradientSignals<double>& rows,
                          const GradientSignals<double>& columns,
                          SignalRoute route = SignalRoute::automatic);

/// out(r, r') = Σ_θ ∂f_r/∂θ ∂f_r'/∂θ, r a row of `rows`, r' of `columns`. Beyond out it needs two
/// tiles of products, 16 MiB (more where the choices times positions of one sample exceed 1024), or
/// the materialised gradients of as many inputs as fit 32 MiB (at least one: out·(rows + columns)
/// numbers).
/// @pre out is rows.rows() × columns.rows(); both of this network, from passes with the same
/// parameters
void kernel_block(const Network<double>& network, const GradientSignals<double>& rows,
                  const GradientSignals<double>& columns, MatrixView<double> out,
                  SignalRoute route = SignalRoute::automatic);

}  // namespace fathom
