#pragma once

// Matrices of the user's own: features, data, or a Gram matrix.

#include "gram/assembly.hpp"
#include "gram/data_rows.hpp"
#include "gram/gram_side.hpp"

#include <cstdint>
#include <string>

namespace fathom {

/// Features Φ (n × d; given_rows of a matrix in any layout on a grid of the same parent): K = ΦΦᵀ
/// or ΦᵀΦ, nothing divided. Error(numeric) where an entry is not finite. Collective.
Assembly assemble_features(const ProcessGrid& grid, std::int64_t block, const DataRows& features,
                           GramSide side, const AssemblyOptions& options = {});

/// Second moments of the data before any layer, XᵀX/n (dim × dim; not centred). Collective.
Assembly assemble_data_covariance(const ProcessGrid& grid, std::int64_t block, const DataRows& data,
                                  const AssemblyOptions& options = {});

/// A Gram matrix as given, brought to the grid; moved, not copied, where it is there already.
/// Error(numeric) where an entry is not finite;
/// Error(input) where it is not square or max |a_ij − a_ji| > 100 ε' max |a_ij|; below that it is
/// symmetrised and the report's note says so. Collective.
Assembly accept_gram(const ProcessGrid& grid, std::int64_t block, DistMatrix given,
                     double input_epsilon, const std::string& what);

}  // namespace fathom
