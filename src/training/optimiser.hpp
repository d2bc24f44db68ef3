#pragma once

// First-order optimisers on flat parameter vectors. Local; the same bits from the same input, so
// that ranks that hold the same gradient keep the same parameters.

#include "networks/network.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fathom {

enum class OptimiserKind {
  sgd,       ///< θ ← θ − η s g
  momentum,  ///< v ← μ v + g; θ ← θ − η s v (Polyak 1964), or − η s (g + μ v) (Nesterov)
  adam,      ///< Kingma & Ba 2015 (1412.6980), algorithm 1
  adamw,     ///< Loshchilov & Hutter 2019 (1711.05101): decay apart from the moments
};
std::string_view name(OptimiserKind kind);

/// η is the rate of a step and s the tensor's factor of its parametrisation: sgd_rate for sgd and
/// momentum, adam_rate for the other two.
struct Optimiser {
  OptimiserKind kind = OptimiserKind::sgd;
  double momentum = 0.9;  ///< μ
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< of Adam
  /// Of every tensor. It joins the gradient, g + decay·θ; in adamw θ ← θ − η·decay·θ instead,
  /// without s: what is forgotten a step then does not depend on the width.
  double weight_decay = 0;
  /// The gradient (before decay) is scaled to this Euclidean norm where it is longer; 0: never.
  double clip_norm = 0;
};

/// What an optimiser carries from step to step; empty before the first one.
template <class T>
struct OptimiserState {
  std::int64_t updates = 0;
  std::vector<T> first;   ///< v of momentum, m of Adam; one a parameter
  std::vector<T> second;  ///< v of Adam
};

/// Moments that an optimiser carries, as multiples of the parameters' memory.
int moments(OptimiserKind kind);

/// Allocates the moments (zero) where they are not yet.
/// @pre they are empty or one a parameter
template <class T>
void prepare(const Optimiser& optimiser, std::size_t parameters, OptimiserState<T>& state);

/// One step. Arithmetic is in double whatever T is. What is not finite in the gradient or the rate
/// reaches the parameters.
/// @pre gradient.size() == parameters.size(), the tensors lie within; state is this optimiser's
template <class T>
void update(const Optimiser& optimiser, std::span<const ParameterTensor> tensors, double rate,
            std::span<const double> gradient, OptimiserState<T>& state, std::span<T> parameters);

}  // namespace fathom
