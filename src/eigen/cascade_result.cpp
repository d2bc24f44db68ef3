#include "eigen/cascade_result.hpp"

#include "eigen/cascade_vectors.hpp"

#include <algorithm>
#include <numeric>

namespace fathom {

void share_interleaved_errors(CascadeResult& result) {
  const auto resolved = static_cast<std::size_t>(result.resolved);
  std::size_t first = 0;
  for (const CascadeLevel& level : result.levels) {
    const std::size_t end = first + static_cast<std::size_t>(level.head);
    if (end >= resolved) return;
    const double largest_later =
        *std::max_element(result.singular_value.begin() + static_cast<std::ptrdiff_t>(end),
                          result.singular_value.begin() + static_cast<std::ptrdiff_t>(resolved));
    for (std::size_t mine = first; mine < end; ++mine) {
      if (largest_later * (1 + 1e-6) < result.singular_value[mine]) continue;
      for (std::size_t later = end; later < resolved; ++later) {
        if (result.singular_value[later] * (1 + 1e-6) < result.singular_value[mine]) continue;
        for (auto* error : {&result.absolute, &result.row_relative, &result.relative})
          (*error)[mine] = std::max((*error)[mine], (*error)[later]);
      }
    }
    first = end;
  }
}

void sort_modes(CascadeResult& result) {
  std::vector<std::int64_t> source(result.singular_value.size());
  std::iota(source.begin(), source.end(), 0);
  const auto value = [&](std::int64_t k) {
    return result.singular_value[static_cast<std::size_t>(k)];
  };
  std::stable_sort(source.begin(), source.end(),
                   [&](auto a, auto b) { return value(a) > value(b); });
  for (auto* column :
       {&result.singular_value, &result.absolute, &result.row_relative, &result.relative}) {
    const std::vector<double> before = *column;
    for (std::size_t k = 0; k < source.size(); ++k)
      (*column)[k] = before[static_cast<std::size_t>(source[k])];
  }
  if (result.right) permute_columns(*result.right, source);
  if (!result.left) return;
  source.resize(static_cast<std::size_t>(result.resolved));
  permute_columns(*result.left, source);
  orthonormalise(*result.left);
}

}  // namespace fathom
