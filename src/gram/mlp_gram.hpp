#pragma once

// Infinite-width NNGP and NTK Gram matrices of data (Lee et al. 2018; Jacot et al. 2018): XXᵀ by
// the assembly from signals, squared chords |x − y|², recomputed from differences where 1 − cos is
// small (THEORY.md 1.2, the slope of κ₀), then the kernel's recursion entry by entry; the diagonal
// exactly.

#include "gram/assembly.hpp"
#include "gram/data_rows.hpp"
#include "kernels/mlp_kernel.hpp"

#include <cstdint>

namespace fathom {

/// n × n, both triangles. kernel.input_dim is taken from the data. Collective over the grid's
/// parent.
Assembly assemble_mlp_kernel(const ProcessGrid& grid, std::int64_t block, MlpKernelOptions kernel,
                             const DataRows& data, const AssemblyOptions& options = {});

}  // namespace fathom
