#pragma once

// Named activations f: R → R, elementwise on spans, and what the kernel maps need to know of them.
// Everything here is local.

#include <cstdint>
#include <span>
#include <string_view>

namespace fathom {

enum class ActivationKind {
  monomial,  ///< x^degree
  linear,    ///< x
  relu,      ///< max(x, 0)
  abs,       ///< |x|
  erf,       ///< erf x
  tanh,      ///< tanh x
  sigmoid,   ///< 1/(1+e^-x)
  gelu,      ///< x (1 + erf(x/√2))/2
  softplus,  ///< ln(1+e^x)
  sin,       ///< sin x
};

/// Every valid name, in the order of the enumeration.
std::span<const std::string_view> activation_names();
std::string_view name(ActivationKind kind);

/// @throws Error(deck) where the name is unknown; the message lists the valid ones
ActivationKind parse_activation(std::string_view text);

/// f without its constant and linear part: of every activation here what remains is even or odd.
enum class Symmetry { even, odd };

class Activation {
 public:
  /// @pre 1 ≤ degree ≤ 8; used by monomials alone
  explicit Activation(ActivationKind kind, int degree = 1);

  ActivationKind kind() const { return kind_; }
  int degree() const { return degree_; }

  double operator()(double x) const;

  /// f'(x); at a kink the mean of the two sides.
  double derivative(double x) const;

  /// x ← f(x), vectorised, to a few ulp of operator(). A value does not depend on its place in the
  /// span. NaN stays NaN.
  void apply(std::span<double> x) const;

  /// False for relu and abs, whose Hermite series converges slowly.
  bool smooth() const;

  /// Symmetry of f minus its constant and linear part.
  Symmetry symmetry() const;

  /// Growth exponent q with |x f'(x)| ≲ q |f(x)| for large x: how a relative error of a variance
  /// enters the kernel. degree for monomials, 0 for bounded functions, 1 otherwise.
  double growth() const;

 private:
  ActivationKind kind_;
  int degree_;
};

}  // namespace fathom
