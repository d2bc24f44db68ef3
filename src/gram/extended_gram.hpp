#pragma once

// Gram matrices of closed-form kernels in double-double, for spectra that fall below what double
// precision holds (THEORY.md section 5, the extended cascade): the lower triangle entry by entry,
// each entry with a bound of its error, then mirrored. Bit by bit the same on every grid, block
// size and movement.
//
// The data are the doubles that the rows are made of (or held in), taken as exact; points of the
// circle are taken at their exact positions, cosines in double-double.

#include "dist/extended_matrix.hpp"
#include "gram/assembly.hpp"
#include "gram/data_rows.hpp"
#include "gram/population.hpp"
#include "kernels/mlp_kernel.hpp"

#include <cstdint>

namespace fathom {

struct ExtendedAssembly {
  /// Both triangles. assembly_error is the Frobenius norm of the entries' bounds: it holds, and for
  /// independent errors it is about √n times too wide.
  ExtendedSymmetric symmetric;
  /// AssemblyOptions::progress counts entries of this rank in the kernel's map, for population
  /// kernels inner indices of the sums.
  AssemblyReport report;
  /// Of the numbers the data came from: 2⁻⁵³, or 2⁻²⁴ for a float32 file.
  double input_epsilon = 0x1p-53;
};

/// n × n infinite-width NNGP or NTK kernel of erf networks; kernel.input_dim is taken from the
/// data. A vector's inner products take O(dim) of memory-bounded chunks as assemble_mlp_kernel's
/// do.
/// @throws Error(deck) for other activations. Collective over the grid's parent.
ExtendedAssembly assemble_mlp_kernel_extended(const ProcessGrid& grid, std::int64_t block,
                                              MlpKernelOptions kernel, const DataRows& data,
                                              const AssemblyOptions& options = {});

/// d × d population covariance of linear and monomial features, S_ij = Σ_k k^-alpha w_ki w_kj
/// summed from the small end. No rounding of k^(-alpha/2): an oracle independent of factors.
/// @throws Error(deck) for other activations. Collective over the grid's parent.
ExtendedAssembly assemble_population_extended(const ProcessGrid& grid, std::int64_t block,
                                              const PopulationSpec& spec,
                                              const AssemblyOptions& options = {});

}  // namespace fathom
