#pragma once

// From a deck to the operator it asks for: the kernel's matrix as something to multiply with.

#include "dist/interfaces.hpp"
#include "studies/context.hpp"

#include <memory>

namespace fathom {

/// The matrix of [kernel] on [data] as study.matrix wants it: assembled, a factor held in memory,
/// or a factor made again for every product. Holds everything it refers to. The plan goes to the
/// context's log and the outcome. Error(deck), Error(input), Error(no_fit). Collective.
std::unique_ptr<LinearOperator> make_operator(const StudyContext& context, const Deck& deck,
                                              StudyOutcome& outcome);

}  // namespace fathom
