#pragma once

// How signals come to the block that needs them, chosen by counted cost. Pure.

#include "dist/distribution.hpp"
#include "gram/signal_source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fathom {

enum class Movement {
  automatic,
  in_place,   ///< each rank makes the signals of its own local rows and columns; nothing travels
  made_once,  ///< each rank makes its share of a chunk; panels travel along grid rows and columns
};
const char* name(Movement movement);
std::optional<Movement> parse_movement(std::string_view text);  ///< "auto", "in_place", "made_once"

/// Rates by which costs are weighed: of one rank, in round numbers of a present core and a shared
/// network. Only the choice of movement depends on them.
struct MachineRates {
  double flops_per_second = 4e10;
  double bytes_per_second = 2e9;
};

/// The choice, with the counted seconds of one rank behind it.
struct MovementPlan {
  Movement movement = Movement::in_place;
  std::int64_t chunk = 1;              ///< inner indices at a time, the same on every rank
  bool hold = false;                   ///< whether the source may keep what it asks for
  double in_place_seconds = 0;         ///< making, with what is made twice
  double made_once_seconds = 0;        ///< making once and moving
  std::int64_t workspace_doubles = 0;  ///< the largest extra memory of one rank
  std::string reason;
};

/// The part of the local rows of a grid row whose signals the rank in grid column mycol makes,
/// where each is made once: contiguous, equal but for one.
struct Share {
  std::int64_t first = 0, count = 0;
};
Share local_share(std::int64_t local_rows, int npcol, int mycol);

/// wish and chunk_wish (0 = by memory) are the user's. The chunks' workspace
/// stays below a quarter of a rank's share of the matrix, or what chunks of 256 (of the whole inner
/// length, if shorter) need. A source may hold up to one share, and then the chunks take 0.15: all
/// of it is free again before a solver takes its own share.
MovementPlan plan_movement(const SignalSource& source, const Distribution& distribution,
                           Movement wish, std::int64_t chunk_wish, const MachineRates& rates = {});

}  // namespace fathom
