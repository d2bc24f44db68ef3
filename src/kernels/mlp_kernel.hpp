#pragma once

// Kernels of infinitely wide fully connected networks (Jacot et al. 2018, Lee et al. 2019):
//   Σ⁰ = σ_w² x·x'/n₀ + σ_b²,      Σ^{l+1} = σ_w² E[φφ] + σ_b²,
//   Θ⁰ = Σ⁰,                       Θ^{l+1} = Σ^{l+1} + σ_w² E[φ'φ'] Θ^l,
// NNGP = Σ^L, NTK = Θ^L after L hidden layers, φ = relu or erf.
//
// The ReLU derivative kernel has infinite slope where two rows are parallel, so the layers carry
// the defect δ = 1 − Σ(x,x')/√(Σ(x,x) Σ(x',x')) instead of the correlation. It starts from the
// squared chord,
//   |x||x'| δ = (|x−x'|² − (|x|−|x'|)²)/2,
// and every layer maps it by sums of positive terms. For ReLU, A = σ_w²/2, B = σ_b², r = √Σ(x,x),
// r² ↦ A r² + B:
//   2 r₊r₊' δ₊ = 2 A r r' (1−κ₁(δ)) + A (r−r')² · 2 [B + (AB(r²+r'²) + B²)/(r₊r₊' + A r r')]
//                                     / (r₊+r₊')²,
// and likewise for the input layer with A = σ_w²/n₀, |x| for r and δ for 1−κ₁. What two rows of
// unequal norms and equal direction lose in the difference of their chord and norms is in the
// data, not in the layers, and is counted by the slope.

#include "kernels/activation.hpp"
#include "kernels/entry_map.hpp"

namespace fathom {

enum class MlpKernelKind { nngp, ntk };

struct MlpKernelOptions {
  MlpKernelKind kind = MlpKernelKind::ntk;
  ActivationKind activation = ActivationKind::relu;  ///< relu or erf
  int depth = 1;                                     ///< hidden layers L ≥ 0
  double weight_variance = 2.0;                      ///< σ_w² > 0
  double bias_variance = 0.0;                        ///< σ_b² ≥ 0
  std::int64_t input_dim = 1;                        ///< n₀ ≥ 1
  double scale = 1.0;                                ///< factor of every entry
};

/// Pair quantity: squared chord |x_i − x_j|²; scalars: |x_i|². MapError's slope is |∂K/∂δ|, capped
/// where two rows are parallel to within rounding.
class MlpKernel final : public EntryMap {
 public:
  /// @throws Error(deck) where the activation is neither relu nor erf
  /// @pre the ranges of MlpKernelOptions
  explicit MlpKernel(const MlpKernelOptions& options);

  PairQuantity pair_quantity() const override { return PairQuantity::squared_chord; }
  double scalar_slope() const override { return 1.0; }
  MapSide side(std::span<const double> scalar, std::span<const std::int64_t> index) const override;

  const MlpKernelOptions& options() const { return options_; }

 private:
  struct Strip;

  MapError map_column(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                      std::int64_t col, std::span<double> pairs) const override;
  void input_layer(Strip& strip, std::span<const double> chords) const;
  void relu_layer(Strip& strip, int layer) const;
  void erf_layer(Strip& strip, int layer) const;

  MlpKernelOptions options_;
};

}  // namespace fathom
