#include "studies/solve_time.hpp"

#include <algorithm>

namespace fathom {

double solve_flops(const EigenRequest& request, std::int64_t n) {
  const auto size = static_cast<double>(n);
  return (request.vectors ? 4.0 / 3 + 4 : 4.0 / 3) * size * size * size;
}

Foreseen foresee_solve(const StudyContext& context, const EigenRequest& request, std::int64_t n) {
  const double rate =
      std::max(context.clock.rate("solve"), presumed_solve_rate * context.world.size());
  return {.seconds = solve_flops(request, n) / rate, .what = "the solve"};
}

}  // namespace fathom
