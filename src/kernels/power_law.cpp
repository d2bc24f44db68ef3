#include "kernels/power_law.hpp"

#include "base/assert.hpp"

#include <cmath>

namespace fathom {

double power_law_eigenvalue(std::int64_t j, double alpha) {
  FATHOM_ASSERT(j >= 1, "eigenvalue index {}", j);
  return std::pow(static_cast<double>(j), -alpha);
}

void fill_power_law_eigenvalues(std::int64_t first, double alpha, std::span<double> out) {
  FATHOM_ASSERT(first >= 1, "first eigenvalue index {}", first);
  for (std::size_t k = 0; k < out.size(); ++k)
    out[k] = std::pow(static_cast<double>(first) + static_cast<double>(k), -alpha);
}

double power_law_trace(std::int64_t v, double alpha) {
  FATHOM_ASSERT(v >= 0, "dimension {}", v);
  double sum = 0.0, lost = 0.0;
  for (std::int64_t j = v; j >= 1; --j) {
    const double term = power_law_eigenvalue(j, alpha) - lost;
    const double next = sum + term;
    lost = (next - sum) - term;
    sum = next;
  }
  return sum;
}

}  // namespace fathom
