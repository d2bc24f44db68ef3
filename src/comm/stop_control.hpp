#pragma once

// Whether a run is to end before it is done: what lower rooms ask at their safe points, where
// nothing is half-made. Handed down from the run room.

#include "comm/communicator.hpp"

#include <limits>
#include <string>

namespace fathom {

/// When a run must be over.
struct TimeLimit {
  double seconds_left = std::numeric_limits<double>::infinity();  ///< infinite: no limit
  double reserve = 0;                                             ///< of these, for an end in order
  std::string name;                                               ///< "the wall limit of 30m"
};

class StopControl {
 public:
  virtual ~StopControl() = default;

  /// Someone wants the run to end, or its time is nearly over. Once true it stays true. Local, and
  /// cheap enough to be asked before every step of a training.
  virtual bool asked() noexcept = 0;
  /// Who or what, in words: "SIGUSR1". @pre asked(). Local.
  virtual std::string reason() = 0;
  /// As this rank sees it. Local.
  virtual TimeLimit limit() const = 0;

  /// Whether all ranks end here: any of them was asked to, or what comes next takes `needed`
  /// seconds (the root's number counts) and so many are not left. `what` names it: "the solve".
  /// Where true, why() says the reason on every rank. Collective.
  bool ends_here(const Communicator& comm, double needed = 0, const std::string& what = {});
  /// The reason of the last ends_here() that was true. Local.
  const std::string& why() const { return why_; }
  /// Ends the run: AgreedError(checkpointed) with why(). To be called on every rank, when all that
  /// is to be kept is kept. @pre ends_here() was true. Local.
  [[noreturn]] void end() const;

 private:
  std::string why_;
};

}  // namespace fathom
