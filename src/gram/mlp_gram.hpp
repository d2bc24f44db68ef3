#pragma once

// Infinite-width NNGP and NTK Gram matrices of data (Lee et al. 2018; Jacot et al. 2018): XXᵀ by
// the assembly from signals, squared chords |x − y|², recomputed from differences where 1 − cos is
// small (THEORY.md 1.2, the slope of κ₀), then the kernel's recursion entry by entry; the diagonal
// exactly.

#include "gram/assembly.hpp"
#include "gram/data_rows.hpp"
#include "kernels/mlp_kernel.hpp"

#include <cstdint>
#include <string>

namespace fathom {

/// The kernel and its data in the words of results, and how K is scaled.
std::string mlp_kernel_text(const MlpKernelOptions& kernel, const DataRows& data);
inline constexpr const char* mlp_kernel_normalization =
    "K as its recursion defines it, from Sigma_0 = sigma_w^2 x.x'/n_0 + sigma_b^2";

/// n × n, both triangles. kernel.input_dim is taken from the data. Collective over the grid's
/// parent.
Assembly assemble_mlp_kernel(const ProcessGrid& grid, std::int64_t block, MlpKernelOptions kernel,
                             const DataRows& data, const AssemblyOptions& options = {});

}  // namespace fathom
