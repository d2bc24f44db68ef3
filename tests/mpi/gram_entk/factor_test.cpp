// The factor Jᵀ against explicit gradients, and the tail of a kernel by it.

#include "bindings/blas.hpp"
#include "eigen/factor_spectrum.hpp"
#include "explicit_gradients.hpp"
#include "filled.hpp"
#include "gram/empirical_ntk_counts.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

class Silent final : public Progress {
  void note(const std::string&) override {}
  void warn(const std::string&) override {}
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}
};

TEST(EntkFactor, is_the_transposed_jacobian_in_chunks_of_any_kind) {
  const Communicator world = Communicator::world();
  for (const EntkCase& c : entk_cases()) {
    const Reference j = jacobian(c);
    for (const NtkKind kind : every_kind)
      for (const std::int64_t hold : {std::int64_t{0}, std::int64_t{1} << 28}) {
        const EmpiricalNtk ntk = c.ntk(kind);
        const auto factor = empirical_ntk_factor(ntk, {.hold_bytes = hold});
        const Reference expected = transposed(factor_rows(j, ntk.choices(), kind));
        ASSERT_EQ(factor->rows(), expected.rows);
        ASSERT_EQ(factor->cols(), expected.cols);
        EXPECT_EQ(factor->rank_bound(), std::min(expected.rows, expected.cols));
        const std::int64_t rows = factor->rows();
        for (const auto& [chunk, mb, nb] : {std::tuple(rows, std::int64_t{5}, std::int64_t{2}),
                                            {rows / 2 + 1, 7, 4},
                                            {rows / 3 + 2, 64, 3}}) {
          const ProcessGrid grid(world, choose_grid(world.size(), 1000, 1));
          EXPECT_LT(difference(filled(*factor, grid, mb, nb, chunk), expected), 1e-13)
              << fmt::format("{}, {}, blocks {}x{}, chunk {}, hold {}", c.name, name(kind), mb, nb,
                             chunk, hold);
        }
      }
  }
}

TEST(EntkFactor, has_the_assembled_kernel_as_its_gram_matrix) {
  const Communicator world = Communicator::world();
  for (const EntkCase& c : entk_cases())
    for (const NtkKind kind : every_kind) {
      const ProcessGrid grid(world, choose_grid(world.size(), 30, 4));
      const Reference k = gathered(assemble_empirical_ntk(grid, 4, c.ntk(kind)).symmetric.matrix);
      const auto factor = empirical_ntk_factor(c.ntk(kind));
      const Reference f = filled(*factor, grid, 4, 4, 50);
      EXPECT_LT(difference(gram_of(transposed(f)), k), 1e-13) << c.name << ", " << name(kind);
    }
}

/// Points of a circle and smooth activations: eigenvalues far below ε λ₁.
TEST(EntkFactor, lets_the_cascade_see_below_the_rounding_of_the_kernel) {
  const Communicator world = Communicator::world();
  const std::int64_t n = 40;
  const auto circle = circle_rows(n, CircleSpacing::random, 3);
  EntkCase c = mlp_case(
      "circle", {.input = 2, .hidden = {60, 60}, .classes = 1, .activation = ActivationKind::erf},
      n);
  c.samples = made_samples(*circle);
  const auto factor = empirical_ntk_factor(c.ntk(NtkKind::all_outputs));
  Silent progress;
  const FactorSpectrum seen =
      solve_factor(world, *factor, TailMethod::cascade, false, {}, {}, progress);

  const Reference j = jacobian(c);
  std::vector<double> columns(j.value.begin(), j.value.end());  // Jᵀ, column-major
  std::vector<double> sigma = lapack::singular_values({columns.data(), j.cols, j.rows, j.cols});
  std::int64_t below = 0;
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    const double value = sigma[k] * sigma[k];
    const double own = 2 * sigma[k] * 1e-14 * sigma[0] + 1e-28 * sigma[0] * sigma[0];
    EXPECT_NEAR(seen.eigenvalue[k], value, seen.error_bound[k] + own) << k;
    below += seen.state[k] == ModeState::trusted && value < 1e-17 * sigma[0] * sigma[0];
  }
  EXPECT_GT(below, 2);
}

/// 2-3-1 with biases: inputs 2 + 3, backward signals 3 + 1 a sample, 8 bytes each.
TEST(EntkFactor, says_what_signals_it_keeps) {
  const EntkCase c = mlp_case("small", {.input = 2, .hidden = {3}, .biases = true}, 10);
  const EmpiricalNtk ntk = c.ntk(NtkKind::all_outputs);
  const EntkCounts counts(ntk);
  EXPECT_EQ(counts.factor_bytes(4), 4 * 8 * 9);
  EXPECT_EQ(counts.factor_bytes(1000), 10 * 8 * 9);
  EXPECT_LE(counts.factor_bytes(4, {.hold_bytes = 0}), 4 * 8 * 9);
  EXPECT_EQ(counts.factor_flops(), empirical_ntk_factor(ntk)->flops());
}

}  // namespace
}  // namespace fathom
