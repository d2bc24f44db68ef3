#pragma once

// A training in the checkpoint: its state, from which the same bits follow, and the parameters of
// every snapshot that was taken.

#include "base/timer.hpp"
#include "comm/communicator.hpp"
#include "store/checkpoint.hpp"
#include "training/trainer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fathom {

/// A network in training, before the step that `step` numbers.
struct ParameterSnapshot {
  std::int64_t step = 0;
  double time = 0;     ///< Σ learning rates
  double compute = 0;  ///< flops of training, 6·N·D
  std::vector<double> parameters;
};

/// Where a training stands.
template <class T>
struct TrainingProgress {
  TrainingState<T> state;
  std::vector<double> losses;        ///< before each step taken
  std::optional<double> first_loss;  ///< of the first snapshot
  std::int64_t diverged_at = -1;
  bool ended = false;  ///< no step follows
};

/// One training under "KEY.training" and "KEY.snapshot-0001" …, written by the first rank of the
/// communicator that trains it.
class KeptTraining {
 public:
  /// interval: seconds between two records where no snapshot comes.
  KeptTraining(Checkpoint& checkpoint, std::string key, double interval)
      : checkpoint_(checkpoint), key_(std::move(key)), interval_(interval) {}

  /// What was kept, the same on every rank; none before the first record. Error(input). Collective.
  template <class T>
  std::optional<TrainingProgress<T>> find(const Communicator& comm);
  /// Snapshot number `index` from 0. Error(input). Collective.
  std::optional<ParameterSnapshot> find_snapshot(const Communicator& comm, std::size_t index);

  /// Error(io). Collective.
  template <class T>
  void keep(const Communicator& comm, const TrainingProgress<T>& progress);
  void keep_snapshot(const Communicator& comm, std::size_t index,
                     const ParameterSnapshot& snapshot);

  bool on() const { return checkpoint_.on(); }
  /// Whether the interval is over. Local.
  bool due() const { return checkpoint_.on() && since_.seconds() >= interval_; }
  /// Keeps between two snapshots: where that fails the record before stands, and the next keep()
  /// tells. Local; for the first rank.
  template <class T>
  void keep_quietly(const TrainingProgress<T>& progress) noexcept;

 private:
  Checkpoint& checkpoint_;
  std::string key_;
  double interval_;
  Timer since_;
};

}  // namespace fathom
