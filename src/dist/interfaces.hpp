#pragma once

// The interfaces by which eigen sees what gram makes.

#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <functional>

namespace fathom {

/// A symmetric matrix as it is stored, and what its making may have cost in accuracy.
struct SymmetricMatrix {
  DistMatrix matrix;
  SymmetricFill fill = SymmetricFill::full;
  /// Upper estimate of ‖computed − exact‖₂ by the rounding of assembly (0 for a matrix taken from a
  /// file).
  double assembly_error = 0.0;
  /// Unit roundoff of the numbers the matrix came from: 2⁻⁵³, or 2⁻²⁴ for a float32 file.
  double input_epsilon = 0x1p-53;
};

/// Makes the matrix, and can make it again: solvers overwrite their input and a fallback needs a
/// fresh one. Collective. The layout is the solver's wish; the maker keeps to it.
struct Layout {
  GridShape grid;
  std::int64_t block = 64;
};
using MatrixSource = std::function<SymmetricMatrix(const ProcessGrid& grid, std::int64_t block)>;

}  // namespace fathom
