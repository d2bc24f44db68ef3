#pragma once

// Empirical random features of data: F = f(X W), n × d, Φ = F/√d; the Gram matrix ΦΦᵀ (n × n) or
// the covariance ΦᵀΦ (d × d): they share their nonzero eigenvalues (THEORY.md, notation).

#include "gram/assembly.hpp"
#include "gram/data_rows.hpp"
#include "gram/gram_side.hpp"
#include "kernels/activation.hpp"

#include <cstdint>

namespace fathom {

struct RandomFeatureSpec {
  std::int64_t features = 0;  ///< d
  std::uint64_t seed = 1;     ///< of W
  Activation activation{ActivationKind::relu};
  GramSide side = GramSide::automatic;
};

/// Both triangles. Collective over the grid's parent.
Assembly assemble_random_features(const ProcessGrid& grid, std::int64_t block,
                                  const RandomFeatureSpec& spec, const DataRows& data,
                                  const AssemblyOptions& options = {});

}  // namespace fathom
