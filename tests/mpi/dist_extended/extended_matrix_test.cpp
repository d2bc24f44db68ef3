#include "dist/extended_matrix.hpp"

#include "quad_double.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace fathom {
namespace {

ExtendedMatrix filled(const ProcessGrid& grid, std::int64_t n, std::int64_t nb, double scale) {
  ExtendedMatrix a = ExtendedMatrix::make(grid, n, n, nb, nb);
  a.hi.fill_from([&](auto i, auto j) { return (test::wide_value(i, j, 1) * scale).x[0]; });
  a.lo.fill_from([&](auto i, auto j) { return (test::wide_value(i, j, 1) * scale).x[1]; });
  return a;
}

TEST(ExtendedMatrix, symmetrised_to_the_bit) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    SCOPED_TRACE(name);
    ExtendedMatrix a = filled(grid, 23, 4, 1.0);
    const test::Quad before = test::quad(a);
    symmetrise(a);
    const test::Quad after = test::quad(a);
    const test::Serial hi = test::gathered(a.hi), lo = test::gathered(a.lo);
    for (std::int64_t j = 0; j < 23; ++j)
      for (std::int64_t i = 0; i < 23; ++i) {
        EXPECT_EQ(hi(i, j), hi(j, i));
        EXPECT_EQ(lo(i, j), lo(j, i));
        const qd_real mean = (before(i, j) + before(j, i)) / 2.0;
        EXPECT_LE(std::abs(to_double(after(i, j) - mean)), 0x1p-104);
      }
  });
}

TEST(ExtendedMatrix, norms_and_traces_at_any_scale) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 31, 4));
  for (const double scale : {1.0, 1e-200, 1e200}) {
    const ExtendedMatrix a = filled(grid, 31, 4, scale);
    const test::Quad whole = test::quad(a);
    qd_real sum = 0.0, squares = 0.0;
    for (std::int64_t j = 0; j < 31; ++j) {
      sum += whole(j, j);
      for (std::int64_t i = 0; i < 31; ++i)
        squares += (whole(i, j) / scale) * (whole(i, j) / scale);
    }
    EXPECT_LE(std::abs(to_double((qd_real(trace(a)) - sum) / scale)), 31 * 0x1p-103);
    EXPECT_LE(std::abs(to_double(qd_real(frobenius_norm(a)) / scale - sqrt(squares))), 1e-28);
  }
  ExtendedMatrix broken = filled(grid, 31, 4, 1.0);
  test::plant(broken.hi, 30, 2, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(to_double(frobenius_norm(broken))));
}

TEST(ExtendedMatrix, blocks_travel_whole) {
  const Communicator world = Communicator::world();
  const ProcessGrid from(world, choose_grid(world.size(), 20, 4)), to(world, {1, world.size()});
  const ExtendedMatrix a = filled(from, 20, 4, 1.0);
  ExtendedMatrix b = ExtendedMatrix::make(to, 6, 7, 3, 3);
  redistribute_block(a, GlobalIndex(5), GlobalIndex(11), b, GlobalIndex(0), GlobalIndex(0), 6, 7);
  const test::Quad whole = test::quad(a), part = test::quad(b);
  for (std::int64_t j = 0; j < 7; ++j)
    for (std::int64_t i = 0; i < 6; ++i)
      EXPECT_EQ(to_double(part(i, j) - whole(i + 5, j + 11)), 0.0);
}

TEST(SumInOrder, keeps_what_cancels) {
  const Communicator world = Communicator::world();
  const int p = world.size();
  std::vector<DoubleDouble> values;
  for (int k = 0; k < 5; ++k) {
    const double big = world.rank() == 0 ? 1.0 : (world.rank() == p - 1 ? -1.0 : 0.0);
    values.emplace_back(DoubleDouble(p == 1 ? 0.0 : big) + 1e-25 * (k + 1));
  }
  sum_in_order(world, world.rank(), p, values);
  for (int k = 0; k < 5; ++k)
    EXPECT_NEAR(to_double(values[static_cast<std::size_t>(k)]), p * 1e-25 * (k + 1), 1e-30);
}

}  // namespace
}  // namespace fathom
