#pragma once

// Gram matrices as operators on blocks of vectors: by a factor that is made again for every
// product, or kept; and by the matrix itself.

#include "dist/interfaces.hpp"

#include <cstdint>
#include <memory>

namespace fathom {

struct FactorOperatorOptions {
  std::int64_t chunk = 0;  ///< rows of F at a time on a rank; 0: as many as fit workspace_bytes
  bool hold = false;       ///< keep F: rows() · cols() · 8 bytes over all ranks
  std::int64_t workspace_bytes = std::int64_t{1} << 26;  ///< of a chunk on a rank
};

/// y = Fᵀ(F x): rows of F dealt out over all ranks in chunks, one pass over F a product whatever
/// the number of columns of x, one sum over the ranks at its end. Error(no_fit) where memory ends.
/// Collective.
std::unique_ptr<LinearOperator> factor_operator(const Communicator& comm,
                                                std::shared_ptr<const FactorSource> factor,
                                                const FactorOperatorOptions& options = {});

/// y = A x for a matrix that is held. Collective.
std::unique_ptr<LinearOperator> gram_operator(std::shared_ptr<const SymmetricMatrix> matrix);
std::unique_ptr<LinearOperator> gram_operator(SymmetricMatrix matrix);

}  // namespace fathom
