#include "gram/triangle_parts.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace fathom {
namespace {

constexpr std::size_t numbers_a_part = 4;

bool inside(const IndexRange& range, std::int64_t n) {
  return 0 <= range.first && range.first <= range.end && range.end <= n;
}

}  // namespace

std::int64_t TrianglePart::elements() const {
  const TrianglePart part = trimmed();
  const std::int64_t rectangle = part.rows.count() * part.cols.count();
  // Columns from the first row on lose what is above the diagonal: 0, 1, 2, … elements.
  const std::int64_t crossed = std::max<std::int64_t>(0, part.cols.end - part.rows.first);
  return rectangle - crossed * (crossed - 1) / 2;
}

TrianglePart TrianglePart::trimmed() const {
  const IndexRange r{std::max(rows.first, cols.first), rows.end};
  const IndexRange c{cols.first, std::min(cols.end, rows.end)};
  if (r.count() <= 0 || c.count() <= 0) return {};
  return {r, c};
}

TrianglePart whole_triangle(std::int64_t n) {
  return {{0, n}, {0, n}};
}

std::int64_t PartSteps::Side::strips() const {
  std::int64_t longest = 0;
  for (int p = 0; p < axis.procs(); ++p)
    longest = std::max(longest, axis.lower_bound(GlobalIndex(range.end), p).value() -
                                    axis.lower_bound(GlobalIndex(range.first), p).value());
  return std::max<std::int64_t>(1, (longest + length - 1) / length);
}

IndexRange PartSteps::Side::strip(std::int64_t number, int proc) const {
  const std::int64_t first = axis.lower_bound(GlobalIndex(range.first), proc).value();
  const std::int64_t end = axis.lower_bound(GlobalIndex(range.end), proc).value();
  return {std::min(first + number * length, end), std::min(first + (number + 1) * length, end)};
}

std::int64_t PartSteps::Side::first_beyond(std::int64_t strips) const {
  std::int64_t first = range.end;
  for (int p = 0; p < axis.procs(); ++p) {
    const std::int64_t local = strip(strips, p).first;
    if (local < axis.local_extent(p))
      first = std::min(first, axis.global(LocalIndex(local), p).value());
  }
  return first;
}

std::int64_t PartSteps::Side::last_of(std::int64_t number) const {
  std::int64_t last = -1;
  for (int p = 0; p < axis.procs(); ++p)
    if (const IndexRange s = strip(number, p); s.count() > 0)
      last = std::max(last, axis.global(LocalIndex(s.end - 1), p).value());
  return last;
}

std::int64_t PartSteps::Side::first_of(std::int64_t number) const {
  std::int64_t first = axis.extent();
  for (int p = 0; p < axis.procs(); ++p)
    if (const IndexRange s = strip(number, p); s.count() > 0)
      first = std::min(first, axis.global(LocalIndex(s.first), p).value());
  return first;
}

PartSteps::PartSteps(const Distribution& distribution, const TrianglePart& part,
                     const StripOrder& order)
    : rows_outer_(order.rows_outer),
      outer_{order.rows_outer ? distribution.rows : distribution.cols,
             order.rows_outer ? part.rows : part.cols, order.outer},
      inner_{order.rows_outer ? distribution.cols : distribution.rows,
             order.rows_outer ? part.cols : part.rows, order.inner},
      outer_strips_(outer_.strips()),
      inner_strips_(inner_.strips()) {
  FATHOM_ASSERT(order.outer >= 1 && order.inner >= 1, "strips of {} and {}", order.outer,
                order.inner);
}

IndexRange PartSteps::outer(std::int64_t strip, int proc) const {
  return outer_.strip(strip, proc);
}

IndexRange PartSteps::inner(std::int64_t strip, int proc) const {
  return inner_.strip(strip, proc);
}

bool PartSteps::needed(std::int64_t outer, std::int64_t inner) const {
  return rows_outer_ ? outer_.last_of(outer) >= inner_.first_of(inner)
                     : inner_.last_of(inner) >= outer_.first_of(outer);
}

std::vector<TrianglePart> PartSteps::left_after(std::int64_t done) const {
  const auto part = [&](const IndexRange& outer, const IndexRange& inner) {
    return rows_outer_ ? TrianglePart{outer, inner} : TrianglePart{inner, outer};
  };
  const std::int64_t strips = done / inner_strips_, begun = done % inner_strips_;
  const std::int64_t first = outer_.first_beyond(strips);
  std::int64_t next = first;
  std::vector<TrianglePart> left;
  if (begun > 0) {
    next = outer_.first_beyond(strips + 1);
    left.push_back(part({first, next}, {inner_.first_beyond(begun), inner_.range.end}));
  }
  left.push_back(part({next, outer_.range.end}, inner_.range));
  for (TrianglePart& p : left)
    p = p.trimmed();
  std::erase_if(left, [](const TrianglePart& p) { return p.elements() == 0; });
  return left;
}

std::int64_t TriangleProgress::done(const Distribution& distribution,
                                    const StripOrder& order) const {
  std::int64_t missing = 0;
  for (const TrianglePart& part : elsewhere(distribution, order).left)
    missing += part.elements();
  return whole_triangle(distribution.rows.extent()).elements() - missing;
}

TriangleProgress TriangleProgress::elsewhere(const Distribution& distribution,
                                             const StripOrder& order) const {
  if (left.empty()) return {};
  TriangleProgress all{PartSteps(distribution, left.front(), order).left_after(steps), 0};
  all.left.insert(all.left.end(), left.begin() + 1, left.end());
  return all;
}

std::vector<std::int64_t> TriangleProgress::numbers() const {
  std::vector<std::int64_t> all{steps};
  for (const TrianglePart& part : left)
    all.insert(all.end(), {part.rows.first, part.rows.end, part.cols.first, part.cols.end});
  return all;
}

std::optional<TriangleProgress> TriangleProgress::from(std::span<const std::int64_t> numbers,
                                                       std::int64_t n) {
  if (numbers.size() % numbers_a_part != 1 || numbers[0] < 0) return std::nullopt;
  TriangleProgress progress{{}, numbers[0]};
  for (std::size_t at = 1; at < numbers.size(); at += numbers_a_part) {
    const TrianglePart part{{numbers[at], numbers[at + 1]}, {numbers[at + 2], numbers[at + 3]}};
    if (!inside(part.rows, n) || !inside(part.cols, n)) return std::nullopt;
    progress.left.push_back(part);
  }
  return progress;
}

}  // namespace fathom
