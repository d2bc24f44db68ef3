// What is held of gradients, and blocks of the kernel from it, against the explicit gradients of
// the room networks.

#include "gram/signal_panel.hpp"

#include "bindings/blas.hpp"
#include "networks/gradient_columns.hpp"
#include "networks/mlp.hpp"
#include "networks/transformer.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace fathom {
namespace {

struct Sequence {
  std::unique_ptr<Network<double>> network;
  std::vector<double> parameters;
  std::unique_ptr<NetworkInputs> samples;
  EmpiricalNtk ntk(NtkKind kind) const {
    return {*network, parameters, *samples, {{2, 0}, {1, 1}}, kind};
  }
};

Sequence sequence() {
  Sequence s;
  s.network = make_transformer<double>({.vocabulary = 3,
                                        .context = 3,
                                        .blocks = 1,
                                        .width = 5,
                                        .head_size = 2,
                                        .mlp_width = 50,
                                        .bias_deviation = 0.1});
  s.parameters = initial_parameters(*s.network, 1);
  s.samples = replicated_tokens({0, 1, 2, 2, 1, 0, 1, 1, 0, 2, 0, 0}, 3, "four sequences");
  return s;
}

TEST(SignalLayout, holds_factors_where_a_pair_of_rows_is_cheaper_by_them) {
  const Sequence s = sequence();
  std::int64_t formed = 0, factors = 0;
  for (const NtkKind kind : {NtkKind::all_outputs, NtkKind::trace_kernel, NtkKind::sum_of_outputs})
    for (const SignalLayout::Linear& l : SignalLayout(s.ntk(kind)).linear) {
      const double shared = kind == NtkKind::all_outputs ? 4 : 1;
      const double out = static_cast<double>(l.out * (kind == NtkKind::trace_kernel ? 2 : 1));
      EXPECT_EQ(l.factors(),
                9 * (static_cast<double>(l.in) / shared + out) <= static_cast<double>(l.in) * out);
      EXPECT_NE(l.factors(), l.gradient >= 0);
      (l.factors() ? factors : formed) += 1;
    }
  EXPECT_GT(formed, 0);
  EXPECT_GT(factors, 0);
}

TEST(SignalLayout, has_a_place_for_every_number) {
  const Sequence s = sequence();
  const SignalLayout layout(s.ntk(NtkKind::all_outputs));
  std::int64_t row = 0, sample = 0;
  for (const SignalLayout::Linear& l : layout.linear) {
    row += l.factors() ? l.out * l.positions : l.in * l.out;
    row += l.bias_gradient >= 0 ? l.out : 0;
    sample += l.factors() ? l.in * l.positions : 0;
  }
  for (const SignalLayout::Direct& d : layout.direct)
    row += d.entries;
  EXPECT_EQ(layout.row_length, row);
  EXPECT_EQ(layout.sample_length, sample);
}

/// K of all rows by explicit gradients.
std::vector<double> by_gradients(const Sequence& s, const EmpiricalNtk& ntk) {
  const std::vector<std::int64_t> everyone = {0, 1, 2, 3};
  const InputBatch batch(*s.samples, everyone);
  const auto signals = s.network->forward(s.parameters, batch.batch())->signals(ntk.outputs);
  std::vector<double> k(64);
  const std::int64_t p = s.network->parameters();
  std::vector<double> gradient(static_cast<std::size_t>(8 * p));
  gradient_columns<double>(*s.network, signals, 0, {gradient.data(), p, 8, p});
  blas::gemm(Op::transpose, Op::none, 1.0, {gradient.data(), p, 8, p}, {gradient.data(), p, 8, p},
             0.0, {k.data(), 8, 8, 8});
  return k;
}

TEST(SignalProducts, of_chosen_rows_are_those_of_explicit_gradients) {
  const Sequence s = sequence();
  const EmpiricalNtk ntk = s.ntk(NtkKind::all_outputs);
  const std::vector<double> expected = by_gradients(s, ntk);
  std::vector<double> seen(64);

  const SignalLayout layout(ntk);
  SignalPanel rows, cols;
  const std::vector<std::int64_t> some = {1, 2, 3, 5}, others = {0, 5, 6};
  rows.name_rows(layout, some, 2);
  cols.name_rows(layout, others, 2);
  EXPECT_EQ(rows.samples, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(cols.sample_of_row, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(rows.first_row(1), 1);
  EXPECT_EQ(rows.first_row(3), 4);
  const SignalMaker maker(ntk, layout);
  maker.make(rows, 0, 3);
  maker.make(cols, 0, 1);  // in two parts
  maker.make(cols, 1, 2);
  SignalProducts products(layout);
  products.evaluate(rows, {1, 3}, cols, {0, 3}, {seen.data(), 3, 3, 8});
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 3; ++j) {
      const std::int64_t r = some[static_cast<std::size_t>(i + 1)];
      const std::int64_t c = others[static_cast<std::size_t>(j)];
      EXPECT_NEAR(seen[static_cast<std::size_t>(i + 8 * j)],
                  expected[static_cast<std::size_t>(r + 8 * c)],
                  1e-13 * std::sqrt(expected[static_cast<std::size_t>(9 * r)] *
                                    expected[static_cast<std::size_t>(9 * c)]));
    }
  EXPECT_GT(products.flops(), 0);
}

TEST(SignalProducts, of_rows_with_themselves_are_the_lower_triangle) {
  const Sequence s = sequence();
  const EmpiricalNtk ntk = s.ntk(NtkKind::all_outputs);
  const std::vector<double> expected = by_gradients(s, ntk);
  const SignalLayout layout(ntk);
  SignalPanel panel;
  const std::vector<std::int64_t> rows = {0, 1, 2, 3, 4, 5, 6, 7};
  panel.name_rows(layout, rows, 2);
  SignalMaker(ntk, layout).make(panel, 0, 4);
  // Both choices of a sample, and one of those at the ends.
  for (const SignalProducts::Range range : {SignalProducts::Range{0, 8}, {1, 6}, {3, 1}}) {
    SignalProducts products(layout);
    std::vector<double> seen(64);
    products.evaluate(panel, range, panel, range, {seen.data(), range.count, range.count, 8});
    for (std::int64_t j = 0; j < range.count; ++j)
      for (std::int64_t i = j; i < range.count; ++i) {
        const std::int64_t r = range.first + i, c = range.first + j;
        EXPECT_NEAR(seen[static_cast<std::size_t>(i + 8 * j)],
                    expected[static_cast<std::size_t>(r + 8 * c)],
                    1e-13 * std::sqrt(expected[static_cast<std::size_t>(9 * r)] *
                                      expected[static_cast<std::size_t>(9 * c)]))
            << "rows " << range.first << " + " << range.count << ", " << i << ", " << j;
      }
  }
}

TEST(SignalPanel, selects_rows_of_a_larger_one) {
  const Sequence s = sequence();
  const EmpiricalNtk ntk = s.ntk(NtkKind::trace_kernel);
  const SignalLayout layout(ntk);
  const SignalMaker maker(ntk, layout);
  SignalPanel all, some, direct;
  const std::vector<std::int64_t> everyone = {0, 1, 2, 3}, few = {1, 3};
  all.name_rows(layout, everyone, 1);
  some.name_rows(layout, few, 1);
  direct.name_rows(layout, few, 1);
  maker.make(all, 0, 4);
  maker.make(direct, 0, 2);
  select(layout, all, some);
  ASSERT_EQ(some.row_part.size(), direct.row_part.size());
  for (std::size_t k = 0; k < some.row_part.size(); ++k)
    EXPECT_NEAR(some.row_part[k], direct.row_part[k], 1e-13);
  for (std::size_t k = 0; k < some.sample_part.size(); ++k)
    EXPECT_NEAR(some.sample_part[k], direct.sample_part[k], 1e-13);
}

}  // namespace
}  // namespace fathom
