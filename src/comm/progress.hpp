#pragma once

// What lower rooms may tell of a run in progress, and where its time goes. Handed down from the run
// room.

#include "base/timer.hpp"
#include "comm/communicator.hpp"

#include <string>
#include <vector>

namespace fathom {

/// Receives what a run says. Called on every rank; only the root prints.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void note(const std::string& line) = 0;
  virtual void warn(const std::string& line) = 0;
  /// A long phase begins or ends: status.json and the heartbeat follow it.
  virtual void begin(const std::string& phase) = 0;
  virtual void end(const std::string& phase, double seconds) = 0;
  /// How far the innermost phase is, in whatever it counts. Cheap: may be called at every step.
  virtual void advance(double /*done*/, double /*total*/) {}
};

/// Seconds and flops of one named phase over all ranks.
struct PhaseTime {
  std::string name;
  double min = 0, mean = 0, max = 0;  ///< seconds over ranks
  double flops = 0;                   ///< of all ranks together; 0 where nothing is counted
};

/// Accumulates the phases of this rank, in the order in which they first occur.
class PhaseClock {
 public:
  explicit PhaseClock(Progress& progress) : progress_(progress) {}
  /// flops: of all ranks together, the same number on every rank.
  void add(const std::string& phase, double seconds, double flops = 0);
  /// Runs the action as a phase: begin, time, end.
  template <class Action>
  auto run(const std::string& phase, Action&& action) {
    Scope scope(*this, phase);
    return action();
  }
  /// Flops a second of all ranks together in a phase so far; 0 where nothing is counted. Local.
  double rate(const std::string& phase) const;
  std::vector<PhaseTime> reduce(const Communicator& comm) const;  ///< collective

 private:
  struct Scope {
    Scope(PhaseClock& clock, std::string phase) : clock_(clock), phase_(std::move(phase)) {
      clock_.progress_.begin(phase_);
    }
    ~Scope() {
      clock_.add(phase_, timer_.seconds());
      clock_.progress_.end(phase_, timer_.seconds());
    }
    PhaseClock& clock_;
    std::string phase_;
    Timer timer_;
  };
  struct Entry {
    std::string name;
    double seconds = 0, flops = 0;
  };
  Progress& progress_;
  std::vector<Entry> entries_;
};

}  // namespace fathom
