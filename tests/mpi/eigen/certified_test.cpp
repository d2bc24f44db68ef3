#include "certified_calls.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

struct EndSolvers : testing::Environment {
  void TearDown() override { finalize_solvers(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new EndSolvers);

}  // namespace

class KnownSpectra : public testing::TestWithParam<Backend> {};

TEST_P(KnownSpectra, EveryErrorIsWithinItsBound) {
  std::vector<double> widths;
  for (const KnownMatrix& matrix : all_known(161)) {
    const auto spectrum = certify(matrix, {.backend = GetParam()});
    widths.push_back(expect_bounds_hold(matrix, spectrum, 161));
  }
  EXPECT_LT(median(widths), 3000) << "the bounds are needlessly wide";
}

TEST_P(KnownSpectra, EveryErrorIsWithinItsBoundWithVectors) {
  for (const KnownMatrix& matrix : all_known(97)) {
    const auto spectrum = certify(matrix, {.vectors = true, .backend = GetParam()});
    expect_bounds_hold(matrix, spectrum, 97);
    ASSERT_TRUE(spectrum.result.vectors.has_value());
    EXPECT_EQ(spectrum.result.vectors->cols(), 97);
    EXPECT_EQ(spectrum.certificate.residual_ratio.size(), 97u);
  }
}

TEST_P(KnownSpectra, ExactlyDependentColumnsCostNoAccuracy) {
  for (const std::int64_t n : {80, 128, 150, 257})
    for (const std::int64_t block : {16, 48}) {
      KnownMatrix constant{"ones + I", n, std::vector<double>(static_cast<std::size_t>(n), 1.0),
                           [](auto i, auto j) { return i == j ? 2.0 : 1.0; }, 0};
      constant.eigenvalue[0] = static_cast<double>(n + 1);
      // 2^-|i-j| (Kac, Murdock, Szego): held against LAPACK, to its error.
      KnownMatrix markov{
          "2^-|i-j|",
          n,
          {},
          [](auto i, auto j) { return std::ldexp(1.0, -static_cast<int>(std::abs(i - j))); },
          0};
      markov.eigenvalue = lapack_spectrum(markov);
      markov.representation = 8 * unit_roundoff * markov.eigenvalue.front();
      for (const KnownMatrix& matrix : {minij(n), constant, markov}) {
        Recorder log;
        SpectrumProblem problem;
        problem.source = source_of(matrix);
        problem.n = n;
        problem.request.backend = GetParam();
        problem.layout.block = block;
        const auto spectrum = solve_certified(world(), problem, log);
        double worst = 0;
        for (std::size_t k = 0; k < matrix.eigenvalue.size(); ++k)
          worst = std::max(worst, std::abs(spectrum.result.eigenvalue[k] - matrix.eigenvalue[k]) /
                                      spectrum.error_bound[k]);
        const std::string what =
            fmt::format("{} n {} nb {}: {}", matrix.name, n, block, spectrum.certificate.summary());
        EXPECT_LE(worst, 1.0) << what;
        EXPECT_FALSE(spectrum.fell_back) << what << spectrum.fallback_reason;
      }
    }
}

TEST_P(KnownSpectra, LowerTriangleIsEnough) {
  const auto matrix = prescribed("power_law", power_law(130, 2));
  for (const bool vectors : {false, true})
    expect_bounds_hold(
        matrix, certify(matrix, {.vectors = vectors, .backend = GetParam()}, SymmetricFill::lower),
        130);
}

TEST_P(KnownSpectra, LargestFew) {
  const auto matrix = prescribed("power_law", power_law(150, 1.5));
  for (const bool vectors : {false, true})
    for (const std::int64_t count : {1, 7, 149}) {
      const auto spectrum =
          certify(matrix, {.count = count, .vectors = vectors, .backend = GetParam()});
      expect_bounds_hold(matrix, spectrum, count);
      EXPECT_EQ(spectrum.result.vectors.has_value(), vectors);
      if (vectors) {
        EXPECT_EQ(spectrum.result.vectors->cols(), count);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, KnownSpectra,
                         testing::Values(Backend::elpa2, Backend::elpa1, Backend::scalapack,
                                         Backend::lapack),
                         [](const auto& backend) { return std::string(name(backend.param)); });

TEST(Slepc, LargestFewOfTheAssembledMatrix) {
  if (!capabilities(Backend::slepc).available) GTEST_SKIP() << capabilities(Backend::slepc).limits;
  for (const KnownMatrix& matrix : {prescribed("power_law", power_law(200, 1.5)), minij(181)})
    for (const std::int64_t count : {1, 10})
      for (const bool vectors : {false, true}) {
        const auto spectrum =
            certify(matrix, {.count = count, .vectors = vectors, .backend = Backend::slepc});
        expect_bounds_hold(matrix, spectrum, count);
        EXPECT_EQ(spectrum.result.backend, Backend::slepc);
        EXPECT_FALSE(std::isnan(spectrum.certificate.residual_ratio[0]));
        EXPECT_EQ(spectrum.result.vectors.has_value(), vectors);
      }
}

TEST(Slepc, AllEigenvaluesAreRefusedBeforeAnyWork) {
  SpectrumProblem problem;
  problem.n = 50;
  problem.source = [](const ProcessGrid&, std::int64_t) -> SymmetricMatrix {
    throw Error(ExitCode::internal, "the matrix was made");
  };
  problem.request.backend = Backend::slepc;
  EXPECT_EQ(code_of(problem), ExitCode::deck);
}

TEST(States, RankAndFloorAreTold) {
  std::vector<double> value = power_law(120, 1.0);
  std::fill(value.begin() + 80, value.end(), 0.0);
  const auto matrix = prescribed("rank 80", value);
  Recorder log;
  SpectrumProblem problem;
  problem.source = source_of(matrix);
  problem.n = 120;
  problem.rank_bound = 80;

  const auto spectrum = solve_certified(world(), problem, log);

  EXPECT_EQ(spectrum.trusted, 80);
  EXPECT_EQ(spectrum.null_by_rank, 40);
  EXPECT_EQ(spectrum.state[79], ModeState::trusted);
  EXPECT_EQ(spectrum.state[80], ModeState::null_by_rank);
  EXPECT_EQ(spectrum.negative_beyond_bound, 0);
  EXPECT_NEAR(spectrum.trace, matrix.eigenvalue[0] * 4.965479278945517, 1e-12);
}

TEST(States, ZeroModesWithoutAKnownRankAreUntrusted) {
  std::vector<double> value = power_law(90, 1.0);
  std::fill(value.begin() + 60, value.end(), 0.0);
  const auto spectrum = certify(prescribed("rank 60", value));
  EXPECT_EQ(spectrum.trusted, 60);
  EXPECT_EQ(spectrum.state[60], ModeState::untrusted);
}
