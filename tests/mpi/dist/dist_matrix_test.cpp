#include "dist/dist_matrix.hpp"

#include "reference.hpp"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(DistMatrix, local_parts_are_those_of_scalapack) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    SCOPED_TRACE(name);
    for (const std::int64_t n : {0, 1, 2, 15, 17, 63, 65, 257})
      for (const std::int64_t nb : {1, 3, 16, 64}) {
        const DistMatrix a(grid, n, n + 5, nb, 2 * nb);
        EXPECT_EQ(a.rows(), n);
        EXPECT_EQ(a.cols(), n + 5);
        if (!grid.active()) {
          EXPECT_EQ(a.local_rows() + a.local_cols(), 0);
          EXPECT_EQ(a.descriptor()[1], -1);
          continue;
        }
        EXPECT_EQ(a.local_rows(), scalapack::numroc(n, nb, grid.myrow(), grid.nprow()));
        EXPECT_EQ(a.local_cols(), scalapack::numroc(n + 5, 2 * nb, grid.mycol(), grid.npcol()));
        EXPECT_EQ(a.local().ld, std::max<std::int64_t>(1, a.local_rows()));
        EXPECT_EQ(a.descriptor()[8], a.local().ld);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.local().data) % 64, 0u);
      }
  });
}

TEST(DistMatrix, fills_by_global_indices_on_any_grid) {
  const Communicator world = Communicator::world();
  const test::Serial wanted(21, 34, [](auto i, auto j) { return test::value(i, j); });
  test::for_each_grid(world, [&](const ProcessGrid& grid, const std::string& name) {
    DistMatrix a = DistMatrix::make(grid, 21, 34, 4, 3);
    a.fill_from([](std::int64_t i, std::int64_t j) { return test::value(i, j); });
    EXPECT_EQ(test::distance(test::gathered(a), wanted), 0) << name;
    a.fill(2.5);
    EXPECT_EQ(
        test::distance(test::gathered(a), test::Serial(21, 34, [](auto, auto) { return 2.5; })), 0)
        << name;
  });
}

TEST(DistMatrix, moving_keeps_the_values) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, {1, world.size()});
  DistMatrix a = DistMatrix::make(grid, 10, 10, 2, 2);
  a.fill(3);
  const double* data = a.local().data;
  const DistMatrix b = std::move(a);
  EXPECT_EQ(b.local().data, data);
  EXPECT_EQ(b.part().data, data);
}

TEST(DistMatrix, what_cannot_fit_is_one_agreed_error) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, {1, world.size()});
  const auto code = [&](std::int64_t rows, std::int64_t cols) {
    try {
      DistMatrix::make(grid, rows, cols, 64, 64);
      return ExitCode::ok;
    } catch (const AgreedError& error) {
      return error.code();
    }
  };
  EXPECT_EQ(code(std::int64_t{1} << 31, 10), ExitCode::no_fit);
  // 2^62 elements: whether malloc refuses or the count overflows, it is the same error.
  EXPECT_EQ(code((std::int64_t{1} << 31) - 1, (std::int64_t{1} << 31) - 1), ExitCode::no_fit);
  EXPECT_EQ(code(10, 10), ExitCode::ok);
}

}  // namespace
}  // namespace fathom
