#pragma once

// Population covariance of random features on power-law data (Paquette, Xiao & Zhu, arXiv
// 2603.14578): K = E_x[(1/d) f(Wᵀx) f(Wᵀx)ᵀ], d × d, without sampling x: S = (H^½W)ᵀ(H^½W) by the
// assembly from signals, then one elementwise map of S_ij, S_ii, S_jj.

#include "gram/assembly.hpp"
#include "kernels/activation.hpp"
#include "kernels/population_map.hpp"

#include <cstdint>
#include <string>

namespace fathom {

struct PopulationSpec {
  std::int64_t features = 0;  ///< d
  std::int64_t dim = 0;       ///< v
  double alpha = 1.5;         ///< H_jj = j^−alpha
  std::uint64_t seed = 1;     ///< of W
  Activation activation{ActivationKind::linear};
  int hermite_terms = PopulationOptions{}.hermite_terms;
};

/// The kernel in the words of results, and how K is scaled.
std::string population_text(const PopulationSpec& spec);
inline constexpr const char* population_normalization = "K = E_x[f(W^T x) f(W^T x)^T] / d, d x d";

/// K, both triangles. Collective over the grid's parent.
Assembly assemble_population(const ProcessGrid& grid, std::int64_t block,
                             const PopulationSpec& spec, const AssemblyOptions& options = {});

/// S alone, before the map, both triangles. Collective over the grid's parent.
Assembly assemble_population_overlap(const ProcessGrid& grid, std::int64_t block,
                                     const PopulationSpec& spec,
                                     const AssemblyOptions& options = {});

}  // namespace fathom
