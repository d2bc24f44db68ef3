#pragma once

// The kernel's entry map over an assembled lower triangle, with the error estimate that goes with
// it.

#include "gram/gram_assembler.hpp"
#include "kernels/entry_map.hpp"

#include <span>

namespace fathom {

/// Upper estimate of ‖δS‖₂ for the products alone: ε L tr S (rounding.hpp). Collective.
double product_error(const GramAssembler& assembler);

/// Replaces the pair quantities of the lower triangle by the kernel's entries, the diagonal exactly
/// from the scalars (replicated, one an item). A squared chord with its sign bit set is one that
/// was summed from differences: its magnitude counts, and its error is relative to itself. Returns
/// the upper estimate of ‖δK‖₂: rounding of the products times the map's slope, of the scalars, of
/// the map, and the truncation of its series. Collective over the grid's parent.
double apply_entry_map(GramAssembler& assembler, const EntryMap& map,
                       std::span<const double> scalar);

}  // namespace fathom
