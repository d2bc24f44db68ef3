#include "eigen/error_bound.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {

double solver_error(std::int64_t n, double norm, double frobenius) {
  return unit_roundoff * (std::max(8.0, std::sqrt(static_cast<double>(n))) * norm + 6 * frobenius);
}

double representation_error(std::int64_t n, double norm, double frobenius, double input_epsilon) {
  if (!(input_epsilon > unit_roundoff)) return 0;
  return input_epsilon / unit_roundoff * solver_error(n, norm, frobenius);
}

double BoundTerms::bound(std::int64_t mode) const {
  const double own = residual.empty() ? 0.0 : residual[static_cast<std::size_t>(mode)];
  return assembly + std::max({solver, 2 * measured, own});
}

std::vector<ModeState> mode_states(std::span<const double> eigenvalue,
                                   std::span<const double> error_bound, std::int64_t rank_bound,
                                   double representation_error) {
  FATHOM_ASSERT(eigenvalue.size() == error_bound.size(), "{} eigenvalues, {} bounds",
                eigenvalue.size(), error_bound.size());
  std::vector<ModeState> state(eigenvalue.size(), ModeState::untrusted);
  for (std::size_t k = 0; k < state.size(); ++k) {
    if (rank_bound >= 0 && static_cast<std::int64_t>(k) >= rank_bound)
      state[k] = ModeState::null_by_rank;
    else if (error_bound[k] + representation_error < 0.1 * eigenvalue[k])
      state[k] = ModeState::trusted;
  }
  return state;
}

}  // namespace fathom
