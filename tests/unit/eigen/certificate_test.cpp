#include "eigen/certificate.hpp"

#include "eigen/certified.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/krylov_check.hpp"
#include "eigen/verify.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

using namespace fathom;

TEST(Certificate, LimitsDecideAndTheWorstCheckCounts) {
  EXPECT_EQ((Check{"a", 9.9}).verdict(), Verdict::pass);
  EXPECT_EQ((Check{"a", 10.1}).verdict(), Verdict::warn);
  EXPECT_EQ((Check{"a", 60.1}).verdict(), Verdict::fail);
  EXPECT_EQ((Check{"a", std::nan("")}).verdict(), Verdict::fail);
  EXPECT_EQ((Check{"a", std::numeric_limits<double>::infinity()}).verdict(), Verdict::fail);
  const Certificate certificate{.checks = {{"a", 1}, {"b", 20}, {"c", 2}}, .residual_ratio = {}};
  EXPECT_EQ(certificate.verdict(), Verdict::warn);
  EXPECT_EQ(certificate.worst()->name, "b");
  EXPECT_EQ(certificate.summary(), "WARN (a 1, b 20, c 2)");
  EXPECT_EQ(Certificate{}.verdict(), Verdict::fail);
}

TEST(ErrorBound, UniformTermGrowsAsTheRoot) {
  EXPECT_DOUBLE_EQ(solver_error(4, 2.0, 3.0), 0x1p-53 * (8 * 2 + 6 * 3));
  EXPECT_DOUBLE_EQ(solver_error(10000, 1.0, 1.0), 106 * 0x1p-53);
}

TEST(ErrorBound, AssemblyAddsAndWhatWasMeasuredWidens) {
  const BoundTerms terms{1.0, 0.25, 0.5, {0.25, 3.0}};
  EXPECT_EQ(terms.bound(0), 1.5);
  EXPECT_EQ(terms.bound(1), 3.5);
  EXPECT_EQ((BoundTerms{1.0, 2.0, 0.5, {}}).bound(7), 4.5);
}

TEST(ErrorBound, RepresentationHasTheFormOfTheSolversTerm) {
  EXPECT_DOUBLE_EQ(representation_error(4, 2.0, 3.0, 0x1p-24), 0x1p-24 * (8 * 2 + 6 * 3));
  EXPECT_EQ(representation_error(4, 2.0, 3.0, unit_roundoff), 0);
}

TEST(ErrorBound, TrustAsksForTheRepresentationErrorToo) {
  const std::vector<double> value{1.0, 0.2, 0.1}, bound(3, 0.015);
  EXPECT_EQ(mode_states(value, bound, -1, 0.01),
            (std::vector{ModeState::trusted, ModeState::untrusted, ModeState::untrusted}));
}

TEST(ErrorBound, TheFloorIsTheSmallestEigenvalueThatCanBeTrusted) {
  CertifiedSpectrum spectrum;
  spectrum.error_bound = {1.0, 3.0, 2.0};
  spectrum.representation_error = 0.5;
  EXPECT_EQ(spectrum.largest_bound(), 3.0);
  EXPECT_EQ(spectrum.floor(), 35.0);
}

TEST(ErrorBound, StatesByBoundAndRank) {
  const std::vector<double> value{1.0, 0.2, 0.1, 1e-3, -1e-3}, bound(5, 0.015);
  const auto states = mode_states(value, bound, 4);
  EXPECT_EQ(states, (std::vector{ModeState::trusted, ModeState::trusted, ModeState::untrusted,
                                 ModeState::untrusted, ModeState::null_by_rank}));
  EXPECT_EQ(mode_states(value, bound, -1).back(), ModeState::untrusted);
}

TEST(Ritz, AValueWithoutAnEigenvalueInItsRadiusIsFound) {
  const RitzPairs ritz{{4.0, 1.0}, {0.1, 0.5}, 0};
  // radii 0.1²/2 = 0.005 around 4, and 0.5 around 1 where the gap is smaller than the residual
  EXPECT_EQ(ritz_value_excess(ritz, std::vector{4.004, 2.0, 1.2, 0.75}, true), 0);
  EXPECT_NEAR(ritz_value_excess(ritz, std::vector{4.1, 2.0, 1.2, 0.75}, true), 0.095, 1e-15);
  EXPECT_NEAR(ritz_value_excess(ritz, std::vector{4.0, 1.7, 1.6, 0.1}, true), 0.6 - 0.25 / 0.7,
              1e-15);
}

TEST(Ritz, APartialSpectrumAnswersOnlyForItsOwnRange) {
  const RitzPairs ritz{{4.0, 1.0}, {0.01, 0.1}, 0};
  EXPECT_EQ(ritz_value_excess(ritz, std::vector{4.0, 3.0}, false), 0);
  EXPECT_NEAR(ritz_value_excess(ritz, std::vector{4.0, 3.0}, true), 2 - 0.01 / 3, 1e-15);
}

TEST(Ritz, InterlacingFromBothEnds) {
  const RitzPairs ritz{{4.0, 1.0}, {0, 0}, 0};
  EXPECT_EQ(ritz_order_excess(ritz, std::vector{5.0, 2.0, 0.5}, true), 0);
  EXPECT_NEAR(ritz_order_excess(ritz, std::vector{3.5, 2.0, 0.5}, true), 0.5, 1e-15);
  EXPECT_NEAR(ritz_order_excess(ritz, std::vector{5.0, 2.0, 1.25}, true), 0.25, 1e-15);
}

TEST(Sums, CompensationKeepsWhatPlainSumsLose) {
  std::vector<double> x{1e16, 1.0, -1e16, 1.0};
  EXPECT_EQ(compensated_sum(x), 2.0);
  EXPECT_NEAR(euclidean_norm(std::vector{3e200, 4e200}) / 5e200, 1.0, 1e-15);
  EXPECT_EQ(euclidean_norm(std::vector{0.0, 0.0}), 0.0);
}
