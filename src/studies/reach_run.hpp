#pragma once

// One run of the study "spectral_reach" as it is written, and what is said of all of them.

#include "studies/chosen_outputs.hpp"
#include "studies/frozen_flow.hpp"
#include "studies/kernel_moment.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace fathom {

struct ReachRun {
  std::string size_name;  ///< "width", "features"
  double size = 0;
  std::int64_t seed = 0;
  std::string series;  ///< what else is swept, in words; runs of one series are compared over sizes
  std::int64_t parameters = 0, samples = 0, classes = 1;
  std::string optimiser, model, data;
  double best_loss = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> losses;  ///< of the batch before every step; empty for closed-form flows
  std::vector<KernelMoment> moments;
  std::vector<FrozenCurve> frozen;
  std::vector<std::string> groups;  ///< of cross_decrease
  ChosenOutputs outputs;            ///< of a network, that the moments are of
  std::int64_t diverged_at = -1;
  std::vector<DepthSnapshot> depth;  ///< of every moment, at the share of the study

  /// Fills `depth` and gives back the spectra of the moments, of which nothing else is needed once
  /// they are written. Local.
  void keep_depths(double share);
  std::vector<double> compute() const;
  std::vector<double> times() const;
  std::vector<double> snapshot_losses() const;
};

/// POINT/training, POINT/outputs, POINT/reach_snapshots, POINT/frozen and the attributes of the
/// point. Local.
void write_reach_run(const RunGroup& point, const ReachRun& run);

/// /reach: reach, final loss and feature learning against size, over seeds, at equal compute; its
/// sentences. Nothing to write where a deck sweeps no size, or more than one series. Local.
/// @pre keep_depths was called on each, with this share
std::vector<std::string> summarise_reach(RunFile& file, const std::vector<ReachRun>& runs,
                                         double share, double confidence);

/// One sentence on a run. Pure. @pre as above
std::string reach_sentence(const ReachRun& run, double share);

}  // namespace fathom
