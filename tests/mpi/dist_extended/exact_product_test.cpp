#include "dist/exact_product.hpp"

#include "dist/operations.hpp"
#include "quad_double.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using test::Quad;

using Entry = std::function<DoubleDouble(std::int64_t, std::int64_t)>;

ExtendedMatrix extended(const ProcessGrid& grid, std::int64_t rows, std::int64_t cols,
                        std::int64_t mb, std::int64_t nb, const Entry& entry) {
  ExtendedMatrix a = ExtendedMatrix::make(grid, rows, cols, mb, nb);
  a.hi.fill_from([&](std::int64_t i, std::int64_t j) { return entry(i, j).x[0]; });
  a.lo.fill_from([&](std::int64_t i, std::int64_t j) { return entry(i, j).x[1]; });
  return a;
}

/// A product whose result is known to 60 digits, and what may be off in each entry.
void expect_exact(const ExactFactor& a, const Quad& whole_a, const ExactFactor& b,
                  const Quad& whole_b, double accuracy) {
  const Quad op_a = a.op == Op::none ? whole_a : test::transposed(whole_a);
  const Quad op_b = b.op == Op::none ? whole_b : test::transposed(whole_b);
  const ExactProduct c = exact_product(a, b, 5, 3, accuracy);
  const Quad expected = test::product(op_a, op_b);
  const Quad error = test::difference(test::quad(c.value), expected);
  EXPECT_LE(test::frobenius(error), c.error);

  const SlicePlan plan = plan_slices(a.cols(), accuracy, a.exact_slices, b.exact_slices);
  EXPECT_LE(c.products, plan.products());
  const auto rows = test::row_sizes(op_a), cols = test::row_sizes(test::transposed(op_b));
  const double k = static_cast<double>(a.cols());
  double worst = 0;
  for (std::int64_t j = 0; j < error.cols; ++j)
    for (std::int64_t i = 0; i < error.rows; ++i) {
      const double size = k * rows[static_cast<std::size_t>(i)] * cols[static_cast<std::size_t>(j)];
      const double sums = static_cast<double>(plan.products()) * 0x1p-105 *
                          (std::abs(to_double(expected(i, j))) + size * 0x1p-18);
      const double allowed = 4 * plan.relative_error * size + sums;
      const double off = std::abs(to_double(error(i, j)));
      worst = std::max(worst, off == 0 ? 0.0 : off / allowed);
    }
  EXPECT_LE(worst, 1.0);
  // The bound says something: near the wanted accuracy, and no wider.
  EXPECT_LE(c.error, (8 * accuracy * k + 0x1p-100) * test::frobenius(op_a) * test::frobenius(op_b));
}

void expect_exact_in_all_forms(const ProcessGrid& grid, std::int64_t m, std::int64_t n,
                               std::int64_t k, const Entry& entry_a, const Entry& entry_b,
                               double accuracy = exact_product_accuracy) {
  for (const Op op_a : {Op::none, Op::transpose})
    for (const Op op_b : {Op::none, Op::transpose}) {
      SCOPED_TRACE(testing::Message() << "op " << static_cast<int>(op_a) << static_cast<int>(op_b)
                                      << " of " << m << " x " << k << " x " << n);
      const bool ta = op_a == Op::transpose, tb = op_b == Op::transpose;
      const auto a = extended(grid, ta ? k : m, ta ? m : k, 4, 4,
                              [&](auto i, auto j) { return ta ? entry_a(j, i) : entry_a(i, j); });
      const auto b = extended(grid, tb ? n : k, tb ? k : n, 4, 4,
                              [&](auto i, auto j) { return tb ? entry_b(j, i) : entry_b(i, j); });
      const Quad whole_a = test::quad(a), whole_b = test::quad(b);
      expect_exact({a, op_a}, whole_a, {b, op_b}, whole_b, accuracy);
      if (op_a != Op::none) continue;
      expect_exact({a, op_a}, whole_a, {b.hi, op_b}, test::quad(b.hi), accuracy);
      expect_exact({a.hi, op_a}, test::quad(a.hi), {b, op_b}, whole_b, accuracy);
      expect_exact({a.hi, op_a}, test::quad(a.hi), {b.hi, op_b}, test::quad(b.hi), accuracy);
    }
}

const Entry dense_a = [](auto i, auto j) { return test::wide_value(i, j, 1); };
const Entry dense_b = [](auto i, auto j) { return test::wide_value(i, j, 2); };

TEST(ExactProduct, random_entries_in_all_forms) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    SCOPED_TRACE(name);
    expect_exact_in_all_forms(grid, 11, 9, 13, dense_a, dense_b);
  });
}

TEST(ExactProduct, every_depth) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  for (const std::int64_t k : {1, 2, 3, 17, 64, 129, 500}) {
    const auto a = extended(grid, 7, k, 4, 4, dense_a), b = extended(grid, k, 6, 4, 4, dense_b);
    expect_exact(a, test::quad(a), b, test::quad(b), exact_product_accuracy);
  }
}

TEST(ExactProduct, wanted_accuracies) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  for (const double accuracy : {0x1p-20, 0x1p-60, 0x1p-90, 0x1p-140})
    expect_exact_in_all_forms(grid, 5, 6, 40, dense_a, dense_b, accuracy);
}

TEST(ExactProduct, graded_rows_and_columns) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  const Entry graded_a = [](auto i, auto j) {
    return test::wide_value(i, j, 3) * std::pow(10.0, 10.0 * static_cast<double>(i % 7 - 3));
  };
  const Entry graded_b = [](auto i, auto j) {
    return test::wide_value(i, j, 4) * std::pow(10.0, 15.0 * static_cast<double>(j % 5 - 2));
  };
  expect_exact_in_all_forms(grid, 9, 10, 33, graded_a, graded_b);
  // Far from 1, and a row and a column that are zero.
  const Entry tiny = [](auto i, auto j) {
    return i == 2 ? DoubleDouble(0.0) : test::wide_value(i, j, 5) * 1e-140;
  };
  const Entry huge = [](auto i, auto j) {
    return j == 3 ? DoubleDouble(0.0) : test::wide_value(i, j, 6) * 1e140;
  };
  expect_exact_in_all_forms(grid, 8, 7, 12, tiny, huge);
}

TEST(ExactProduct, sums_that_cancel) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  // Row i of A against B: the second half of the sum takes the first one back but for 1e-25.
  const std::int64_t half = 30;
  const Entry a = [](auto i, auto j) { return test::wide_value(i, j % half, 7); };
  const Entry b = [](auto i, auto j) {
    const DoubleDouble x = test::wide_value(i % half, j, 8);
    return i < half ? x : -x + DoubleDouble(test::value(i, j, 9)) * 1e-25;
  };
  expect_exact_in_all_forms(grid, 6, 5, 2 * half, a, b);
}

TEST(ExactProduct, the_same_bits_on_every_grid_and_block) {
  const Communicator world = Communicator::world();
  std::vector<double> first;
  test::for_each_grid(world, [&](const ProcessGrid& grid, const std::string& name) {
    for (const std::int64_t nb : {1, 3, 16}) {
      SCOPED_TRACE(name + ", blocks of " + std::to_string(nb));
      const auto a = extended(grid, 19, 27, nb, nb, dense_a);
      const auto b = extended(grid, 27, 14, nb, nb, dense_b);
      const ExactProduct c = exact_product(a, b, nb, nb);
      auto bits = test::gathered(c.value.hi).data;
      const auto low = test::gathered(c.value.lo).data;
      bits.insert(bits.end(), low.begin(), low.end());
      if (first.empty()) first = bits;
      EXPECT_EQ(first, bits);
    }
  });
}

TEST(ExactProduct, integers_are_exact) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  // Products up to 500 · 2^80: more than a double holds, less than two.
  const Entry a = [](auto i, auto j) {
    return DoubleDouble(std::floor(test::value(i, j, 11) * 0x1p40));
  };
  const auto x = extended(grid, 12, 500, 8, 8, a), y = extended(grid, 500, 12, 8, 8, a);
  const ExactProduct c = exact_product(x, y, 8, 8);
  EXPECT_EQ(test::frobenius(
                test::difference(test::quad(c.value), test::product(test::quad(x), test::quad(y)))),
            0.0);
}

TEST(ExactProduct, empty_and_zero) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  const Entry none = [](auto, auto) { return DoubleDouble(0.0); };
  const auto zero = extended(grid, 6, 6, 4, 4, none), full = extended(grid, 6, 6, 4, 4, dense_a);
  const ExactProduct c = exact_product(zero, full, 4, 4);
  EXPECT_EQ(c.products, 0);
  EXPECT_EQ(c.error, 0.0);
  EXPECT_EQ(max_abs(c.value.hi), 0.0);
  const auto tall = extended(grid, 6, 0, 4, 4, none), flat = extended(grid, 0, 5, 4, 4, none);
  EXPECT_EQ(max_abs(exact_product(tall, flat, 4, 4).value.hi), 0.0);
  const auto right = extended(grid, 5, 3, 4, 4, dense_b);
  EXPECT_EQ(exact_product(flat, right, 4, 4).value.rows(), 0);
}

TEST(ExactProduct, a_rounded_factor_takes_fewer_products) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  const auto a = extended(grid, 50, 50, 8, 8, dense_a);
  auto b = extended(grid, 50, 50, 8, 8, dense_b);
  round_to_slices(b.hi, 3);
  ExactFactor exact(b.hi);
  exact.exact_slices = 3;
  const SlicePlan plan = plan_slices(50, exact_product_accuracy, 0, 3);
  EXPECT_EQ(plan.slices_b, 3);
  EXPECT_LT(plan.products(), plan_slices(50, exact_product_accuracy).products());
  const ExactProduct c = exact_product(a, exact, 8, 8);
  EXPECT_EQ(c.products, plan.products());
  const Quad error =
      test::difference(test::quad(c.value), test::product(test::quad(a), test::quad(b.hi)));
  EXPECT_LE(test::frobenius(error), c.error);
}

TEST(RoundToSlices, keeps_what_a_double_holds) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  DistMatrix x = DistMatrix::make(grid, 40, 9, 4, 4);
  x.fill_from([](auto i, auto j) {
    return test::value(i, j) * std::pow(2.0, -3.0 * static_cast<double>(i % 30));
  });
  const test::Serial before = test::gathered(x);
  round_to_slices(x, 3);
  const test::Serial after = test::gathered(x);
  // 2(β − 1) + 6 ≤ 53: β = 24, so the grid is 71 bits below a column's largest element.
  for (std::size_t k = 0; k < before.data.size(); ++k)
    EXPECT_LE(std::abs(before.data[k] - after.data[k]), 0x1p-71);
  EXPECT_EQ(plan_slices(40, 0x1p-104).bits, 24);
  // Three slices hold all of it, over any range of sizes in a column.
  DistMatrix one = DistMatrix::make(grid, 40, 40, 4, 4);
  one.fill_from([](auto i, auto j) { return i == j ? 1.0 : 0.0; });
  ExactFactor factor(x);
  factor.exact_slices = 3;
  const ExactProduct same = exact_product(one, factor, 4, 4);
  EXPECT_EQ(test::distance(test::gathered(same.value.hi), after), 0.0);
  EXPECT_LE(same.error, 0x1p-100);
}

TEST(SlicePlan, products_and_accuracy) {
  // k = 500: ⌈log₂ 500⌉ = 9, β = 23, five groups of slices hold 115 bits: 1 + 2 + 3 + 4 + 5.
  const SlicePlan plan = plan_slices(500, 0x1p-104);
  EXPECT_EQ(plan.bits, 23);
  EXPECT_EQ(plan.depth, 5);
  EXPECT_EQ(plan.products(), 15);
  EXPECT_EQ(plan_slices(500, 0x1p-104, 0, 3).products(), 12);
  // Both factors whole in two slices: nothing is skipped.
  const SlicePlan exact = plan_slices(500, 1e-300, 2, 2);
  EXPECT_EQ(exact.products(), 4);
  EXPECT_EQ(exact.relative_error, 0.0);
  for (const std::int64_t k : {1, 2, 1000, 70000, 1 << 24})
    for (const double accuracy : {1e-5, 1e-16, 1e-31, 1e-60}) {
      const SlicePlan p = plan_slices(k, accuracy);
      EXPECT_LE(p.relative_error, accuracy);
      EXPECT_LE(std::ldexp(static_cast<double>(k), 2 * (p.bits - 1)), 0x1p53);
    }
}

TEST(Apply, against_the_oracle) {
  const Communicator world = Communicator::world();
  test::for_each_grid(world, [](const ProcessGrid& grid, const std::string& name) {
    SCOPED_TRACE(name);
    const auto a = extended(grid, 13, 21, 4, 4, dense_a);
    for (const Op op : {Op::none, Op::transpose}) {
      const ExactFactor factor(a, op);
      std::vector<DoubleDouble> x;
      Quad column(factor.cols(), 1);
      for (std::int64_t i = 0; i < factor.cols(); ++i) {
        x.push_back(test::wide_value(i, 0, 12));
        column(i, 0) = qd_real(x.back());
      }
      const auto y = fathom::apply(factor, x);
      const Quad whole = op == Op::none ? test::quad(a) : test::transposed(test::quad(a));
      const Quad expected = test::product(whole, column);
      for (std::int64_t i = 0; i < factor.rows(); ++i)
        EXPECT_LE(std::abs(to_double(qd_real(y[static_cast<std::size_t>(i)]) - expected(i, 0))),
                  21 * 21 * 0x1p-103);
    }
  });
}

/// ‖C x − A (B x)‖₂ for x of ones and minus ones.
double probe_defect(const ExactFactor& a, const ExactFactor& b, const ExtendedMatrix& c) {
  std::vector<DoubleDouble> x;
  for (std::int64_t i = 0; i < b.cols(); ++i)
    x.emplace_back(test::value(i, 1, 13) > 0 ? 1.0 : -1.0);
  const auto direct = fathom::apply(c, x);
  const auto by_parts = fathom::apply(a, fathom::apply(b, x));
  DoubleDouble sum = 0.0;
  for (std::size_t k = 0; k < direct.size(); ++k)
    sum += sqr(direct[k] - by_parts[k]);
  return to_double(sqrt(sum));
}

TEST(ExactProduct, a_probe_agrees) {
  if (std::getenv("FATHOM_FAULT")) GTEST_SKIP() << "a fault is planted";
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  const auto a = extended(grid, 40, 40, 8, 8, dense_a), b = extended(grid, 40, 40, 8, 8, dense_b);
  const ExactProduct c = exact_product(a, b, 8, 8);
  EXPECT_LE(probe_defect(a, b, c.value), 1e-27);
}

TEST(SliceFault, is_seen_by_a_probe) {
  if (!std::getenv("FATHOM_FAULT")) GTEST_SKIP() << "no fault is planted";
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), 64, 4));
  const auto a = extended(grid, 40, 40, 8, 8, dense_a), b = extended(grid, 40, 40, 8, 8, dense_b);
  const ExactProduct c = exact_product(a, b, 8, 8);
  EXPECT_GE(probe_defect(a, b, c.value), 1e-12);
}

}  // namespace
}  // namespace fathom
