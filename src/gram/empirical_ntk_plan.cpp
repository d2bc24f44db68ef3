#include "gram/empirical_ntk_plan.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr std::int64_t least_room = std::int64_t{1} << 24;  // doubles
constexpr std::int64_t most_travelling = std::int64_t{1} << 30;
constexpr std::int64_t longest_inner = 1024;
constexpr double shortest_inner = 64;
constexpr double longest_block_seconds = 10;
constexpr double outer_part = 0.75;  // of the room, where the outer side is not held as a whole
constexpr double clearly = 0.9;      // a count below this part of the other one decides

/// The local rows or columns of the busiest rank, and the ranks that share them.
struct LocalSide {
  std::int64_t extent, block;
  int sharing;
};

class Planner {
 public:
  Planner(const SignalSizes& sizes, const Distribution& d)
      : sizes_(sizes),
        rows_{d.rows.local_extent(0), d.rows.block(), d.cols.procs()},
        cols_{d.cols.local_extent(0), d.cols.block(), d.rows.procs()} {}

  bool alone() const { return rows_.sharing * cols_.sharing == 1; }

  EntkPlan plan(Movement movement, std::int64_t strip_wish, const MachineRates& rates) const {
    EntkPlan plan;
    plan.movement = movement;
    // A side that contains the other one, else the shorter one.
    plan.rows_outer = cols_.sharing == 1 || (rows_.sharing > 1 && rows_.extent <= cols_.extent);
    const LocalSide& outer = plan.rows_outer ? rows_ : cols_;
    const LocalSide& inner = plan.rows_outer ? cols_ : rows_;
    const std::int64_t room = this->room(movement);
    const std::int64_t least_inner = std::min<std::int64_t>(inner.extent, 256);
    if (doubles(outer, outer.extent) + doubles(inner, least_inner) <= room) {
      plan.outer = outer.extent;
      plan.inner = longest(inner, room - doubles(outer, outer.extent));
    } else {
      const auto part = static_cast<std::int64_t>(outer_part * static_cast<double>(room));
      plan.outer = longest(outer, part);
      plan.inner = longest(inner, room - part);
    }
    plan.inner = std::min({plan.inner, longest_inner, longest_in_time(plan.outer, rates)});
    if (strip_wish > 0) {
      plan.outer = std::min(plan.outer, strip_wish);
      plan.inner = std::min(plan.inner, strip_wish);
    }
    even(plan.outer, plan.outer_strips, outer.extent);
    even(plan.inner, plan.inner_strips, inner.extent);
    plan.copies = movement == Movement::in_place && plan.outer_strips == 1 && outer_contains(plan);
    plan.workspace_doubles = doubles(outer, plan.outer) + doubles(inner, plan.inner);
    return plan;
  }

  /// Making and moving of one rank, in seconds.
  double seconds(const EntkPlan& plan, const MachineRates& rates) const {
    const LocalSide& outer = plan.rows_outer ? rows_ : cols_;
    const LocalSide& inner = plan.rows_outer ? cols_ : rows_;
    const bool once = plan.movement == Movement::made_once;
    const auto made = [&](const LocalSide& side) {
      return static_cast<double>(samples(side, side.extent)) / (once ? side.sharing : 1);
    };
    const auto received = [&](const LocalSide& side) {
      return once ? static_cast<double>(doubles(side, side.extent)) * (side.sharing - 1) /
                        side.sharing
                  : 0.0;
    };
    const auto times = plan.copies ? 0.0 : static_cast<double>(plan.outer_strips);
    return (made(outer) + times * made(inner)) * sizes_.sample_flops / rates.flops_per_second +
           (received(outer) + times * received(inner)) * 8 / rates.bytes_per_second;
  }

 private:
  bool outer_contains(const EntkPlan& plan) const {
    return (plan.rows_outer ? cols_ : rows_).sharing == 1;
  }
  std::int64_t samples(const LocalSide& side, std::int64_t count) const {
    return samples_of_rows(count, sizes_.rows_a_sample, side.block);
  }
  std::int64_t doubles(const LocalSide& side, std::int64_t count) const {
    return sizes_.row_length * count + sizes_.sample_length * samples(side, count);
  }
  std::int64_t room(Movement movement) const {
    const std::int64_t room = std::max(rows_.extent * cols_.extent, least_room);
    return movement == Movement::made_once ? std::min(room, most_travelling) : room;
  }
  /// As many as fit, one at least.
  std::int64_t longest(const LocalSide& side, std::int64_t room) const {
    std::int64_t fits = 1, beyond = side.extent + 1;
    while (beyond - fits > 1) {
      const std::int64_t middle = fits + (beyond - fits) / 2;
      (doubles(side, middle) <= room ? fits : beyond) = middle;
    }
    return fits;
  }
  /// Inner indices whose products with the outer ones take longest_block_seconds.
  std::int64_t longest_in_time(std::int64_t outer, const MachineRates& rates) const {
    const double flops = longest_block_seconds * rates.flops_per_second;
    const double each = static_cast<double>(outer) * std::max(sizes_.entry_flops, 1.0);
    return static_cast<std::int64_t>(
        std::clamp(flops / each, shortest_inner, static_cast<double>(longest_inner)));
  }
  static void even(std::int64_t& length, std::int64_t& strips, std::int64_t extent) {
    strips = std::max<std::int64_t>(1, (extent + length - 1) / length);
    length = std::max<std::int64_t>(1, (extent + strips - 1) / strips);
  }

  SignalSizes sizes_;
  LocalSide rows_, cols_;
};

}  // namespace

std::int64_t samples_of_rows(std::int64_t rows, std::int64_t rows_a_sample, std::int64_t block) {
  // Each block touches two samples more than it fills, at most.
  const std::int64_t blocks = (rows + block - 1) / block + 1;
  return std::min(rows, rows / rows_a_sample + (rows_a_sample > 1 ? 2 * blocks : 0));
}

EntkPlan plan_empirical_ntk(const SignalSizes& sizes, const Distribution& distribution,
                            Movement wish, std::int64_t strip_wish, const MachineRates& rates) {
  FATHOM_ASSERT(strip_wish >= 0 && sizes.row_length + sizes.sample_length > 0,
                "strips of {}, signals of {} + {}", strip_wish, sizes.sample_length,
                sizes.row_length);
  const Planner planner(sizes, distribution);
  const EntkPlan in_place = planner.plan(Movement::in_place, strip_wish, rates);
  const EntkPlan made_once = planner.plan(Movement::made_once, strip_wish, rates);
  const double in_place_seconds = planner.seconds(in_place, rates);
  const double made_once_seconds = planner.seconds(made_once, rates);

  Movement movement = wish;
  if (wish == Movement::automatic)
    movement = !planner.alone() && made_once_seconds < clearly * in_place_seconds
                   ? Movement::made_once
                   : Movement::in_place;
  EntkPlan plan = movement == Movement::made_once ? made_once : in_place;
  plan.in_place_seconds = in_place_seconds;
  plan.made_once_seconds = made_once_seconds;
  plan.reason = fmt::format(
      "{}{}; counted a rank: in place {:.3g} s, made once and moved {:.3g} s; {} {} at a time "
      "against {} {}",
      name(movement), wish == Movement::automatic ? "" : " as asked", in_place_seconds,
      made_once_seconds, plan.outer, plan.rows_outer ? "rows" : "columns", plan.inner,
      plan.rows_outer ? "columns" : "rows");
  return plan;
}

}  // namespace fathom
