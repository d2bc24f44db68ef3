// Statistics of gradients against traces and quadratic forms of the kernel.

#include "explicit_gradients.hpp"
#include "gram/gradient_statistics.hpp"

#include <gtest/gtest.h>

namespace fathom {
namespace {

/// g of an output: any function of the sample and the output.
double some_gradient(std::int64_t sample, std::int64_t output) {
  return std::cos(1.0 + 3.0 * static_cast<double>(sample) + static_cast<double>(output));
}

void fill_some(std::span<const std::int64_t> samples, MatrixView<const double>,
               MatrixView<double> g) {
  for (std::int64_t q = 0; q < g.cols; ++q)
    for (std::int64_t o = 0; o < g.rows; ++o)
      g(o, q) = some_gradient(samples[static_cast<std::size_t>(q)], o);
}

struct Expected {
  double chi_loss = 0, loss_decrease = 0, chi_net = 0, deviation = 0;  // of one probe
};

Expected expected_of(const EntkCase& c) {
  const Reference k = gram_of(jacobian(c));
  const std::int64_t choices = std::ssize(c.outputs);
  const auto g = [&](std::int64_t row) {
    const OutputChoice& o = c.outputs[static_cast<std::size_t>(row % choices)];
    return some_gradient(row / choices, o.position * c.network->classes() + o.output_class);
  };
  Expected e;
  double off = 0;
  for (std::int64_t i = 0; i < k.rows; ++i) {
    e.chi_loss += g(i) * g(i);
    e.chi_net += static_cast<double>(k(i, i));
    for (std::int64_t j = 0; j < k.rows; ++j) {
      e.loss_decrease += g(i) * static_cast<double>(k(i, j)) * g(j);
      if (i != j) off += static_cast<double>(k(i, j) * k(i, j));
    }
  }
  e.deviation = std::sqrt(2 * off);
  return e;
}

TEST(GradientStatistics, are_traces_and_forms_of_the_kernel) {
  const Communicator world = Communicator::world();
  for (const EntkCase& c : entk_cases()) {
    const Expected e = expected_of(c);
    for (const std::int64_t batch : {0, 2}) {
      const GradientStatistics s =
          gradient_statistics(world, c.ntk(NtkKind::all_outputs), fill_some, {.batch = batch});
      EXPECT_NEAR(s.chi_loss, e.chi_loss, 1e-13 * e.chi_loss) << c.name;
      EXPECT_NEAR(s.chi_net, e.chi_net, 1e-13 * e.chi_net) << c.name;
      EXPECT_NEAR(s.loss_decrease, e.loss_decrease, 1e-12 * e.chi_net * e.chi_loss) << c.name;
      EXPECT_EQ(s.chi_net_error, 0);
      EXPECT_DOUBLE_EQ(s.spectral_position(), s.loss_decrease / (s.chi_loss * s.chi_net));
    }
  }
}

TEST(GradientStatistics, by_probes_are_within_their_standard_error) {
  const Communicator world = Communicator::world();
  for (const EntkCase& c : entk_cases()) {
    const Expected e = expected_of(c);
    GradientStatistics s[2];
    for (const std::int64_t workspace : {std::int64_t{0}, std::int64_t{1} << 28})
      s[workspace > 0] =
          gradient_statistics(world, c.ntk(NtkKind::all_outputs), fill_some,
                              {.probes = 200, .seed = 11, .workspace_bytes = workspace});
    EXPECT_NEAR(s[0].chi_net, s[1].chi_net, 1e-13 * e.chi_net);
    EXPECT_EQ(s[0].probes, 200);
    EXPECT_LT(std::abs(s[0].chi_net - e.chi_net), 4 * s[0].chi_net_error) << c.name;
    EXPECT_NEAR(s[0].chi_net_error, e.deviation / std::sqrt(200.0),
                0.3 * e.deviation / std::sqrt(200.0))
        << c.name;
    EXPECT_NEAR(s[0].loss_decrease, e.loss_decrease, 1e-12 * e.chi_net * e.chi_loss);
  }
}

TEST(GradientStatistics, that_are_not_finite_are_an_error_everywhere) {
  const Communicator world = Communicator::world();
  const EntkCase c = mlp_case("nan", {.input = 2, .hidden = {3}}, 9);
  const auto poisoned = [](std::span<const std::int64_t> samples, MatrixView<const double>,
                           MatrixView<double> g) {
    for (std::int64_t q = 0; q < g.cols; ++q)
      g(0, q) = samples[static_cast<std::size_t>(q)] == 8 ? std::nan("") : 1.0;
  };
  EXPECT_THROW(gradient_statistics(world, c.ntk(NtkKind::all_outputs), poisoned), AgreedError);
}

TEST(GradientStatistics, of_no_gradient_have_no_position) {
  EXPECT_EQ(GradientStatistics{}.spectral_position(), 0);
}

}  // namespace
}  // namespace fathom
