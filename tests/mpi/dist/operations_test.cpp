#include "dist/operations.hpp"

#include "reference.hpp"

#include <limits>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using test::distance;
using test::gathered;
using test::Serial;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

DistMatrix filled(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols, std::int64_t mb,
                  std::int64_t nb, std::uint64_t salt) {
  DistMatrix a = DistMatrix::make(grid, rows, cols, mb, nb);
  a.fill_from([salt](std::int64_t i, std::int64_t j) { return test::value(i, j, salt); });
  return a;
}

Serial serial(std::int64_t rows, std::int64_t cols, std::uint64_t salt) {
  return Serial(rows, cols,
                [salt](std::int64_t i, std::int64_t j) { return test::value(i, j, salt); });
}

/// Square layouts that the symmetric operations are tested on: {n, mb, nb}.
const std::vector<std::tuple<std::int64_t, std::int64_t, std::int64_t>> square_layouts{
    {1, 1, 1},  {1, 16, 16}, {2, 1, 1},    {5, 3, 3},     {15, 16, 16}, {17, 16, 16},
    {31, 1, 1}, {40, 3, 3},  {65, 64, 64}, {100, 16, 16}, {53, 4, 7},   {70, 16, 3}};

template <class Body>
void for_each_square(Body&& body) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [&](const ProcessGrid& grid, const std::string& name) {
    for (const auto& [n, mb, nb] : square_layouts) {
      SCOPED_TRACE(name + ", n " + std::to_string(n) + ", blocks " + std::to_string(mb) + " x " +
                   std::to_string(nb));
      body(grid, n, mb, nb);
    }
  });
}

TEST(Multiply, all_four_forms_against_three_loops) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    const std::int64_t m = 19, n = 23, k = 31, nb = 4;
    for (const Op op_a : {Op::none, Op::transpose})
      for (const Op op_b : {Op::none, Op::transpose}) {
        const bool ta = op_a == Op::transpose, tb = op_b == Op::transpose;
        const DistMatrix a = filled(grid, ta ? k : m, ta ? m : k, nb, nb, 1);
        const DistMatrix b = filled(grid, tb ? n : k, tb ? k : n, nb, nb, 2);
        DistMatrix c = filled(grid, m, n, nb, nb, 3);
        const Serial sa = serial(a.rows(), a.cols(), 1), sb = serial(b.rows(), b.cols(), 2);
        Serial wanted = test::product(ta ? transposed(sa) : sa, tb ? transposed(sb) : sb);
        const Serial sc = serial(m, n, 3);
        for (std::size_t q = 0; q < wanted.data.size(); ++q)
          wanted.data[q] = 2.0 * wanted.data[q] - 0.5 * sc.data[q];
        multiply(op_a, op_b, 2.0, a, b, -0.5, c);
        EXPECT_LT(distance(gathered(c), wanted), 1e-13) << name << ta << tb;
      }
  });
}

TEST(RankKUpdate, lower_triangle_only) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    for (const Op op : {Op::none, Op::transpose}) {
      const std::int64_t n = 37, k = 12;
      const bool t = op == Op::transpose;
      const DistMatrix a = filled(grid, t ? k : n, t ? n : k, 5, 5, 4);
      DistMatrix c = DistMatrix::make(grid, n, n, 5, 5);
      c.fill(7.0);
      rank_k_update(op, 0.5, a, 0.0, c);
      const Serial s = serial(a.rows(), a.cols(), 4);
      const Serial full = test::product(t ? transposed(s) : s, t ? s : transposed(s));
      const Serial wanted(n, n, [&](auto i, auto j) { return i >= j ? 0.5 * full(i, j) : 7.0; });
      EXPECT_LT(distance(gathered(c), wanted), 1e-13) << name;
    }
  });
}

/// Sizes at which a grid row gathers panels of rows, here four and a part of one.
TEST(RankKUpdate, in_panels) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    const std::int64_t n = 261, k = 16400;
    const DistMatrix a = filled(grid, k, n, 16, 16, 4), c_before = filled(grid, n, n, 16, 16, 5);
    DistMatrix c = filled(grid, n, n, 16, 16, 5);
    rank_k_update(Op::transpose, 2.0, a, -0.5, c);
    DistMatrix wanted = filled(grid, n, n, 16, 16, 5);
    multiply(Op::transpose, Op::none, 2.0, a, a, -0.5, wanted);
    const Serial got = gathered(c), full = gathered(wanted), before = gathered(c_before);
    const Serial lower(n, n, [&](auto i, auto j) { return i >= j ? full(i, j) : before(i, j); });
    EXPECT_LT(distance(got, lower), 1e-14 * double(k)) << name;
  });
}

/// Least sizes of panels, more ranks than blocks of columns, a last block of one column; what stood
/// in C does not matter at beta = 0, NaN included.
TEST(RankKUpdate, in_panels_of_odd_sizes) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    for (const auto& [k, n, nb] : {std::array<std::int64_t, 3>{256, 257, 256},
                                   {256, 256, 300},
                                   {257, 259, 1},
                                   {4097, 256, 85}}) {
      const DistMatrix a = filled(grid, k, n, 7, nb, 4);
      DistMatrix c = DistMatrix::make(grid, n, n, nb, nb),
                 wanted = DistMatrix::make(grid, n, n, nb, nb);
      c.fill(NAN);
      rank_k_update(Op::transpose, 0.5, a, 0.0, c);
      multiply(Op::transpose, Op::none, 0.5, a, a, 0.0, wanted);
      double off = 0;
      for (std::int64_t j = 0; j < c.local_cols(); ++j)
        for (std::int64_t i = 0; i < c.local_rows(); ++i) {
          const bool lower = c.global_row(LocalIndex(i)) >= c.global_col(LocalIndex(j));
          if (lower) off = std::max(off, std::abs(c.local()(i, j) - wanted.local()(i, j)));
          EXPECT_EQ(std::isnan(c.local()(i, j)), !lower);
        }
      EXPECT_LT(grid.parent().max(off), 1e-14 * double(k)) << name << " " << k << " " << n;
    }
  });
}

TEST(Transpose, into_uninitialised_memory) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    const DistMatrix a = filled(grid, 29, 41, 4, 4, 5);
    DistMatrix c = DistMatrix::make(grid, 41, 29, 4, 4);
    c.fill(nan_value);
    transpose(a, c);
    EXPECT_EQ(distance(gathered(c), transposed(serial(29, 41, 5))), 0) << name;
  });
}

TEST(Redistribute, between_all_pairs_of_grids_and_blocks) {
  const Communicator world = Communicator::world();
  const Serial wanted = serial(45, 61, 6);
  test::for_each_grid(world, [&](const ProcessGrid& from, const std::string& from_name) {
    test::for_each_grid(world, [&](const ProcessGrid& to, const std::string& to_name) {
      const DistMatrix a = filled(from, 45, 61, 3, 5, 6);
      // 10^9: one call. 150: panels that end inside blocks.
      for (const std::int64_t elements : {1'000'000'000, 150}) {
        DistMatrix b = DistMatrix::make(to, 45, 61, 16, 2);
        b.fill(0);
        redistribute(a, b, elements);
        EXPECT_EQ(distance(gathered(b), wanted), 0) << from_name << " to " << to_name;
      }
    });
  });
}

TEST(Redistribute, column_by_column) {
  const Communicator world = Communicator::world();
  const ProcessGrid from(world, {1, world.size()}), to(world, {world.size(), 1});
  const DistMatrix a = filled(from, 11, 40, 3, 3, 6);
  DistMatrix b = DistMatrix::make(to, 11, 40, 2, 7);
  redistribute(a, b, 1);
  EXPECT_EQ(distance(gathered(b), serial(11, 40, 6)), 0);
}

TEST(Redistribute, within_a_split_communicator) {
  const Communicator world = Communicator::world();
  const Communicator part = world.split(world.rank() % 2, -world.rank());
  const ProcessGrid from(part, {1, part.size()}), to(part, {part.size(), 1});
  const DistMatrix a = filled(from, 20, 30, 3, 3, 7);
  DistMatrix b = DistMatrix::make(to, 20, 30, 4, 4);
  redistribute(a, b);
  EXPECT_EQ(distance(gathered(b), serial(20, 30, 7)), 0);
}

TEST(RedistributeBlock, moves_a_block_and_nothing_else) {
  const Communicator world = Communicator::world();
  const ProcessGrid from(world, {1, world.size()}), to(world, choose_grid(world.size(), 50, 3));
  const DistMatrix a = filled(from, 50, 40, 3, 5, 11);
  for (const auto& [rows, cols] : {std::pair<int, int>{17, 23}, {1, 1}, {0, 5}, {50, 1}})
    for (const std::int64_t elements : {1'000'000'000, 60}) {
      DistMatrix b = DistMatrix::make(to, 60, 45, 4, 2);
      b.fill(-3.0);
      const int i0 = 50 - rows, j0 = 9;
      redistribute_block(a, GlobalIndex(i0), GlobalIndex(j0), b, GlobalIndex(10), GlobalIndex(22),
                         rows, cols, elements);
      const Serial wanted(60, 45, [&, r = rows, c = cols](auto i, auto j) {
        const bool moved = i >= 10 && i < 10 + r && j >= 22 && j < 22 + c;
        return moved ? test::value(i - 10 + i0, j - 22 + j0, 11) : -3.0;
      });
      EXPECT_EQ(distance(gathered(b), wanted), 0) << rows << " x " << cols;
    }
}

TEST(MirrorLower, writes_the_upper_triangle_alone) {
  for_each_square([](const ProcessGrid& grid, auto n, auto mb, auto nb) {
    DistMatrix a = DistMatrix::make(grid, n, n, mb, nb);
    a.fill_from([](auto i, auto j) { return i >= j ? test::value(i, j) : nan_value; });
    mirror_lower(a);
    EXPECT_EQ(distance(gathered(a), Serial(n, n, test::symmetric_value)), 0);
  });
}

TEST(MirrorLower, over_several_panels) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    const std::int64_t n = 2300;
    DistMatrix a = DistMatrix::make(grid, n, n, 48, 48);
    a.fill_from([](auto i, auto j) { return i >= j ? test::value(i, j) : nan_value; });
    mirror_lower(a);
    std::int64_t wrong = 0;
    for (std::int64_t j = 0; j < a.local_cols(); ++j)
      for (std::int64_t i = 0; i < a.local_rows(); ++i)
        wrong += a.local()(i, j) != test::symmetric_value(a.global_row(LocalIndex(i)).value(),
                                                          a.global_col(LocalIndex(j)).value());
    EXPECT_EQ(wrong, 0) << name;
    EXPECT_EQ(asymmetry(a), 0) << name;
  });
}

TEST(Asymmetry, finds_one_element_anywhere) {
  for_each_square([](const ProcessGrid& grid, auto n, auto mb, auto nb) {
    DistMatrix a = DistMatrix::make(grid, n, n, mb, nb);
    a.fill_from(test::symmetric_value);
    EXPECT_EQ(asymmetry(a), 0);
    if (n < 2) return;
    const std::pair<std::int64_t, std::int64_t> places[] = {
        {0, 1}, {1, 0}, {n - 1, 0}, {0, n - 1}, {n - 1, n - 2}, {n - 2, n - 1}, {n / 2, n / 2 - 1}};
    for (const auto& [i, j] : places) {
      test::plant(a, i, j, test::symmetric_value(i, j) + 0x1p-20);
      EXPECT_EQ(asymmetry(a), 0x1p-20) << i << ", " << j;
      test::plant(a, i, j, nan_value);
      EXPECT_EQ(asymmetry(a), infinity) << i << ", " << j;
      test::plant(a, i, j, test::symmetric_value(i, j));
    }
    test::plant(a, n / 2, n / 2, 100.0);
    EXPECT_EQ(asymmetry(a), 0) << "the diagonal is symmetric whatever it holds";
  });
}

TEST(Symmetrise, both_triangles_become_the_mean) {
  for_each_square([](const ProcessGrid& grid, auto n, auto mb, auto nb) {
    DistMatrix a = filled(grid, n, n, mb, nb, 8);
    symmetrise(a);
    const Serial s = serial(n, n, 8);
    const Serial wanted(n, n, [&](auto i, auto j) { return 0.5 * s(i, j) + 0.5 * s(j, i); });
    EXPECT_EQ(distance(gathered(a), wanted), 0);
    EXPECT_EQ(asymmetry(a), 0);
  });
}

double frobenius(const Serial& s) {
  double sum = 0;
  for (const double v : s.data)
    sum += v * v;
  return std::sqrt(sum);
}

TEST(Norms, against_the_serial_matrix_and_scalapack) {
  for_each_square([](const ProcessGrid& grid, auto n, auto mb, auto nb) {
    DistMatrix a = DistMatrix::make(grid, n, n, mb, nb);
    a.fill_from(test::symmetric_value);
    const Serial s(n, n, test::symmetric_value);
    EXPECT_NEAR(frobenius_norm(a, SymmetricFill::full), frobenius(s), 1e-13 * frobenius(s));
    double largest = 0, sum = 0;
    for (std::int64_t i = 0; i < n; ++i)
      sum += s(i, i);
    for (const double v : s.data)
      largest = std::max(largest, std::abs(v));
    EXPECT_EQ(max_abs(a), largest);
    EXPECT_NEAR(trace(a), sum, 1e-14 * double(n));
    const auto diag = diagonal(a);
    for (std::int64_t i = 0; i < n; ++i)
      EXPECT_EQ(diag[static_cast<std::size_t>(i)], s(i, i));
    if (grid.active() && mb == nb) {
      const double theirs = scalapack::pdlange('F', n, n, a.part());
      EXPECT_NEAR(theirs, frobenius(s), 1e-13 * frobenius(s));
    }
    // What stands above the diagonal does not count in a lower fill.
    a.fill_from([](auto i, auto j) { return i >= j ? test::value(i, j) : 1e300; });
    EXPECT_NEAR(frobenius_norm(a, SymmetricFill::lower), frobenius(s), 1e-13 * frobenius(s));
  });
}

TEST(Norms, neither_overflow_nor_underflow) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 30, 4));
  DistMatrix a = DistMatrix::make(grid, 30, 30, 4, 4);
  for (const double size : {1e300, 1e-300, 0x1p-1074, 1.0}) {
    a.fill(size);
    EXPECT_NEAR(frobenius_norm(a, SymmetricFill::full) / size, 30.0, 1e-12) << size;
    EXPECT_NEAR(frobenius_norm(a, SymmetricFill::lower) / size, 30.0, 1e-12) << size;
  }
  a.fill(0);
  EXPECT_EQ(frobenius_norm(a, SymmetricFill::full), 0);
  test::plant(a, 29, 3, -infinity);
  EXPECT_EQ(frobenius_norm(a, SymmetricFill::full), infinity);
  EXPECT_EQ(max_abs(a), infinity);
  test::plant(a, 7, 21, nan_value);
  EXPECT_TRUE(std::isnan(frobenius_norm(a, SymmetricFill::full)));
  EXPECT_TRUE(std::isnan(max_abs(a)));
}

TEST(CountNonfinite, counts_and_places_each_one) {
  for_each_square([](const ProcessGrid& grid, auto n, auto mb, auto nb) {
    DistMatrix a = filled(grid, n, n, mb, nb, 9);
    test::plant(a, 0, 0, std::numeric_limits<double>::max());
    NonFinite found = count_nonfinite(a);
    EXPECT_EQ(found.count, 0);
    EXPECT_EQ(found.row, -1);
    EXPECT_EQ(found.col, -1);
    const std::pair<std::int64_t, std::int64_t> places[] = {
        {n - 1, n - 1}, {0, n - 1}, {n / 2, n / 2}, {n - 1, 0}, {0, 0}};
    for (const auto& [i, j] : places)
      for (const double bad : {nan_value, -nan_value, infinity, -infinity}) {
        test::plant(a, i, j, bad);
        found = count_nonfinite(a);
        EXPECT_EQ(found.count, 1);
        EXPECT_EQ(found.row, i);
        EXPECT_EQ(found.col, j);
        test::plant(a, i, j, 0.0);
      }
    a.fill(nan_value);
    EXPECT_EQ(count_nonfinite(a).count, n * n);
  });
}

TEST(SymmetricApply, lower_and_full_fill_agree_with_the_serial_product) {
  for_each_square([](const ProcessGrid& grid, auto n, auto mb, auto nb) {
    for (const std::int64_t m : {1, 3}) {
      const Serial x = serial(n, m, 10);
      const Serial wanted = test::product(Serial(n, n, test::symmetric_value), x);
      for (const SymmetricFill fill : {SymmetricFill::lower, SymmetricFill::full}) {
        DistMatrix a = DistMatrix::make(grid, n, n, mb, nb);
        a.fill_from([&](auto i, auto j) {
          return i < j && fill == SymmetricFill::lower ? nan_value : test::symmetric_value(i, j);
        });
        Serial y(n, m);
        y.data = symmetric_apply(a, fill, x.data, m);
        EXPECT_LT(distance(y, wanted), 1e-13) << "m = " << m;
      }
    }
  });
}

}  // namespace
}  // namespace fathom
