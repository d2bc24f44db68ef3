#include "gram/rounding.hpp"

#include "base/assert.hpp"

#include <cmath>

namespace fathom {

double rounding_length(std::span<const double> chunk_trace,
                       std::span<const std::int64_t> chunk_length) {
  FATHOM_ASSERT(chunk_trace.size() == chunk_length.size(), "{} traces of {} chunks",
                chunk_trace.size(), chunk_length.size());
  double total = 0;
  for (const double t : chunk_trace)
    total += t;
  if (!(total > 0)) return 1;
  double squared = static_cast<double>(chunk_trace.size());
  for (std::size_t c = 0; c < chunk_trace.size(); ++c) {
    const double share = chunk_trace[c] / total;
    squared += static_cast<double>(chunk_length[c]) * share * share;
  }
  return std::sqrt(squared);
}

}  // namespace fathom
