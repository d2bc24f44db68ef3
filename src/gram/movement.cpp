#include "gram/movement.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fathom {
namespace {

// Parts of a rank's share of the matrix.
constexpr double chunk_part = 0.25;
constexpr double chunk_part_beside_held = 0.15;
constexpr double held_part = 1.0;
constexpr std::int64_t shortest_chunk = 256;
constexpr std::int64_t longest_chunk = 1024;
constexpr double clearly = 0.9;  // a count below this part of the other one decides

/// Signals of one inner index that the busiest rank makes or receives.
struct Panels {
  double rows, cols;  // local rows and columns of the busiest rank
  int nprow, npcol;

  explicit Panels(const Distribution& d)
      : rows(static_cast<double>(d.rows.local_extent(0))),
        cols(static_cast<double>(d.cols.local_extent(0))),
        nprow(d.rows.procs()),
        npcol(d.cols.procs()) {}

  bool contained() const { return nprow == 1 || npcol == 1; }
  double made_in_place() const { return contained() ? std::max(rows, cols) : rows + cols; }
  double made_once() const { return rows / npcol; }
  double received() const { return rows - rows / npcol + (nprow > 1 ? cols : 0.0); }
};

double workspace_per_inner(const Panels& p, Movement movement) {
  // Beside the two panels: what is packed for and received from the grid column.
  const bool packs = movement == Movement::made_once && p.nprow > 1;
  return p.rows + p.cols + (packs ? 2 * p.cols : 0.0);
}

/// Chunks of equal length, the length a multiple of 8 where there are several.
std::int64_t even_chunk(std::int64_t longest, std::int64_t inner) {
  if (longest >= inner) return inner;
  const std::int64_t most = longest / 8 * 8;
  const std::int64_t chunks = (inner + most - 1) / most;
  return ((inner + chunks - 1) / chunks + 7) / 8 * 8;
}

std::int64_t chunk_by_memory(double room, double per_inner, std::int64_t inner) {
  const auto fits = static_cast<std::int64_t>(room / std::max(1.0, per_inner));
  const std::int64_t longest = std::clamp(fits, shortest_chunk, longest_chunk);
  return even_chunk(longest, inner);
}

void decide(MovementPlan& plan, const SignalSource& source, Movement wish, int ranks) {
  const std::string counted =
      fmt::format("counted a rank: in place {:.3g} s, made once and moved {:.3g} s",
                  plan.in_place_seconds, plan.made_once_seconds);
  if (!source.anywhere()) {
    plan.movement = Movement::made_once;
    plan.reason = "made once: each signal is held by one rank";
    if (wish == Movement::in_place) plan.reason += "; in_place as asked is not possible";
  } else if (wish != Movement::automatic) {
    plan.movement = wish;
    plan.reason = fmt::format("{} as asked; {}", name(wish), counted);
  } else if (ranks == 1) {
    plan.movement = Movement::in_place;
    plan.reason = "in_place: one rank";
  } else {
    const bool once = plan.made_once_seconds < clearly * plan.in_place_seconds;
    plan.movement = once ? Movement::made_once : Movement::in_place;
    plan.reason = fmt::format("{}; {}", name(plan.movement), counted);
  }
}

}  // namespace

const char* name(Movement movement) {
  switch (movement) {
    case Movement::automatic:
      return "auto";
    case Movement::in_place:
      return "in_place";
    case Movement::made_once:
      return "made_once";
  }
  return "?";
}

std::optional<Movement> parse_movement(std::string_view text) {
  for (const Movement m : {Movement::automatic, Movement::in_place, Movement::made_once})
    if (text == name(m)) return m;
  return std::nullopt;
}

Share local_share(std::int64_t local_rows, int npcol, int mycol) {
  const std::int64_t first = local_rows * mycol / npcol;
  return {first, local_rows * (mycol + 1) / npcol - first};
}

MovementPlan plan_movement(const SignalSource& source, const Distribution& distribution,
                           Movement wish, std::int64_t chunk_wish, const MachineRates& rates) {
  const Panels panels(distribution);
  const std::int64_t inner = source.inner();
  FATHOM_ASSERT(inner >= 1 && source.items() == distribution.rows.extent() && chunk_wish >= 0,
                "{} signals of length {} for a matrix of {}, chunk {}", source.items(), inner,
                distribution.rows.extent(), chunk_wish);
  const auto length = static_cast<double>(inner);
  const SignalCost cost = source.cost();
  const double value_seconds = cost.flops / rates.flops_per_second + cost.seconds;

  MovementPlan plan;
  plan.in_place_seconds = panels.made_in_place() * length * value_seconds;
  plan.made_once_seconds = panels.made_once() * length * value_seconds +
                           panels.received() * length * 8.0 / rates.bytes_per_second;
  decide(plan, source, wish, panels.nprow * panels.npcol);

  const double share = panels.rows * panels.cols;
  const double held = static_cast<double>(source.held_per_item()) *
                      (plan.movement == Movement::in_place ? panels.made_in_place()
                                                           : std::ceil(panels.made_once()));
  plan.hold = held > 0 && held <= held_part * share;
  const double room = (plan.hold ? chunk_part_beside_held : chunk_part) * share;
  const double per_inner = workspace_per_inner(panels, plan.movement) +
                           static_cast<double>(source.workspace_per_inner());
  plan.chunk =
      chunk_wish > 0 ? std::min(chunk_wish, inner) : chunk_by_memory(room, per_inner, inner);
  plan.workspace_doubles = static_cast<std::int64_t>(per_inner) * plan.chunk +
                           (plan.hold ? static_cast<std::int64_t>(held) : 0);
  return plan;
}

}  // namespace fathom
