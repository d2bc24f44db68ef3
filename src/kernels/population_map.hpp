#pragma once

// The population covariance of random features over Gaussian data (Paquette, Xiao, Zhu,
// arXiv 2603.14578): K_ij = scale · E[f(x) f(y)] for Gaussians x, y with variances a = S_ii,
// b = S_jj and covariance s = S_ij, S = WᵀHW. Everything here is local.
//
//   monomial p   Σ_k c_{p,k} (ab)^{(p−k)/2} s^k, k ≡ p mod 2,
//                c_{p,k} = (p!)² / (k! ((p−k)/2)!² 2^{p−k})
//   relu         √(ab)/2 · κ₁(ρ), ρ = s/√(ab)                          (Cho & Saul 2009)
//   abs          √(ab) (κ₁(ρ) + κ₁(−ρ))
//   erf          (2/π) asin(2s/√((1+2a)(1+2b)))                        (Williams 1997)
//   sin          e^{−(a+b)/2} sinh s
//   others       Σ_k c_k(a) c_k(b) ρ^k, truncated with its bound         (hermite.hpp)

#include "kernels/activation.hpp"
#include "kernels/entry_map.hpp"

namespace fathom {

struct PopulationOptions {
  double scale = 1.0;         ///< factor of every entry, 1/d for K as its definition gives it
  int hermite_terms = 128;    ///< orders of the series below this one
  bool force_series = false;  ///< the Hermite series even where a closed form exists: for tests
};

class PopulationMap final : public EntryMap {
 public:
  explicit PopulationMap(const Activation& activation, const PopulationOptions& options = {});

  PairQuantity pair_quantity() const override { return PairQuantity::inner_product; }
  double scalar_slope() const override { return 0.5 * activation_.growth(); }
  MapSide side(std::span<const double> scalar, std::span<const std::int64_t> index) const override;

  /// Whether entries come from a truncated series.
  bool is_series() const { return form_ == Form::series; }

 private:
  enum class Form { monomial, relu, abs, erf, sin, series };

  MapError map_column(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                      std::int64_t col, std::span<double> pairs) const override;
  MapError map_monomial(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                        std::int64_t col, std::span<double> pairs) const;
  MapError map_series(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                      std::int64_t col, std::span<double> pairs) const;
  void make_series_side(MapSide& side) const;
  double diagonal(double variance) const;

  Activation activation_;
  PopulationOptions options_;
  Form form_;
  std::vector<int> orders_;  // of the series
};

}  // namespace fathom
