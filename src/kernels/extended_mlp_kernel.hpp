#pragma once

// Kernels of infinitely wide fully connected networks (mlp_kernel.hpp has the recursion and its
// sources) in double-double, entry by entry, with a bound of each entry's error. For erf, whose map
// of the covariance is analytic: there is nothing to guard at the diagonal, since
// 2Σ(x,x')/√((1+2Σ(x,x))(1+2Σ(x',x'))) stays away from ±1. Everything here is local.

#include "kernels/extended_functions.hpp"
#include "kernels/mlp_kernel.hpp"

#include <vector>

namespace fathom {

class ExtendedMlpKernel {
 public:
  /// @throws Error(deck) where the activation is not erf @pre the ranges of MlpKernelOptions
  explicit ExtendedMlpKernel(const MlpKernelOptions& options);

  /// What a row brings along.
  struct Row {
    std::vector<ExtendedValue> inverse_root;  ///< 1/√(1+2Σ(x,x)) before each hidden layer
    ExtendedValue diagonal;                   ///< K(x, x)
  };
  /// square: |x|². In quad-double: n of them carry the errors of n² entries.
  Row row(const ExtendedValue& square) const;

  /// K(x, y) from ⟨x, y⟩; bit by bit the same with x and y exchanged. @pre both rows were made by
  /// this kernel
  ExtendedValue entry(const Row& x, const Row& y, const ExtendedValue& product) const;

 private:
  struct State {
    ExtendedValue covariance, tangent;
  };
  State input(const ExtendedValue& product) const;
  State layer(const State& state, const ExtendedValue& p, const ExtendedValue& q) const;
  ExtendedValue output(const State& state) const;

  MlpKernelOptions options_;
  DoubleDouble weight_;  // σ_w² 2/π
};

}  // namespace fathom
