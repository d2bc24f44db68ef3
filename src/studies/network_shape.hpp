#pragma once

// What a plan has to know of a network in training.

#include "studies/problem_shape.hpp"

namespace fathom {

/// Of a point with kernel.type = "network". Error(deck) where the study's samples, positions or
/// classes are beyond the data. Local.
NetworkShape network_shape(const Deck& deck, const InputShapes& inputs);

}  // namespace fathom
