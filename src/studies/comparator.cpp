#include "studies/comparator.hpp"

#include "kernels/hermite.hpp"
#include "kernels/power_law.hpp"
#include "spectral/chaos.hpp"

#include <algorithm>

namespace fathom {
namespace {

/// Orders of the chaos that are enumerated: higher ones lie far below any eigenvalue that is
/// resolved.
constexpr int chaos_orders = 40;

/// b_k of f(√a z) = Σ b_k h_k(z), k = 0, 1, …
std::vector<double> hermite_coefficients(const Activation& activation, double variance) {
  const HermiteQuadrature quadrature(activation, chaos_orders, variance);
  const HermiteSeries series = quadrature.series(variance);
  std::vector<double> coefficient(chaos_orders, 0.0);
  for (std::size_t i = 0; i < quadrature.orders().size(); ++i)
    coefficient[static_cast<std::size_t>(quadrature.orders()[i])] = series.coefficient[i];
  return coefficient;
}

}  // namespace

std::vector<double> comparator_of(const Deck& deck, std::int64_t modes) {
  const double alpha = deck.real("data.alpha");
  const std::int64_t dim = deck.integer("data.dim");
  const ActivationKind kind = parse_activation(deck.text("kernel.activation"));
  if (kind == ActivationKind::monomial)
    return chaos_comparator(static_cast<int>(deck.integer("kernel.degree")), alpha, dim, modes);
  const double trace = power_law_trace(dim, alpha);
  std::vector<double> spectrum(static_cast<std::size_t>(dim));
  for (std::size_t j = 0; j < spectrum.size(); ++j)
    spectrum[j] = power_law_eigenvalue(static_cast<std::int64_t>(j) + 1, alpha);
  return chaos_comparator(hermite_chaos(hermite_coefficients(Activation(kind), trace), trace),
                          spectrum, modes);
}

}  // namespace fathom
