#pragma once

// What a plan has to know of a network: its tangent kernel, the data that stand whole on every
// rank, and its training where it is trained.

#include "deck/deck.hpp"
#include "gram/empirical_ntk_counts.hpp"
#include "studies/input_shapes.hpp"

#include <cstdint>
#include <optional>

namespace fathom {

struct TrainingShape {
  int number_bytes = 8, moments = 0;
  std::int64_t batch = 0, steps = 0;
  std::int64_t snapshots = 0;
  std::int64_t lanczos_steps = 0, trace_probes = 0;  ///< of the checks of a snapshot
};

struct NetworkShape {
  EntkCounts kernel;  ///< of the study's samples and outputs
  /// Bytes on every rank: the data in each precision they stand in, and inputs of the kernel.
  double data_bytes = 0;
  double stored_doubles = 0;              ///< features of a file, which travel while they are read
  std::optional<TrainingShape> training;  ///< none: a kernel at the initial values
};

/// Of a point with kernel.type = "network". Error(deck) where the study's samples, positions or
/// classes are beyond the data. Local.
NetworkShape network_shape(const Deck& deck, const InputShapes& inputs);

}  // namespace fathom
