#pragma once

// The empirical neural tangent kernel of a finite network at given parameters, K = J Jᵀ,
// J = ∂f/∂θ (Jacot et al. 2018; THEORY.md 1.3): as a block-cyclic matrix, as a factor and as an
// operator. Gradients of linear layers are never formed where products of their signals are
// cheaper: K_rr' = Σ_layers Σ_ts (a_t·a_s)(b_t·b_s), a the inputs of a layer, b = ∂f/∂z.

#include "dist/interfaces.hpp"
#include "gram/assembly.hpp"
#include "gram/network_inputs.hpp"
#include "networks/network.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fathom {

enum class NtkKind {
  all_outputs,     ///< rows (sample, choice): row = choice + choices·sample
  trace_kernel,    ///< Σ_c K_cc / choices, n × n
  sum_of_outputs,  ///< of the sum of the chosen outputs, n × n
};
const char* name(NtkKind kind);

/// What the kernel is of. Everything referred to is the same on every rank and outlives what is
/// made from it.
struct EmpiricalNtk {
  const Network<double>& network;
  std::span<const double> parameters;
  const NetworkInputs& samples;
  std::vector<OutputChoice> outputs;  ///< of every sample; at least one, none twice
  NtkKind kind = NtkKind::all_outputs;

  std::int64_t choices() const { return std::ssize(outputs); }
  /// Rows of K that one sample has.
  std::int64_t rows_a_sample() const { return kind == NtkKind::all_outputs ? choices() : 1; }
  std::int64_t order() const { return samples.samples() * rows_a_sample(); }
  /// Rows of the factor: parameters, once for each choice where the kernel is a sum over choices.
  std::int64_t factor_rows() const {
    return network.parameters() * (kind == NtkKind::trace_kernel ? choices() : 1);
  }
};

/// All outputs of a network, position by position.
std::vector<OutputChoice> every_output(const Network<double>& network);

/// The kernel and its data in the words of results, and how K is scaled.
std::string empirical_ntk_text(const EmpiricalNtk& ntk);
std::string empirical_ntk_normalization(const EmpiricalNtk& ntk);

/// Of a movement (assembly.hpp) only the meaning of what is made differs: signals of samples,
/// options.chunk rows of K at a time. In made once the ranks of a grid row share the samples of
/// their rows, those of a grid column the samples of their columns. A rank keeps at most one share
/// of the matrix in signals, or 128 MiB. The keeper is asked after each block of two strips; what
/// it kept in the same layout leads to the same bits. Error(no_fit) where memory ends. Collective
/// over the grid's parent.
Assembly assemble_empirical_ntk(const ProcessGrid& grid, std::int64_t block,
                                const EmpiricalNtk& ntk, const AssemblyOptions& options = {});

struct EntkFactorOptions {
  /// Signals of a rank's columns are kept between chunks where they need no more than this;
  /// otherwise they are made again for every chunk.
  std::int64_t hold_bytes = std::int64_t{1} << 28;
};

/// F = Jᵀ, parameters × rows of K, in the order of the network's parameter vector; of the sum of
/// outputs summed over the choices; of the trace kernel one such factor for each choice below the
/// other, over √choices. Local.
std::unique_ptr<FactorSource> empirical_ntk_factor(const EmpiricalNtk& ntk,
                                                   const EntkFactorOptions& options = {});

struct EntkOperatorOptions {
  /// Of a rank: forward passes are kept where they fit half of it, directions in parameter space
  /// take the rest (one at least).
  std::int64_t workspace_bytes = std::int64_t{1} << 29;
  std::int64_t batch = 0;  ///< samples of a pass; 0: 128, or fewer
};

/// y = J(Jᵀx) without a matrix: samples dealt over the ranks, one backward pass, one sum of the
/// parameters' directions over the ranks, one forward differentiation. The forward passes of a rank
/// are made once and kept, or made for every product. Collective.
std::unique_ptr<LinearOperator> empirical_ntk_operator(const Communicator& comm,
                                                       const EmpiricalNtk& ntk,
                                                       const EntkOperatorOptions& options = {});

}  // namespace fathom
