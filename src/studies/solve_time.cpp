#include "studies/solve_time.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fathom {

namespace {

/// Of the quickest solver that was calibrated, or as presumed.
double expected_rate(const StudyContext& context, const EigenRequest& request, std::int64_t n,
                     double flops) {
  const int ranks = context.world.size();
  double seconds = std::numeric_limits<double>::infinity();
  for (const SolverTiming& timed : context.machine.solvers)
    if (timed.vectors == request.vectors && (ranks == 1 || timed.backend != Backend::lapack))
      seconds = std::min(seconds,
                         context.machine.solve_seconds(timed.backend, request.vectors, n, ranks));
  return std::isinf(seconds) ? presumed_solve_rate * ranks : flops / seconds;
}

}  // namespace

double solve_flops(const EigenRequest& request, std::int64_t n) {
  const auto size = static_cast<double>(n);
  return (request.vectors ? 4.0 / 3 + 4 : 4.0 / 3) * size * size * size;
}

Foreseen foresee_solve(const StudyContext& context, const EigenRequest& request, std::int64_t n) {
  const double flops = solve_flops(request, n);
  const double rate =
      std::max(context.clock.rate("solve"), expected_rate(context, request, n, flops));
  return {.seconds = flops / rate, .what = "the solve"};
}

}  // namespace fathom
