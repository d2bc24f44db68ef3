#pragma once

// What is done with the modes of all levels when a cascade has ended.

#include "eigen/cascade.hpp"

namespace fathom {

/// Values of a head that stand among those of later levels share their errors: which of them is the
/// j-th is not known better than that. Modes in the order of the levels. Pure.
void share_interleaved_errors(CascadeResult& result);

/// Modes and vectors by falling singular value; left vectors orthonormalised in that order.
/// Collective over the grid's parent.
void sort_modes(CascadeResult& result);

}  // namespace fathom
