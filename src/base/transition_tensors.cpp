#include "base/transition_tensors.hpp"

#include "base/assert.hpp"

namespace fathom {

std::vector<double> sum_over_symbols(std::int64_t states, std::span<const double> tensors) {
  const auto square = static_cast<std::size_t>(states * states);
  FATHOM_ASSERT(square > 0 && tensors.size() % square == 0, "{} entries for {} states",
                tensors.size(), states);
  std::vector<double> sum(square, 0.0);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    sum[i % square] += tensors[i];
  return sum;
}

}  // namespace fathom
