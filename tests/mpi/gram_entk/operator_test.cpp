// Products without a matrix against the kernel of explicit gradients.

#include "explicit_gradients.hpp"
#include "gram/empirical_ntk_counts.hpp"

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(EntkOperator, applies_the_kernel_to_blocks_of_vectors_alike_on_every_rank) {
  const Communicator world = Communicator::world();
  for (const EntkCase& c : entk_cases()) {
    const Reference j = jacobian(c);
    for (const NtkKind kind : every_kind) {
      const EmpiricalNtk ntk = c.ntk(kind);
      const Reference k = gram_of(factor_rows(j, ntk.choices(), kind));
      const std::int64_t n = ntk.order(), m = 3;
      std::vector<double> x(static_cast<std::size_t>((n + 2) * m)), y(x.size(), 7.0);
      for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = std::sin(1.0 + static_cast<double>(i));
      for (const EntkOperatorOptions& options :
           {EntkOperatorOptions{}, EntkOperatorOptions{.batch = 2},
            EntkOperatorOptions{.workspace_bytes = 0, .batch = 2}}) {
        const auto a = empirical_ntk_operator(world, ntk, options);
        ASSERT_EQ(a->order(), n);
        EXPECT_EQ(a->rank_bound(), std::min(n, ntk.factor_rows()));
        a->apply({x.data(), n, m, n + 2}, {y.data(), n, m, n + 2});
        double error = 0, largest = 0;
        for (std::int64_t q = 0; q < m; ++q)
          for (std::int64_t i = 0; i < n; ++i) {
            long double sum = 0;
            for (std::int64_t l = 0; l < n; ++l)
              sum += k(i, l) * x[static_cast<std::size_t>(l + (n + 2) * q)];
            error = std::max(error, std::abs(y[static_cast<std::size_t>(i + (n + 2) * q)] -
                                             static_cast<double>(sum)));
            largest = std::max(largest, std::abs(static_cast<double>(sum)));
          }
        EXPECT_LT(error, 1e-13 * largest) << c.name << ", " << name(kind);
        EXPECT_LT(error, 10 * a->relative_error() * static_cast<double>(n * k.largest()));
        std::vector<double> root = y;
        world.broadcast(std::span(root));
        EXPECT_EQ(root, y);
        EXPECT_GT(a->flops(), 0);
      }
    }
  }
}

TEST(EntkOperator, of_no_vectors_does_nothing) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("none", {.input = 2, .hidden = {3}}, 4);
  const auto a = empirical_ntk_operator(world, c.ntk(NtkKind::all_outputs));
  a->apply({nullptr, 4, 0, 4}, {nullptr, 4, 0, 4});
}

/// Kept passes and directions of nine parameters; without a workspace one direction remains.
TEST(EntkOperator, says_what_it_takes) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("small", {.input = 2, .hidden = {2}}, 8);
  const EmpiricalNtk ntk = c.ntk(NtkKind::all_outputs);
  ASSERT_EQ(c.network->parameters(), 9);
  const EntkCounts counts(ntk);
  const double three = counts.operator_bytes(world.size(), 3);
  EXPECT_EQ(counts.operator_bytes(world.size(), 5) - three, 2 * 8 * 9);
  EXPECT_LE(counts.operator_bytes(world.size(), 5, {.workspace_bytes = 0, .batch = 1}), three);
  const auto a = empirical_ntk_operator(world, ntk, {.workspace_bytes = 0});
  EXPECT_EQ(a->flops(), counts.operator_flops());
  EXPECT_EQ(a->flops(), 8 * 6 * c.network->forward_flops());
}

}  // namespace
}  // namespace fathom
