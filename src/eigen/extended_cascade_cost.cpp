#include "base/assert.hpp"
#include "eigen/extended_cascade_level.hpp"

#include <algorithm>

namespace fathom {

ExtendedCost extended_cost(std::int64_t n) {
  FATHOM_ASSERT(n >= 0, "n = {}", n);
  // A level takes A·U and UᵀAU of its rest, the latter relative to what is left of A; as much or
  // more than what the head needs in its place.
  const double full = extended_accuracy(std::max<std::int64_t>(1, n));
  const double of_rest = full / extended_head_threshold;
  ExtendedCost cost;
  cost.levels = 3;
  cost.products = cost.levels * (plan_slices(n, full, 0, extended_vector_slices).products() +
                                 plan_slices(n, of_rest, extended_vector_slices, 0).products());
  const double size = static_cast<double>(n);
  cost.flops = 2 * size * size * size * static_cast<double>(cost.products);
  return cost;
}

std::int64_t extended_memory(std::int64_t n, const SolverPlan& plan, bool vectors) {
  const CyclicAxis rows(n, plan.block, plan.grid.nprow), cols(n, plan.block, plan.grid.npcol);
  const std::int64_t local = 8 * rows.local_extent(0) * cols.local_extent(0);
  EigenRequest request;
  request.vectors = true;
  const SolverMemory solver = solver_memory(plan, request, n);
  // UᵀAU in the making: A, A·U and the result as two matrices each, U, slices of either factor and
  // a product; 10.7 to 12.5 resident at n = 800 and 1200, with vectors 14 to 15. Or the solve, with
  // A beside it.
  const std::int64_t product = 23 * local / 2, solve = 2 * local + solver.total();
  return std::max(product, solve) + (vectors ? 2 * local : 0);
}

}  // namespace fathom
