#pragma once

// What a study is given, and what it gives back for the end of the log.

#include "comm/progress.hpp"
#include "comm/stop_control.hpp"
#include "deck/deck.hpp"
#include "eigen/certified.hpp"
#include "store/checkpoint.hpp"
#include "store/run_file.hpp"
#include "studies/input_shapes.hpp"
#include "studies/machine_model.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace fathom {

struct StudyContext {
  const Communicator& world;
  const Deck& deck;
  Progress& progress;
  PhaseClock& clock;
  RunFile& file;
  StopControl& stop;
  Checkpoint& checkpoint;  ///< keys of a point begin with point_key()
  /// Called after each point, on every rank; local.
  std::function<void(std::int64_t done, std::int64_t total)> point_done;
  /// Of the files that the deck names, and what a rank may take of memory above the empty program,
  /// as the plan was made with them.
  const InputShapes& inputs;
  double memory_a_rank;
  const MachineModel& machine;  ///< the root's calibration, else default rates
};

/// What comes next, and how long it takes.
struct Foreseen {
  double seconds = 0;  ///< 0: not known, or hardly any; the root's number counts
  std::string what;    ///< "the solve"
};

struct StudyOutcome {
  Verdict certificate = Verdict::pass;  ///< the worst of all spectra
  std::vector<std::string> verdicts;    ///< what was found, a sentence each
  std::vector<std::string> lines;       ///< a line a point: kernel, n, trusted count, certificate
  bool diverged = false;  ///< a training ended in NaN or infinities: the run ends with that code
  GridShape grid;         ///< of the last solve
  std::int64_t block = 0;
  double matrix_bytes = 0;  ///< of the largest matrix, on the fullest rank
  /// As planned, of the stages that came: on the fullest rank, above what the program takes empty.
  double predicted_peak_bytes = 0;
};

/// One run of a sweep, or the whole run where nothing is swept.
struct StudyPoint {
  std::size_t index = 0;  ///< of the points of the deck
  std::string group;      ///< "" (the root) or "sweep/0001"
  std::string label;      ///< short, for legends: "p = 2, seed 3"
  std::vector<std::pair<std::string, std::string>> set;
  Deck deck;
};

/// "point-0001", under which the checkpoint keeps what belongs to a point. Pure.
std::string point_key(const StudyPoint& point);

/// Pure; the same on every rank.
std::vector<StudyPoint> study_points(const Deck& deck);

/// The table /sweep/points and the attributes of every point's group; nothing without a sweep.
/// Local.
void write_points(RunFile& file, const std::vector<StudyPoint>& points);

/// What a study keeps of a point for its last words, taken when the point is done and given back
/// where a run goes on. Either may be empty. Local.
struct PointMemory {
  std::function<Record()> take;
  std::function<void(const Record&)> give;
};

/// A place where nothing is half-made: ends the run where it is asked to, or where the time left is
/// less than what comes next takes; AgreedError(checkpointed). Collective over the context's world.
void safe_point(const StudyContext& context, const Foreseen& next = {});

/// The points of the deck one after another, their table in the file. Collective.
///
/// Of a sweep, every point that is done is kept in the checkpoint: what it wrote to the file, the
/// outcome so far, and what the study itself keeps of it (`memory`). Those are not run again.
StudyOutcome run_every_point(
    const StudyContext& context,
    const std::function<void(const StudyContext&, const StudyPoint&, StudyOutcome&)>& run_point,
    const PointMemory& memory = {});

/// Runs the study that the deck names. Collective.
StudyOutcome run_study(const StudyContext& context);

}  // namespace fathom
