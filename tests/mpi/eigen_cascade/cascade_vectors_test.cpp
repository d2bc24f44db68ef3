#include "eigen/cascade_vectors.hpp"

#include "base/random.hpp"
#include "dist/factorisations.hpp"
#include "dist/operations.hpp"
#include "eigen/cascade_probes.hpp"
#include "eigen/error_bound.hpp"

#include <cmath>

#include <gtest/gtest.h>

using namespace fathom;

namespace {

DistMatrix random_basis(const ProcessGrid& grid, std::int64_t n, std::int64_t block) {
  DistMatrix v = DistMatrix::make(grid, n, n, block, block);
  v.fill_from([](std::int64_t i, std::int64_t j) { return normal({3, Stream::test}, i, j); });
  orthonormalise_columns(v);
  return v;
}

double orthogonality(const DistMatrix& z) {
  const PreciseColumns omega = random_signs(z.cols(), 4, 5);
  return frobenius_from_signs(
      difference(precise_apply(Op::transpose, z, precise_apply(Op::none, z, omega)), omega),
      z.cols());
}

}  // namespace

/// What a rotation leaves of orthogonality is of fourth order, between head and rest as well.
TEST(CascadeVectors, a_rotation_by_a_leak_keeps_a_basis_to_fourth_order) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, {1, world.size()});
  const std::int64_t n = 30, first = 4, k = 7, rest = n - first - k;
  for (const double leak : {1e-9, 1e-5, 1e-3}) {
    DistMatrix v = random_basis(grid, n, 4);
    const double before = orthogonality(v);
    DistMatrix x = DistMatrix::make(grid, k, rest, 4, 4);
    x.fill_from([](std::int64_t i, std::int64_t j) { return normal({4, Stream::test}, i, j); });
    const double norm = frobenius_norm(x, SymmetricFill::full);
    for (std::int64_t j = 0; j < x.local_cols(); ++j)
      for (std::int64_t i = 0; i < x.local_rows(); ++i)
        x.local()(i, j) *= leak / norm;
    DistMatrix turned = leading_columns(v, n);
    rotate_by_leak(turned, first, x, leak);
    EXPECT_LT(orthogonality(turned), 3 * (before + 2 * n * unit_roundoff + std::pow(leak, 4)))
        << leak;
    // The rest is orthogonal to what the head was told to take from it: V_r − V_h X, to first
    // order.
    DistMatrix inner = DistMatrix::make(grid, n, n, 4, 4);
    multiply(Op::transpose, Op::none, 1.0, v, turned, 0.0, inner);
    double off = 0;
    for (std::int64_t j = 0; j < inner.local_cols(); ++j)
      for (std::int64_t i = 0; i < inner.local_rows(); ++i) {
        const std::int64_t row = inner.global_row(LocalIndex(i)).value() - first,
                           col = inner.global_col(LocalIndex(j)).value() - first;
        if (row < 0 || row >= k || col < k) continue;
        off = std::max(off, std::abs(inner.local()(i, j) +
                                     leak / norm * normal({4, Stream::test}, row, col - k)));
      }
    EXPECT_LT(world.max(off), 1e-14 + leak * leak) << leak;
  }
}
