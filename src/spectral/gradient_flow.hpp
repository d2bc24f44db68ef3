#pragma once

// Training with a frozen kernel, in closed form: each mode of the residual decays on its own.
// Local and pure.
//
// L = ½‖r‖², so g = r. For L = ‖r‖²/(2n) the flow is the same with time (or learning rate) t/n, and
// χ_pos, a ratio, is the same too; the loss is 1/n of the one here.

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// r_k(t) = r_k(0) e^{−λ_k t}. @pre as long as each other, λ finite, t ≥ 0
std::vector<double> flow_residual(std::span<const double> eigenvalue,
                                  std::span<const double> residual, double time);

/// r_k after `steps` of r_k ← (1 − ηλ_k) r_k, which diverges where ηλ_k > 2.
/// @pre as long as each other, λ finite, η ≥ 0, steps ≥ 0
std::vector<double> descent_residual(std::span<const double> eigenvalue,
                                     std::span<const double> residual, double learning_rate,
                                     std::int64_t steps);

/// What a residual says of the training that goes on from it.
struct FlowState {
  double loss = 0.0;      ///< ½ Σ r_k²
  double chi_loss = 0.0;  ///< Σ r_k²
  double decrease = 0.0;  ///< δL = Σ λ_k r_k² = −dL/dt
  double chi_pos = 0.0;   ///< δL/(χ_loss tr Θ); NaN where r = 0
  double log_rate = 0.0;  ///< d log L/dt = −2 χ_net χ_pos under gradient flow; NaN where r = 0
};
/// @pre as long as each other, trace > 0
FlowState flow_state(std::span<const double> eigenvalue, std::span<const double> residual,
                     double trace);

/// The limit of many modes and long times, λ_k = k^-a and r_k(0)² = k^-b (Laplace's integral):
/// L → (1/2a) Γ((b−1)/a) (2t)^{−(b−1)/a}. @pre a > 0, b > 1, t > 0
double power_law_loss(double a, double b, double time);
/// χ_pos → (b−1)/(2 a t tr Θ). @pre as above, trace > 0
double power_law_position(double a, double b, double time, double trace);

}  // namespace fathom
