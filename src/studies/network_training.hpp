#pragma once

// The training of the networks of a sweep: all ranks on one network after another, each snapshot
// studied as it comes; or groups of ranks on networks of their own, their snapshots kept until all
// ranks study them together, where a counted cost says that this is done sooner.

#include "studies/context.hpp"
#include "studies/kept_training.hpp"
#include "studies/trained_model.hpp"
#include "training/model_groups.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace fathom {

/// What a training leaves beside its snapshots.
struct TrainingRecord {
  std::vector<double> losses;     ///< before each step taken, of its batch
  std::int64_t diverged_at = -1;  ///< step before which loss or parameters are past return
  std::int64_t samples = 0;       ///< seen by this run, repeated ones too; not by earlier ones
  bool stopped = false;           ///< asked to end before its last step
};

/// Called on every rank; may be collective.
using SnapshotObserver = std::function<void(const ParameterSnapshot&)>;

/// Trains a point's network from the initial parameters of its seed on the ranks of
/// context.world, or goes on from where the checkpoint says; snapshots that were taken before come
/// from there. A loss that has grown by 1e12 ends it as a diverged one: no training comes back from
/// there, and the kernel's squares soon overflow. Where context.stop asks any rank, it ends before
/// the next step, kept, and the record says so. Errors: train, Checkpoint. Collective.
TrainingRecord train_network(const StudyContext& context, const StudyPoint& point,
                             const TrainedModel& model, const TrainingOptions& options,
                             const SnapshotObserver& observer);

/// The trainings of a study's points, asked for one after another, in order.
class SweepTraining {
 public:
  /// Points without a network count for nothing. Error(deck), Error(input). Collective.
  explicit SweepTraining(const StudyContext& context);

  /// Trains the network of one point; where its group has trained it already, its snapshots come
  /// from there. Phases and flops go to the context's clock. Errors: train; one of a group is seen
  /// by all ranks when the other groups have done their part. Collective.
  /// @pre the model and the options are of this point
  TrainingRecord train(const StudyPoint& point, const TrainedModel& model,
                       const TrainingOptions& options, const SnapshotObserver& observer);

  /// The most that a rank has held of snapshots that wait to be studied. Local.
  double held_bytes() const { return held_bytes_; }

 private:
  struct Demand {
    std::size_t point = 0;
    ModelCost cost;
    double kept_bytes = 0;  ///< of its snapshots
  };
  /// Filled on the first rank of the group that trained it.
  struct Kept {
    int owner = 0;  ///< rank of the world
    TrainingRecord record;
    std::vector<ParameterSnapshot> snapshots;
  };

  TrainingRecord train_alone(const StudyPoint& point, const TrainedModel& model,
                             const TrainingOptions& options, const SnapshotObserver& observer);
  /// The next networks, as many as fit into memory by their snapshots, by groups if that is faster.
  void train_wave();
  void train_in_groups(const std::vector<Demand>& wave, const MyModels& mine);
  TrainingRecord hand_out(const Kept& kept, std::int64_t parameters,
                          const SnapshotObserver& observer) const;

  const StudyContext& context_;
  std::vector<StudyPoint> points_;
  std::vector<Demand> demands_;
  /// Demands before this one are trained, or all ranks are to train them.
  std::size_t planned_ = 0;
  double held_bytes_ = 0;
  std::map<std::size_t, Kept> kept_;  ///< by point; on every rank, if with nothing in it
};

}  // namespace fathom
