#pragma once

// From a deck to the operator it asks for: the kernel's matrix as something to multiply with.

#include "dist/interfaces.hpp"
#include "studies/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace fathom {

/// What a study multiplies with.
struct StudyOperator {
  std::unique_ptr<LinearOperator> a;  ///< holds everything it refers to
  /// Where the matrix was assembled: keeps it for a run that goes on, where what comes next takes
  /// longer than the interval between two keeps. Else nothing happens. Error(io). Collective.
  std::function<void(const Foreseen& next)> keep_before;
  /// The same in any case.
  std::function<void()> keep;
};

/// The matrix of [kernel] on [data] as study.matrix wants it: assembled, a factor held in memory,
/// or a factor made again for every product. The plan goes to the context's log and the outcome.
/// `key`: of the point, under which the checkpoint keeps what is assembled. Error(deck),
/// Error(input), Error(no_fit). Collective.
StudyOperator make_operator(const StudyContext& context, const Deck& deck, const std::string& key,
                            StudyOutcome& outcome);

}  // namespace fathom
