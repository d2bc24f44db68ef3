#include "eigen/extended_cascade_bounds.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fathom {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<std::size_t> by_falling_value(std::span<const double> value) {
  std::vector<std::size_t> order(value.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return value[a] > value[b]; });
  return order;
}

/// A cluster's range of values and its sums of squares.
struct Block {
  double top = -infinity, bottom = infinity;
  double inside = 0, outside = 0;
};

}  // namespace

std::int64_t choose_head(std::span<const double> value, double threshold) {
  if (value.empty() || !(value[0] > 0)) return 0;
  const double low = 0.1 * threshold * value[0], high = 10 * threshold * value[0];
  std::size_t first = 1;  // modes that belong to any head
  while (first < value.size() && value[first] > high)
    ++first;
  std::size_t cut = first;
  double widest = 0;
  for (std::size_t k = first; k <= value.size(); ++k) {
    const double below = k < value.size() ? std::max(value[k], 0.01 * low) : 0.01 * low;
    const double ratio = value[k - 1] / below;
    if (ratio > widest) widest = ratio, cut = k;
    if (k < value.size() && value[k] < low) break;
  }
  return static_cast<std::int64_t>(cut);
}

std::vector<std::int64_t> find_clusters(std::span<const double> value, double width) {
  const std::vector<std::size_t> order = by_falling_value(value);
  std::vector<std::int64_t> cluster(value.size(), 0);
  std::int64_t number = 0;
  for (std::size_t k = 1; k < order.size(); ++k) {
    if (value[order[k - 1]] - value[order[k]] > width) ++number;
    cluster[order[k]] = number;
  }
  return cluster;
}

std::vector<double> head_errors(const HeadMeasures& head, std::span<const std::int64_t> cluster) {
  FATHOM_ASSERT(head.value.size() == cluster.size(), "{} values, {} clusters", head.value.size(),
                cluster.size());
  if (cluster.empty()) return {};
  const auto last = static_cast<std::size_t>(*std::max_element(cluster.begin(), cluster.end()));
  std::vector<Block> block(last + 1);
  for (std::size_t k = 0; k < cluster.size(); ++k) {
    Block& own = block[static_cast<std::size_t>(cluster[k])];
    own.top = std::max(own.top, head.value[k]);
    own.bottom = std::min(own.bottom, head.value[k]);
    own.inside += head.inside[k];
    own.outside += head.outside[k];
  }
  std::vector<double> error(block.size());
  for (std::size_t c = 0; c < block.size(); ++c) {
    const double within = std::sqrt(block[c].inside), across = std::sqrt(block[c].outside);
    const double above = c == 0 ? infinity : block[c - 1].bottom - block[c].top;
    const double below = block[c].bottom - (c == last ? head.rest_top : block[c + 1].top);
    const double gap = std::min(above, below) - within - head.coupling;
    // Without a gap the order of the modes is not known either: Weyl's bound, on both sides.
    error[c] = gap > 0 ? within + 2 * across * across / (gap + std::hypot(gap, 2 * across))
                       : 2 * head.coupling;
  }
  std::vector<double> own;
  for (const std::int64_t c : cluster)
    own.push_back(error[static_cast<std::size_t>(c)]);
  return own;
}

double schur_error(double complement_norm, double head_bottom, double rest_top) {
  if (!(head_bottom > 0)) return infinity;
  const double x = std::sqrt(complement_norm / head_bottom);
  const double any = 2 * x + x * x;
  return head_bottom > rest_top ? std::min(any, complement_norm / (head_bottom - rest_top)) : any;
}

}  // namespace fathom
